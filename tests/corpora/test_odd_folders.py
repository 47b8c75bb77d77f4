"""Folders as people have them: links, numbers, suffixes and names that led to a wrong list of recordings."""

import os
from pathlib import Path

import pytest
from support import disk, sounds

from rawm.config.corpora import FolderCorpus
from rawm.corpora import audit, reader
from rawm.corpora import disk as on_disk
from rawm.errors import UserError

SPLITS = {"train": 0.6, "dev": 0.15, "eval": 0.25}
ALL = {"train": 1, "eval": 0}


@pytest.fixture
def root(tmp_path):
    """Five recordings a class in genuine/ and fake/."""
    for label in ("genuine", "fake"):
        for number in range(5):
            disk.write_audio(tmp_path / "root" / label / f"{label[0]}{number}.wav", 0.1, seed=number)
    return tmp_path / "root"


def check(root, deep=False, **given):
    return audit.check(
        FolderCorpus(**{"loader": "folder", "name": "folder", "root": str(root), "splits": ALL} | given), deep
    )


REFUSED = {
    "loop": ("genuine/loop", "..", "is a link back to {root}; remove it"),
    "two_links_to_dot": ("genuine/one", ".", "is a link back to {root}/genuine; remove it"),
    "link_to_root": ("genuine/a/b/up", "../../..", "is a link back to {root}; remove it"),
    "link_to_other_class": ("genuine/more", "../fake", "is a link out of {root}/genuine, to {root}/fake; remove it"),
    "link_into_other_class": ("genuine/more", "../fake/deep", "is a link out of {root}/genuine, to {root}/fake/deep"),
    "link_elsewhere": ("genuine/more", "../../elsewhere", "is a link out of {root}/genuine, to "),
    "file_of_other_class": (
        "genuine/x.wav",
        "../fake/f0.wav",
        "is a link out of {root}/genuine, to {root}/fake/f0.wav",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_link_that_leaves_the_folder_of_its_class_or_leads_back_is_refused_by_name(root, case):
    """Kind: links bring recordings under a label that is not theirs, or bring them again and again.

    In the list: a link to the parent, two links to ".". Others: a link up from deep inside, links to the other class
    and to a folder in it, to a folder outside of the corpus, to one file of the other class.
    """
    name, target, sentence = REFUSED[case]
    for folder in (root / name, root / "fake/deep/x", root.parent / "elsewhere/x"):
        folder.parent.mkdir(parents=True, exist_ok=True)
    (root / name).symlink_to(target)
    if case == "two_links_to_dot":
        (root / "genuine/other").symlink_to(".")
    with pytest.raises(UserError) as caught:
        disk.make("folder", root, splits=ALL)
    lines = str(caught.value).splitlines()
    assert len(lines) == 1 + (case == "two_links_to_dot")
    assert lines[0].startswith(f"{root / name}: {sentence.format(root=root)}")
    report = check(root)
    assert lines[0] in report.errors and not set(report.errors) & set(report.warnings)


@pytest.mark.parametrize("loader", ["wavefake", "vcc2020", "fake_or_real", "cfad", "had", "add2023_track1", "fmfcc_a"])
def test_every_reader_that_walks_refuses_a_link_back(tmp_path, loader):
    folders = {
        "wavefake": "ljspeech_melgan",
        "vcc2020": "source",
        "fake_or_real": "training/real",
        "cfad": "clean_version/train_clean/real_clean",
        "had": "HAD_train",
        "add2023_track1": "Track1.2/train/wav",
        "fmfcc_a": "recordings",
    }
    folder = tmp_path / folders[loader]
    folder.mkdir(parents=True)
    (folder / "loop").symlink_to("..")
    protocols = {"had": "HAD_train/HAD_train_label.txt", "fmfcc_a": "AllUtteranceInfo.txt"}
    disk.write_lines(tmp_path / protocols.get(loader, "Track1.2/train/label.txt"), ["20000002.wav,1,A01"])
    with pytest.raises(UserError, match=f"{folder}/loop: is a link back to"):
        disk.read(loader, tmp_path)


def test_links_that_stay_in_their_class_are_followed_and_each_file_is_listed_once(root):
    """Links to a sibling, to one file, to a file outside of the corpus; the class' folder may be a link itself."""
    outside = disk.write_audio(root.parent / "elsewhere/o.wav")
    (root / "genuine/deep").mkdir()
    (root / "genuine/deep/same").symlink_to("../alias")
    (root / "genuine/alias").symlink_to("other")
    disk.write_audio(root / "genuine/other/a.wav")
    (root / "genuine/copy.wav").symlink_to("g0.wav")
    (root / "genuine/o.wav").symlink_to(outside)
    os.rename(root / "fake", root.parent / "fakes")
    (root / "fake").symlink_to("../fakes")
    names = {row["path"] for row in disk.make("folder", root, splits=ALL)}
    genuine = {f"genuine/g{n}.wav" for n in range(5)} | {"genuine/other/a.wav", "genuine/o.wav"}
    assert names == genuine | {f"fake/f{n}.wav" for n in range(5)}
    assert check(root).lines()[-1] == "folder: 0 error(s), 0 warning(s)"


def test_a_folder_that_is_also_that_of_the_other_class_is_an_error_without_decoding(root):
    (root / "again").symlink_to("fake")
    report = check(root, genuine=["genuine", "again"])
    assert (
        "5 recording(s) are listed in several classes, first again/f0.wav: again/f0.wav (genuine, train), "
        in (report.errors[0])
    )


NUMBERED = {
    "numbered": ("{label}/spk{s}/{n}.wav", {}, "spk0/0"),
    "padded": ("{label}/spk{s}/{n:04d}.wav", {}, "spk0/0000"),
    "with_signs": ("{label}/spk{s}/01-{n}.wav", {}, "spk0/01-0"),
    "two_folders_up": ("{label}/spk{s}/day/{n}.wav", {}, "spk0/day/0"),
}


@pytest.mark.parametrize("case", NUMBERED)
def test_numbered_files_of_different_folders_are_different_groups(tmp_path, case):
    """Kind: names that say nothing form a few huge groups, which leave splits empty.

    In the list: spk1/0.wav, spk2/0.wav. Others: padded numbers, numbers with signs, deeper folders. A number in the
    same folder of both classes is one group, since one may be a copy of the other.
    """
    name, given, group = NUMBERED[case]
    for label in ("genuine", "fake"):
        for speaker in range(6):
            for number in range(2):
                disk.write_audio(tmp_path / name.format(label=label, s=speaker, n=number), 0.05)
    rows = disk.make("folder", tmp_path, splits=SPLITS, **given)
    assert len({row["group"] for row in rows}) == 12 and {row["split"] for row in rows} == set(SPLITS)
    assert [row["label"] for row in rows if row["group"] == group] == ["genuine", "fake"]


FEW = {
    "few_names": (
        "{label}/s{s}/take{n}.wav",
        {},
        "2 group(s) by group, the largest 'take0' with 12",
    ),
    "one_name": ("{label}/s{s}{n}/audio.wav", {}, "1 group(s) by group, the largest 'audio' with 24"),
    "few_speakers": (
        "{label}/s{s}/take{n}.wav",
        {"by": "speaker"},
        "2 group(s) by speaker, or by group where none is known",
    ),
    "small_share": ("{label}/x{s}{n}.wav", {"dev": 0.0001, "train": 0.7499}, "12 group(s) by group"),
}


@pytest.mark.parametrize("case", FEW)
def test_an_empty_split_or_class_is_refused_with_how_the_groups_were_formed(tmp_path, case):
    """Kind: a division that leaves a split, or a class of one, empty; training would fail later.

    In the list: numbered files, few speakers. Others: one name for all, two names, a share too small to get a group.
    """
    name, change, formed = FEW[case]
    for label in ("genuine", "fake"):
        for speaker in range(6):
            for number in range(2):
                disk.write_audio(tmp_path / name.format(label=label, s=speaker, n=number), 0.05)
    with pytest.raises(UserError) as caught:
        disk.make("folder", tmp_path, splits=SPLITS | change)
    assert str(caught.value).startswith("corpus folder: no fake and no genuine utterance is in ")
    assert formed in str(caught.value) and "change `by`, `seed` or the shares" in str(caught.value)
    assert str(caught.value) in check(tmp_path, splits=SPLITS | change).errors


def test_a_split_with_one_class_only_is_refused_and_a_source_of_one_class_is_not(tmp_path):
    for number in range(30):
        disk.write_audio(tmp_path / f"genuine/g{number}.wav", 0.05)
    disk.write_audio(tmp_path / "fake/only.wav", 0.05)
    with pytest.raises(UserError, match="no fake utterance is in "):
        disk.make("folder", tmp_path, splits=SPLITS)
    assert len(disk.make("folder", tmp_path, splits=SPLITS, fake=[])) == 30


def test_recordings_of_every_suffix_are_listed_and_others_named_by_the_audit(root):
    """Kind: files that are left out without a word.

    In the list: aif, au, caf. Others: W64, Sphere, MP4, WebM and capital letters; headerless PCM, which cannot be read,
    is named with its number; notes and pictures are not.
    """
    for suffix in (".aif", ".au", ".caf", ".w64", ".sph", ".mp4", ".opus"):
        sounds.write(root / f"genuine/deep/x{suffix}", seconds=0.2)
    sounds.write(root / "genuine/deep/loud.aif").rename(root / "genuine/deep/LOUD.AIF")
    rows = disk.make("folder", root, splits=ALL)
    assert len(rows) == 10 + 8
    assert check(root, deep=True).lines()[-1] == "folder: 0 error(s), 0 warning(s)"
    for name in ("a.pcm", "b.pcm", "deep/c.vox", "README", "notes.txt", "x.TextGrid", "._a.pcm"):
        (root / "fake/deep").mkdir(exist_ok=True)
        (root / "fake" / name).write_bytes(b"1234")
    assert check(root).warnings == [
        f"3 file(s) beside the recordings under {root} have suffixes that are not read: .pcm (2), .vox (1); if they "
        "are recordings, convert them, e.g. to FLAC"
    ]


BYTES = {
    "latin1_name": b"fake/\xef\xf0\xe8.wav",
    "gbk_folder": b"fake/\xd3\xef\xd2\xf4/a.wav",
    "half_a_letter": b"fake/a\xc3.wav",
}


@pytest.mark.parametrize("case", BYTES)
def test_a_name_that_is_not_utf8_is_shown_escaped(root, case):
    """Kind: names in other encodings. In the list: a file in Latin-1. Others: a folder in GBK, a cut letter."""
    path = Path(os.fsdecode(os.fsencode(root) + b"/" + BYTES[case]))
    path.parent.mkdir(exist_ok=True)
    path.write_bytes((root / "fake/f0.wav").read_bytes())
    with pytest.raises(UserError) as caught:
        disk.make("folder", root, splits=ALL)
    assert str(caught.value).isprintable() and r"\x" in str(caught.value)
    assert str(caught.value).endswith("has a name that is not UTF-8; rename the file, or its folder")
    assert str(caught.value) in check(root).errors


@pytest.mark.parametrize("name", ["语音.wav", "a b\tc.wav", "línea\n2.wav", "日.wav", "a\u200bb.wav"])
def test_names_in_utf8_are_read_whatever_their_letters(root, name):
    disk.write_audio(root / "genuine" / name)
    assert f"genuine/{name}" in {row["path"] for row in disk.make("folder", root, splits=ALL)}


def test_a_folder_that_cannot_be_read_or_named_is_said(root, monkeypatch):
    scandir = os.scandir

    def refuse(path):  # root may read everything
        if str(path).endswith("locked"):
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    (root / "genuine/locked").mkdir()
    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(
        UserError, match=r"genuine/locked: cannot be read \(Permission denied\); correct its permissions"
    ):
        on_disk.audio_files(root)
    for name in ("a" * 5000, "a\0b"):
        problems = reader("folder")(disk.corpus("folder", root, genuine=[name], splits=ALL)).problems
        assert len(problems) == 1 and "no genuine audio under" in problems[0]


def test_a_named_pipe_among_the_recordings_is_named(root):
    os.mkfifo(root / "genuine/pipe.wav")
    sentence = f"{root}/genuine/pipe.wav: is a named pipe, not a regular file; name a sound file"
    with pytest.raises(UserError) as caught:
        disk.make("folder", root, splits=ALL)
    assert str(caught.value) == sentence
    assert sentence in check(root, deep=True).errors
