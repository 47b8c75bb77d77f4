import pytest
from support import disk

from rawm.errors import UserError

LINES = {
    "train.trn": ["LA_0079 LA_T_1138215 - - bonafide", "LA_0079 LA_T_1271820 - A01 spoof"],
    "dev.trl": ["LA_0069 LA_D_1047731 - - bonafide", "LA_0078 LA_D_9967770 - A06 spoof"],
    "eval.trl": ["LA_0039 LA_E_2834763 - A11 spoof", "LA_0014 LA_E_8877452 - - bonafide"],
}


@pytest.fixture
def root(tmp_path):
    """The folder LA, with an enrolment recording that no protocol of countermeasures lists."""
    for (name, lines), split in zip(LINES.items(), ("train", "dev", "eval"), strict=True):
        disk.write_lines(tmp_path / f"ASVspoof2019_LA_cm_protocols/ASVspoof2019.LA.cm.{name}.txt", lines)
        for file in [line.split()[1] for line in lines] + [f"LA_{split[0].upper()}_0000001"]:
            disk.write_audio(tmp_path / f"ASVspoof2019_LA_{split}/flac/{file}.flac")
    return tmp_path


def test_rows_are_those_of_the_protocol_and_not_of_the_folder(root):
    rows = disk.make("asvspoof2019_la", root)
    assert disk.summary(rows) == {
        ("train", "genuine", "LA_T_1138215"),
        ("train", "fake", "LA_T_1271820"),
        ("dev", "genuine", "LA_D_1047731"),
        ("dev", "fake", "LA_D_9967770"),
        ("eval", "fake", "LA_E_2834763"),
        ("eval", "genuine", "LA_E_8877452"),
    }
    fake = next(row for row in rows if row["utterance_id"] == "LA_D_9967770")
    assert (fake["speaker"], fake["attack"], fake["language"]) == ("LA_0078", "A06", "en")
    assert fake["duration_s"] == pytest.approx(0.3)
    assert all(row["attack"] == "-" for row in rows if row["label"] == "genuine")


def test_windows_line_ends_and_a_missing_last_newline_change_nothing(root):
    expected = disk.make("asvspoof2019_la", root)
    for name, lines in LINES.items():
        path = root / f"ASVspoof2019_LA_cm_protocols/ASVspoof2019.LA.cm.{name}.txt"
        disk.write_lines(path, lines, end="\r\n", last=False)
    assert disk.make("asvspoof2019_la", root) == expected


def test_mistakes_are_said_together(root):
    path = root / "ASVspoof2019_LA_cm_protocols/ASVspoof2019.LA.cm.train.trn.txt"
    disk.write_lines(path, [*LINES["train.trn"], "LA_0079 LA_T_1 - - bona-fide", "LA_0079 LA_T_2 bonafide"])
    (root / "ASVspoof2019_LA_dev/flac/LA_D_1047731.flac").unlink()
    with pytest.raises(UserError) as caught:
        disk.make("asvspoof2019_la", root)
    lines = str(caught.value).splitlines()
    assert len(lines) == 3
    assert "first line 4, do not have 5 columns" in lines[0]
    assert "label 'bona-fide' in 1 line(s) is not one of bonafide, spoof" in lines[1]
    assert "1 of 6 files are not under" in lines[2]


def test_a_missing_protocol_is_named(root):
    (root / "ASVspoof2019_LA_cm_protocols/ASVspoof2019.LA.cm.eval.trl.txt").unlink()
    with pytest.raises(UserError, match=r"cm\.eval\.trl\.txt: no such protocol file"):
        disk.make("asvspoof2019_la", root)


SYSTEMS = {
    "fourth_field": ("- A01", None),
    "third_field": ("A01 -", None),
    "both_fields": ("aaa AA", "1 line(s), first of LA_T_1271820, do not have in fields 3 and 4 one attack and a '-'"),
    "no_field": ("- -", "1 line(s), first of LA_T_1271820, do not have in fields 3 and 4 one attack and a '-'"),
    "genuine_too": ("- A01", "1 line(s), first of LA_T_1138215, do not have in fields 3 and 4 one attack and a '-'"),
}


@pytest.mark.parametrize("case", SYSTEMS)
def test_the_attack_is_read_from_the_third_or_the_fourth_field(root, case):
    """Kind: a protocol whose columns are in another order, read without a word.

    In the list: the attack in the third field. Others: both fields filled, as in physical access; neither; an attack of
    genuine speech.
    """
    fields, sentence = SYSTEMS[case]
    genuine = "- A02" if case == "genuine_too" else "- -"
    path = root / "ASVspoof2019_LA_cm_protocols/ASVspoof2019.LA.cm.train.trn.txt"
    disk.write_lines(path, [f"LA_0079 LA_T_1138215 {genuine} bonafide", f"LA_0079 LA_T_1271820 {fields} spoof"])
    listing = disk.read("asvspoof2019_la", root)
    if sentence is None:
        assert listing.problems == []
        assert [row["attack"] for row in listing.rows[:2]] == ["-", "A01"]
    else:
        assert len(listing.problems) == 1 and sentence in listing.problems[0]
