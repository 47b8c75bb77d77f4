import pytest
from support import disk

from rawm.errors import UserError

LINES = [
    "20000001.wav,0,A01",
    "20010000.wav,1,N01",
    "20010001.wav,0,A09",
    "20030000.wav,1,N01",
    "20030001.wav,0,A10_MP3",
    "20030002.wav,1,N01_ND02",
    "20050000.wav,0,A13",
]


@pytest.fixture
def root(tmp_path):
    """The official list, without last newline, and recordings in folders of any name; one recording is not listed."""
    root = tmp_path / "FMFCC A"
    disk.write_lines(root / "AllUtteranceInfo.txt", LINES, last=False)
    for number, line in enumerate([*LINES, "20050001.wav"]):
        disk.write_audio(root / f"part{number % 2}/wav" / line.split(",")[0])
    return root


def test_flag_1_is_genuine_and_the_split_follows_from_the_number(root):
    rows = disk.make("fmfcc_a", root)
    assert disk.summary(rows) == {
        ("train", "fake", "20000001"),
        ("train", "genuine", "20010000"),
        ("dev", "fake", "20010001"),
        ("dev", "genuine", "20030000"),
        ("eval", "fake", "20030001"),
        ("eval", "genuine", "20030002"),
        ("eval", "fake", "20050000"),
    }


def test_the_last_line_without_newline_is_read(root):
    assert disk.make("fmfcc_a", root)[-1]["utterance_id"] == "20050000"


def test_post_processing_is_the_condition_and_not_part_of_the_system(root):
    found = {row["utterance_id"]: (row["attack"], row["condition"]) for row in disk.make("fmfcc_a", root)}
    assert found["20030001"] == ("A10", "MP3") and found["20030002"] == ("-", "ND02")
    assert found["20050000"] == ("A13", "-") and found["20010000"] == ("-", "-")


def test_windows_line_ends_change_nothing(root):
    expected = disk.make("fmfcc_a", root)
    disk.write_lines(root / "AllUtteranceInfo.txt", LINES, end="\r\n")
    assert disk.make("fmfcc_a", root) == expected


def test_mistakes_are_said_together(root):
    lines = [
        *LINES,
        "20000000.wav,0,A01",
        "20050001.wav,0,A01",
        "x.wav,0,A01",
        "20000002.wav,fake,A01",
        "20000003 0 A01",
    ]
    disk.write_lines(root / "AllUtteranceInfo.txt", lines)
    (root / "part0/wav/20000001.wav").unlink()
    with pytest.raises(UserError) as caught:
        disk.make("fmfcc_a", root)
    text = str(caught.value)
    assert "first line 12, do not have 3 columns" in text and "label 'fake' in 1 line(s) is not one of 1, 0" in text
    assert "3 file(s), first 20000000.wav, are not numbered 20000001 to 20050000" in text
    assert "1 of 7 files are not under" in text and len(text.splitlines()) == 4


def test_the_whole_list_is_read(tmp_path):
    disk.write_lines(tmp_path / "AllUtteranceInfo.txt", [f"{n}.wav,0,A01" for n in range(20000001, 20050001)])
    rows, problems = disk.read("fmfcc_a", tmp_path)
    assert len(rows) == 50000 and not problems
