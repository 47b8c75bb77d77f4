import pytest
from support import disk

from rawm import manifest
from rawm.errors import UserError

LINES = [
    "file,speaker,label",
    "0.wav,Alec Guinness,spoof",
    "1.wav,Alec Guinness,bona-fide",
    '10.wav,"Luther King, Jr.",spoof',
    "2.wav,Winston Churchill,bona-fide",
]
SPLITS = {"train": 0.5, "dev": 0.25, "eval": 0.25}


@pytest.fixture
def root(tmp_path):
    disk.write_lines(tmp_path / "meta.csv", LINES)
    for name in ("0", "1", "10", "2", "31779"):
        disk.write_audio(tmp_path / f"{name}.wav")
    return tmp_path


def test_bona_fide_with_a_hyphen_is_genuine_and_unlisted_files_are_left_out(root):
    rows = disk.read("in_the_wild", root).rows
    assert disk.summary(rows) == {("", "fake", "0"), ("", "genuine", "1"), ("", "fake", "10"), ("", "genuine", "2")}
    assert {(row["attack"], row["language"]) for row in rows} == {("-", "en")}


def test_speakers_with_blanks_and_quoted_commas_are_whole(root):
    rows = {row["path"]: row["speaker"] for row in disk.read("in_the_wild", root).rows}
    assert (rows["0.wav"], rows["10.wav"]) == ("Alec Guinness", "Luther King, Jr.")


def test_windows_line_ends_and_a_missing_last_newline_change_nothing(root):
    expected = disk.divided("in_the_wild", root, splits=SPLITS)
    disk.write_lines(root / "meta.csv", [*LINES, ""], end="\r\n", last=False)
    assert disk.divided("in_the_wild", root, splits=SPLITS) == expected
    disk.write_lines(root / "meta.csv", LINES, last=False)
    assert disk.divided("in_the_wild", root, splits=SPLITS) == expected


def test_the_corpus_has_no_official_split_and_may_be_divided_by_speaker(root):
    with pytest.raises(UserError, match=r"4 utterance\(s\) have no official split"):
        disk.make("in_the_wild", root)
    lines = [LINES[0], *(f"{n}.wav,Person {n % 9},{('spoof', 'bona-fide')[n % 2]}" for n in range(40))]
    disk.write_lines(root / "meta.csv", lines)
    for n in range(40):
        disk.write_audio(root / f"{n}.wav")
    rows = disk.make("in_the_wild", root, splits=SPLITS | {"by": "speaker"})
    assert manifest.leak_problems(rows, "speaker") == []
    assert len({row["split"] for row in rows}) > 1


def test_mistakes_are_said_together(root):
    disk.write_lines(root / "meta.csv", [*LINES, "3.wav,Alec Guinness,bonafide", "4.wav,Alec Guinness"])
    (root / "2.wav").unlink()
    with pytest.raises(UserError) as caught:
        disk.make("in_the_wild", root, splits=SPLITS)
    lines = str(caught.value).splitlines()
    assert len(lines) == 3
    assert "first line 7, do not have 3 columns" in lines[0]
    assert "label 'bonafide' in 1 line(s) is not one of bona-fide, spoof" in lines[1]
    assert "1 of 4 files are not under" in lines[2]


def test_another_header_is_refused_by_name(root):
    disk.write_lines(root / "meta.csv", ["name,speaker,label", *LINES[1:]])
    with pytest.raises(UserError, match=r"meta\.csv: no column file; found: name, speaker, label"):
        disk.read("in_the_wild", root)
    (root / "meta.csv").unlink()
    with pytest.raises(UserError, match=r"meta\.csv: no such protocol file"):
        disk.read("in_the_wild", root)
