from pathlib import Path

import pytest
from support import disk

from rawm.errors import UserError

SUFFIX = {"clean": "clean", "noisy": "noise", "codec": "codec"}
FILES = {
    "train": {"real": "aishell3/SSB00050001", "fake": "wavenet/SSB00050001_wavernn"},
    "dev": {"real": "aishell1/BAC009S0724W0121", "fake": "gl/SSB03540022_gl"},
    "test_seen": {"real": "thchs30/A11_000", "fake": "lpcnet/SSB09660003_lpcnet"},
    "test_unseen": {"real": "thchs30/A11_000", "fake": "partiallyfake/BAC009S0048W01469_replaceOnceAishell1"},
}


def write_version(root, version, ending=""):
    for part, classes in FILES.items():
        for word, file in classes.items():
            folder = root / f"{version}_version/{part}_{SUFFIX[version]}/{word}_{SUFFIX[version]}"
            disk.write_audio(folder / f"{file}{ending}.wav")


@pytest.fixture
def root(tmp_path):
    for version in SUFFIX:
        write_version(tmp_path / "CFAD/CFAD", version, "_m4a" if version == "codec" else "")
    return tmp_path


@pytest.mark.parametrize("version", SUFFIX)
def test_labels_are_those_of_the_folders_and_noisy_folders_end_in_noise(root, version):
    rows = disk.make("cfad", root, version=version)
    found = {(row["split"], row["condition"], row["label"]) for row in rows}
    splits = {"train": "train", "dev": "dev", "test_seen": "eval", "test_unseen": "eval"}
    assert found == {(split, part, label) for part, split in splits.items() for label in ("genuine", "fake")}
    assert len(rows) == 8 and all(row["path"].startswith(f"CFAD/CFAD/{version}_version/") for row in rows)


def test_both_tests_are_evaluation_data_told_apart_although_names_return(root):
    rows = [row for row in disk.make("cfad", root) if row["split"] == "eval"]
    ids = {row["utterance_id"]: row["condition"] for row in rows if row["label"] == "genuine"}
    assert ids == {
        "test_seen/real/thchs30/A11_000": "test_seen",
        "test_unseen/real/thchs30/A11_000": "test_unseen",
    }
    attacks = {row["condition"]: row["attack"] for row in rows if row["label"] == "fake"}
    assert attacks == {"test_seen": "lpcnet", "test_unseen": "partiallyfake"}


def test_the_vocoder_is_that_of_the_folder_where_a_files_suffix_is_wrong(root):
    rows = disk.make("cfad", root)
    fake = next(row for row in rows if row["path"].endswith("_wavernn.wav"))
    assert (fake["attack"], fake["speaker"], fake["language"]) == ("wavenet", "SSB0005", "zh")
    speakers = {row["speaker"] for row in rows if row["split"] == "dev"}
    assert speakers == {"S0724", "SSB0354"} and all(row["attack"] == "-" for row in rows if row["label"] == "genuine")


def test_other_files_and_the_depth_of_the_root_change_nothing(root):
    expected = disk.summary(disk.make("cfad", root))
    folder = root / "CFAD/CFAD/clean_version/train_clean/real_clean/aishell3"
    (folder / "._SSB00050001.wav").write_bytes(b"Mac")
    (folder / "Thumbs.db").write_bytes(b"Windows")
    disk.write_audio(folder.parent / "not_in_a_source.wav")
    assert disk.summary(disk.make("cfad", root)) == expected
    assert disk.summary(disk.make("cfad", root / "CFAD")) == disk.summary(disk.make("cfad", root / "CFAD/CFAD"))


def test_a_recording_and_its_vocoded_copies_share_a_split_of_our_own(root):
    rows = disk.divided("cfad", root, version="codec", splits={"train": 0.5, "eval": 0.5, "of": ["train"]})
    assert {row["group"] for row in rows} == {"SSB00050001"} and len({row["split"] for row in rows}) == 1


def test_order_of_rows_is_sorted(root):
    folder = root / "CFAD/CFAD/clean_version/train_clean/real_clean"
    for name in ("b/2", "a/9", "b/1", "a/10"):
        disk.write_audio(folder / f"{name}.wav")
    rows, _ = disk.read("cfad", root)
    paths = [row["path"] for row in rows if row["path"].split("/")[-2] in "ab"]
    assert [Path(path).stem for path in paths] == ["10", "9", "1", "2"]


def test_missing_parts_and_versions_are_said(root):
    for file in (root / "CFAD/CFAD/noisy_version/dev_noise/fake_noise/gl").iterdir():
        file.unlink()
    with pytest.raises(UserError, match=r"no recordings in the folders of .*dev_noise/fake_noise; unpack that part"):
        disk.make("cfad", root, version="noisy")
    with pytest.raises(UserError, match="holds no clean_version"):
        disk.make("cfad", root / "CFAD/CFAD/noisy_version")
