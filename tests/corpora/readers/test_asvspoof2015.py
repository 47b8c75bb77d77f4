import pytest
from support import disk

from rawm.errors import UserError

LINES = {
    "cm_train.trn": ["T1 T1_1000001 human human", "T1 T1_1000108 S1 spoof"],
    "cm_develop.ndx": ["D1 D1_1002598 human human", "D1 D1_1002700 S5 spoof"],
    "cm_evaluation.ndx": ["E1 E10000144 S10 spoof", "E46 E10193395 human human"],
}


@pytest.fixture
def root(tmp_path):
    """The official tree, with an enrolment recording beside the evaluation recordings of a speaker."""
    for name, lines in LINES.items():
        disk.write_lines(tmp_path / "CM_protocol" / name, lines)
        for speaker, file in (line.split()[:2] for line in lines):
            disk.write_audio(tmp_path / f"wav/{speaker}/{file}.wav")
    disk.write_audio(tmp_path / "wav/E1/E1_EN10001.wav")
    return tmp_path


def test_the_word_is_human_and_the_path_has_the_speaker(root):
    rows = {row["utterance_id"]: row for row in disk.make("asvspoof2015", root)}
    assert disk.summary(rows.values()) == {
        ("train", "genuine", "T1_1000001"),
        ("train", "fake", "T1_1000108"),
        ("dev", "genuine", "D1_1002598"),
        ("dev", "fake", "D1_1002700"),
        ("eval", "fake", "E10000144"),
        ("eval", "genuine", "E10193395"),
    }
    fake, genuine = rows["E10000144"], rows["E10193395"]
    assert (fake["path"], fake["attack"], fake["speaker"]) == ("wav/E1/E10000144.wav", "S10", "E1")
    assert (genuine["path"], genuine["attack"], genuine["language"]) == ("wav/E46/E10193395.wav", "-", "en")


def test_bonafide_of_later_challenges_is_refused(root):
    disk.write_lines(root / "CM_protocol/cm_train.trn", [*LINES["cm_train.trn"], "T1 T1_1000109 human bonafide"])
    with pytest.raises(UserError, match=r"label 'bonafide' in 1 line\(s\) is not one of human, spoof"):
        disk.make("asvspoof2015", root)


def test_enrolment_recordings_in_the_wav_tree_are_ignored(root):
    assert "E1_EN10001" not in {row["utterance_id"] for row in disk.make("asvspoof2015", root)}


def test_copies_whose_protocols_end_in_txt_are_read(root):
    expected = disk.make("asvspoof2015", root)
    for name in LINES:
        (root / "CM_protocol" / name).rename(root / f"CM_protocol/{name}.txt")
    assert disk.make("asvspoof2015", root) == expected


def test_windows_line_ends_and_a_missing_last_newline_change_nothing(root):
    expected = disk.make("asvspoof2015", root)
    for name, lines in LINES.items():
        disk.write_lines(root / "CM_protocol" / name, lines, end="\r\n", last=False)
    assert disk.make("asvspoof2015", root) == expected


def test_a_missing_protocol_is_called_by_its_official_name(root):
    (root / "CM_protocol/cm_develop.ndx").unlink()
    with pytest.raises(UserError, match=r"cm_develop\.ndx: no such protocol file"):
        disk.make("asvspoof2015", root)


def test_a_missing_recording_is_named(root):
    (root / "wav/D1/D1_1002700.wav").unlink()
    with pytest.raises(UserError, match=r"1 of 6 files are not under .*, first wav/D1/D1_1002700\.wav"):
        disk.make("asvspoof2015", root)


def test_other_counts_than_the_remembered_ones_are_a_warning_only(root, capsys):
    rows = disk.make("asvspoof2015", root, expected={"train": {"genuine": 3750, "fake": 12625}})
    assert len(rows) == 6
    assert "train has 1 genuine utterances; 3750 are published" in capsys.readouterr().err
