import pytest
from support import disk

from rawm.errors import UserError


def write_part(root, labels, folder, lines, **how):
    """A list of labels, and a recording in the folder for each line; one file more, which the list does not have."""
    disk.write_lines(root / labels, lines, **how)
    for name in [line.split()[0].removesuffix(".wav") for line in lines] + ["unlisted"]:
        disk.write_audio(root / folder / f"{name}.wav")


@pytest.fixture
def root_2022(tmp_path):
    """Training and development part, an evaluation track and an adaptation set, in a path with spaces."""
    root = tmp_path / "ADD 2022"
    for split, letter in (("train", "T"), ("dev", "D")):
        lines = [f"ADD_{letter}_00000000.wav genuine", f"ADD_{letter}_00003043.wav fake"]
        write_part(root, f"ADD_train_dev/label/{split}_label.txt", f"ADD_train_dev/{split}", lines)
    write_part(root, "track1test/label.txt", "track1test", ["ADD_E1_00000001.wav genuine"])
    write_part(root, "track3.2R2/label.txt", "track3.2R2/wav", ["ADD_E1_00000001.wav fake 2"])
    write_part(root, "track1adp_out/label.txt", "track1adp_out", ["ADD_A_00000000.wav fake"])
    return root


def test_2022_rows_are_those_of_the_lists_without_adaptation_sets(root_2022):
    rows = disk.make("add2022", root_2022)
    assert disk.summary(rows) == {
        ("train", "genuine", "ADD_T_00000000"),
        ("train", "fake", "ADD_T_00003043"),
        ("dev", "genuine", "ADD_D_00000000"),
        ("dev", "fake", "ADD_D_00003043"),
        ("eval", "genuine", "track1test/ADD_E1_00000001"),
        ("eval", "fake", "track3.2R2/ADD_E1_00000001"),
    }
    assert {row["condition"] for row in rows} == {"-", "track1test", "track3.2R2"}
    assert {row["language"] for row in rows} == {"zh"}


def test_2022_copies_with_the_words_bonafide_and_spoof_and_more_columns_read_the_same(root_2022):
    expected = disk.make("add2022", root_2022)
    lines = ["ADD_T_00000000 bonafide", "ADD_T_00003043 spoof - 0"]
    path = root_2022 / "ADD_train_dev/label/train_label.txt"
    disk.write_lines(path, lines, end="\r\n", last=False)
    assert disk.make("add2022", root_2022) == expected


def test_2022_numbers_behind_the_word_are_no_labels(root_2022):
    disk.write_lines(root_2022 / "track3.2R2/label.txt", ["ADD_E1_00000001.wav fake 1"])
    assert ("eval", "fake", "track3.2R2/ADD_E1_00000001") in disk.summary(disk.make("add2022", root_2022))


def test_2022_unknown_words_and_missing_recordings_are_said_together(root_2022):
    lines = ["ADD_T_00000000.wav real", "ADD_T_00000009.wav fake", "ADD_T_00000010.wav"]
    disk.write_lines(root_2022 / "ADD_train_dev/label/train_label.txt", lines)
    with pytest.raises(UserError) as caught:
        disk.make("add2022", root_2022)
    text = str(caught.value)
    assert "first line 3, do not have" in text and "label 'real' in 1 line(s)" in text
    assert "1 of 5 files are not under" in text and "ADD_train_dev/train/ADD_T_00000009.wav" in text


@pytest.fixture
def root_2023(tmp_path):
    for part, stem in (("train", "T1.2_T"), ("dev", "T1.2_D"), ("testR1", "T1.2R1_E"), ("testR2", "T1.2R2_E")):
        lines = [f"ADD2023_{stem}_00000003.wav genuine", f"ADD2023_{stem}_00000004.wav fake"]
        write_part(tmp_path, f"Track1.2/{part}/label.txt", f"Track1.2/{part}/wav", lines, last=False)
    for part, letter in (("train", "T"), ("dev", "D"), ("test", "E")):
        folder = f"ADD2023_Track2_{part}"
        lines = [f"ADD2023_T2_{letter}_00000001 0.00-4.72-T 1", f"ADD2023_T2_{letter}_00000002 0.00-1.5-T/1.5-2.0-F 0"]
        write_part(tmp_path, f"{folder}/label.txt", f"{folder}/wav", lines)
    return tmp_path


def test_2023_track1_keeps_what_stands_behind_the_dot_of_an_id(root_2023):
    rows = disk.make("add2023_track1", root_2023)
    assert len(rows) == 8
    row = next(row for row in rows if row["utterance_id"] == "ADD2023_T1.2_T_00000003")
    assert row["path"] == "Track1.2/train/wav/ADD2023_T1.2_T_00000003.wav" and row["label"] == "genuine"
    rounds = {(row["split"], row["condition"]) for row in rows}
    assert rounds == {("train", "-"), ("dev", "-"), ("eval", "testR1"), ("eval", "testR2")}


def test_2023_track1_without_wav_in_the_list_reads_the_same(root_2023):
    expected = disk.make("add2023_track1", root_2023)
    path = root_2023 / "Track1.2/train/label.txt"
    path.write_text(path.read_text().replace(".wav", ""))
    assert disk.make("add2023_track1", root_2023) == expected


def test_2023_tests_whose_labels_were_not_published_are_left_out(root_2023):
    (root_2023 / "Track1.2/testR1/label.txt").unlink()
    (root_2023 / "ADD2023_Track2_test/label.txt").unlink()
    conditions = {row["condition"] for row in disk.make("add2023_track1", root_2023)}
    assert conditions == {"-", "testR2"}
    assert {row["split"] for row in disk.make("add2023_track2", root_2023)} == {"train", "dev"}


def test_2023_track2_flag_1_is_genuine_and_names_have_no_suffix(root_2023):
    rows = disk.make("add2023_track2", root_2023)
    labels = {(row["utterance_id"], row["label"]) for row in rows if row["split"] == "eval"}
    assert labels == {("ADD2023_T2_E_00000001", "genuine"), ("ADD2023_T2_E_00000002", "fake")}


def test_2023_track2_other_flags_are_refused(root_2023):
    disk.write_lines(root_2023 / "ADD2023_Track2_dev/label.txt", ["ADD2023_T2_D_00000001 0.00-4.72-T genuine"])
    _, problems = disk.read("add2023_track2", root_2023)
    assert len(problems) == 1 and "label 'genuine' in 1 line(s) is not one of 1, 0" in problems[0]
