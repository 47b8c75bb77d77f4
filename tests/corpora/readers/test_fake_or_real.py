import pytest
from support import disk

from rawm.errors import UserError

SPLITS = {"training": "train", "validation": "dev", "testing": "eval"}


def write_version(root, name="file1.wav"):
    for part in SPLITS:
        for word in ("real", "fake"):
            disk.write_audio(root / part / word / name)
    return root


def test_equal_names_in_real_and_fake_are_different_utterances(tmp_path):
    rows = disk.make("fake_or_real", write_version(tmp_path))
    labels = (("genuine", "real"), ("fake", "fake"))
    expected = {(split, label, f"{part}/{word}/file1.wav") for part, split in SPLITS.items() for label, word in labels}
    assert disk.summary(rows) == expected


@pytest.mark.parametrize("version", ["norm", "original", "2seconds", "rerecorded"])
def test_a_version_whose_folder_is_nested_twice_is_read(tmp_path, version):
    flat = disk.summary(disk.make("fake_or_real", write_version(tmp_path / "flat"), version=version))
    write_version(tmp_path / f"FoR data/for-{version}/for-{version}")
    for root in (tmp_path / "FoR data", tmp_path / f"FoR data/for-{version}"):
        assert disk.summary(disk.make("fake_or_real", root, version=version)) == flat


def test_mp3_beside_wav_of_the_same_name_are_two_utterances(tmp_path):
    write_version(tmp_path)
    disk.write_audio(tmp_path / "training/fake/file1.mp3", seconds=1.0, rate=24000)
    rows = disk.make("fake_or_real", tmp_path, version="original")
    durations = {row["utterance_id"]: row["duration_s"] for row in rows if "training/fake" in row["utterance_id"]}
    assert durations["training/fake/file1.wav"] == pytest.approx(0.3)
    assert durations["training/fake/file1.mp3"] == pytest.approx(1.0, abs=0.15)


def test_chained_suffixes_stay_in_the_id(tmp_path):
    name = "recording2938.wav_norm_mono.wav"
    rows = disk.make("fake_or_real", write_version(tmp_path, name), version="rerecorded")
    assert {row["utterance_id"].split("/")[-1] for row in rows} == {name}


def test_unreadable_and_empty_files_stop_unless_bad_audio_is_skipped(tmp_path):
    write_version(tmp_path)
    (tmp_path / "training/fake/file16643.mp3").write_bytes(b"no audio")
    (tmp_path / "training/real/file2.wav").write_bytes(b"")
    with pytest.raises(UserError) as caught:
        disk.make("fake_or_real", tmp_path, version="original")
    text = str(caught.value)
    assert "file16643.mp3: cannot be decoded" in text and "file2.wav: is empty" in text
    rows = disk.make("fake_or_real", tmp_path, version="original", bad_audio="skip")
    bad = {row["utterance_id"] for row in rows if row["duration_s"] == 0}
    assert bad == {"training/fake/file16643.mp3", "training/real/file2.wav"} and len(rows) == 8


def test_other_files_are_no_recordings_and_rows_are_sorted(tmp_path):
    write_version(tmp_path, "file2.wav")
    for name in ("file10.wav", "file1.wav"):
        disk.write_audio(tmp_path / "training/real" / name)
    for name in ("._file1.wav", "desktop.ini", "list.txt"):
        (tmp_path / "training/real" / name).write_bytes(b"no audio")
    rows, problems = disk.read("fake_or_real", tmp_path)
    assert [row["path"] for row in rows[:3]] == [f"training/real/{name}.wav" for name in ("file1", "file10", "file2")]
    assert len(rows) == 8 and not problems


def test_a_missing_class_folder_and_a_wrong_root_are_said(tmp_path):
    write_version(tmp_path)
    (tmp_path / "testing/real/file1.wav").unlink()
    with pytest.raises(UserError, match=r"no recordings in .*testing/real; unpack that part"):
        disk.make("fake_or_real", tmp_path)
    with pytest.raises(UserError, match="holds no training, nor does a folder for-norm in it"):
        disk.make("fake_or_real", tmp_path / "testing")
