import pytest
from support import disk

from rawm.errors import UserError

FOLDERS = {"train": "HAD_train/train/conbine", "dev": "HAD_dev/conbine", "test": "HAD_test/test"}
LINES = {
    "train": ["HAD_train_fake_00000001 0.00-1.43-T/1.43-2.02-F/2.02-4.03-T 0", "HAD_train_real_00000001 0.00-3.1-T 1"],
    "dev": ["HAD_dev_fake_00000001 0.00-2.02-F 0", "HAD_dev_real_00000001 0.00-3.10-T 1"],
    "test": ["HAD_test_00000003 0.00-1.43-T/1.43-2.02-F/2.02-4.03-T 0", "HAD_test_00000004 0.00-3.10-T 1"],
}


@pytest.fixture
def root(tmp_path):
    """HAD with recordings one and two folders deep, an archive beside them and a recording of no list."""
    for name, lines in LINES.items():
        disk.write_lines(tmp_path / f"HAD_{name}/HAD_{name}_label.txt", lines)
        for file in [line.split()[0] for line in lines] + [f"HAD_{name}_unlisted"]:
            disk.write_audio(tmp_path / FOLDERS[name] / f"{file}.wav", rate=44100)
        (tmp_path / f"HAD_{name}/{name}.zip").write_bytes(b"PK")
    return tmp_path


def test_flag_1_is_real_and_recordings_are_found_however_deep(root):
    rows = disk.make("had", root)
    assert disk.summary(rows) == {
        ("train", "fake", "HAD_train_fake_00000001"),
        ("train", "genuine", "HAD_train_real_00000001"),
        ("dev", "fake", "HAD_dev_fake_00000001"),
        ("dev", "genuine", "HAD_dev_real_00000001"),
        ("eval", "fake", "HAD_test_00000003"),
        ("eval", "genuine", "HAD_test_00000004"),
    }
    assert rows[0]["path"] == "HAD_train/train/conbine/HAD_train_fake_00000001.wav"
    assert rows[0]["duration_s"] == pytest.approx(0.3, abs=1e-3)


def test_the_same_name_in_two_folders_gives_the_first_in_sorted_order(root):
    for folder in ("HAD_dev/aaa", "HAD_dev/zzz"):
        disk.write_audio(root / folder / "HAD_dev_fake_00000001.wav")
    (root / "HAD_dev/aaa/._HAD_dev_real_00000001.wav").write_bytes(b"Mac")
    paths = {row["path"] for row in disk.make("had", root) if row["split"] == "dev"}
    assert paths == {"HAD_dev/aaa/HAD_dev_fake_00000001.wav", "HAD_dev/conbine/HAD_dev_real_00000001.wav"}


def test_a_root_that_holds_the_folder_had_gives_the_same_utterances(root, tmp_path_factory):
    above = tmp_path_factory.mktemp("above")
    (above / "HAD").symlink_to(root)
    expected = disk.summary(disk.make("had", root))
    assert disk.summary(disk.make("had", above)) == expected


def test_older_names_are_grouped_by_recording_and_real_in_a_copys_name_does_not_make_it_genuine(root):
    names = {"SSB00050001": 1, "SSB00050001_fake_1": 0, "SSB00050001_real_2": 0, "SSB00050001_realE_4": 0}
    disk.write_lines(root / "HAD_train/HAD_train_label.txt", [f"{n} 0.00-1.00-T {flag}" for n, flag in names.items()])
    for name in names:
        disk.write_audio(root / FOLDERS["train"] / f"{name}.wav")
    rows = [row for row in disk.make("had", root, splits={"train": 0.5, "eval": 0.5}) if "SSB" in row["utterance_id"]]
    assert {row["utterance_id"] for row in rows if row["label"] == "genuine"} == {"SSB00050001"}
    assert len(rows) == 4 and len({row["split"] for row in rows}) == 1
    assert {(row["group"], row["speaker"]) for row in rows} == {("SSB00050001", "SSB0005")}


def test_a_recording_with_copies_in_two_official_splits_does_not_stop_the_corpus(root):
    disk.write_lines(root / "HAD_train/HAD_train_label.txt", ["SSB00050001 0.00-1.00-T 1"])
    disk.write_lines(root / "HAD_test/HAD_test_label.txt", ["SSB00050001_fake_1 0.00-1.00-F 0"])
    disk.write_audio(root / FOLDERS["train"] / "SSB00050001.wav")
    disk.write_audio(root / FOLDERS["test"] / "SSB00050001_fake_1.wav")
    assert len(disk.make("had", root)) == 4


def test_windows_line_ends_a_missing_last_newline_and_wav_in_names_change_nothing(root):
    expected = disk.make("had", root)
    for name, lines in LINES.items():
        lines = [line.replace(" ", ".wav ", 1) for line in lines]
        disk.write_lines(root / f"HAD_{name}/HAD_{name}_label.txt", lines, end="\r\n", last=False)
    assert disk.make("had", root) == expected


def test_a_missing_recording_and_a_wrong_root_are_said(root):
    (root / FOLDERS["test"] / "HAD_test_00000003.wav").unlink()
    with pytest.raises(UserError, match=r"1 of 6 files are not under .*HAD_test/HAD_test_00000003\.wav"):
        disk.make("had", root)
    with pytest.raises(UserError, match="holds no HAD_train, nor does a folder HAD in it"):
        disk.make("had", root / "HAD_test")
