from rawm.corpora.protocol import ProtocolFile


def test_text_with_unusual_line_separators_stays_on_its_line(tmp_path):
    path = tmp_path / "list.txt"
    path.write_bytes("a|one\u2028two\x0bthree|real\r\nb|four|real".encode())
    protocol = ProtocolFile(path, (3,), {"real": "genuine"}, separator="|")
    assert [fields[0] for fields in protocol] == ["a", "b"]
    assert protocol.problems == []
