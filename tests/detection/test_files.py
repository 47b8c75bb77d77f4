"""Recordings that a user names for detection: each once, none left out, nothing waited for."""

import os
from glob import glob
from pathlib import Path

import pytest

from rawm.detection.files import find
from rawm.errors import UserError


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Three files that are called like recordings, and others."""
    monkeypatch.chdir(tmp_path)
    for name in ("calls/a.wav", "calls/b.flac", "calls/deep/c.M4A", "calls/notes.txt", "calls/._a.wav"):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).touch()
    return Path("calls")


ALL = ["calls/a.wav", "calls/b.flac", "calls/deep/c.M4A"]
LINKS = {
    "to_the_parent": {"deep/up": ".."},
    "two_to_dot": {"one": ".", "two": "."},
    "to_a_sibling": {"again": "deep"},
    "to_each_other": {"deep/x": "../y", "y": "deep"},
    "up_and_out": {"deep/top": "../.."},
}


@pytest.mark.parametrize("case", LINKS)
def test_links_bring_no_recording_twice(folder, case):
    """Kind: links that lead back make a walk endless, or name a recording dozens of times.

    Reported: a link to the parent, two links to ".". Others: to a sibling, to each other, to a folder above the one
    that is named.
    """
    for name, target in LINKS[case].items():
        (folder / name).symlink_to(target)
    assert sorted(os.path.realpath(path) for path in find(["calls"])) == [os.path.realpath(name) for name in ALL]
    for pattern in ("calls/**/*.[wf]*", "**/deep/../*.[wf]*", "c*/**/*.[wf]*", str(folder.absolute() / "**/[ab].*")):
        names = {os.path.realpath(path) for path in find([pattern])}
        assert len(find([pattern])) == 2 and names == {os.path.realpath(name) for name in ALL[:2]}, pattern


def test_linked_folders_are_entered_and_linked_files_have_names_of_their_own(folder):
    Path("store").mkdir()
    Path("store/d.wav").touch()
    (folder / "more").symlink_to("../store")
    (folder / "trial_17.wav").symlink_to("a.wav")
    assert list(map(str, find(["calls"]))) == [*ALL, "calls/more/d.wav", "calls/trial_17.wav"]


def test_a_recording_that_is_named_in_several_ways_is_one(folder):
    ways = ["calls", "calls/a.wav", "./calls/deep/../a.wav", str(folder.absolute() / "b.flac"), "calls/*.wav"]
    assert list(map(str, find(ways))) == ALL
    assert list(map(str, find(ways[::-1]))) == [ALL[0], f"{folder.absolute()}/b.flac", ALL[2]]


@pytest.mark.parametrize("name", ["a\0b.wav", "a\0/b.wav", "a" * 300 + "/b.wav", "gone.wav"])
def test_names_that_no_file_has_are_left_to_the_decoder(folder, name):
    """As `find -print0` gives them, for example."""
    assert find([name, "calls/a.wav"]) == [Path(name), Path("calls/a.wav")]


def test_files_of_other_suffixes_are_counted_and_folders_that_cannot_be_read_named(folder, capsys, monkeypatch):
    """Kind: recordings that are left out without a word."""
    for name in ("d.pcm", "deep/e.vox", "deep/f.vox"):
        (folder / name).touch()
    find(["calls"])
    sentence = "3 file(s) beside the recordings under calls have suffixes that are not read: .vox (2), .pcm (1)"
    assert capsys.readouterr().err.startswith(f"warning: {sentence}")
    scandir = os.scandir

    def refuse(path):  # root may read everything
        if str(path).endswith("deep"):
            raise PermissionError(13, "Permission denied", path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(UserError, match=r"calls/deep: cannot be read \(Permission denied\); correct its permissions"):
        find(["calls"])


@pytest.mark.parametrize("pattern", ["calls/**", "**", "**/*.*", "**/**/*.*", "calls/**/deep/**/*", "cal**/*.*"])
def test_patterns_match_what_they_match_for_python(folder, pattern):
    expected = {Path(match) for match in glob(pattern, recursive=True) if not os.path.isdir(match)}
    assert set(find([pattern])) == expected != set()


def test_a_named_pipe_is_no_list(folder, no_waiting):
    os.mkfifo("list")
    with pytest.raises(UserError, match="list: is a named pipe, not a regular file; name a text file, or - for paths"):
        find([], [Path("list")])
