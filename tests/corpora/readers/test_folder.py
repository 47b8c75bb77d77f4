import os

import pytest
from support import disk

from rawm import manifest
from rawm.corpora.disk import audio_files
from rawm.errors import UserError

SPLITS = {"train": 0.6, "dev": 0.15, "eval": 0.25}


def test_folders_say_the_class_to_any_depth_with_blanks_and_any_suffix(tmp_path):
    for name in ("genuine/a.wav", "genuine/my speaker/day 1/b.flac", "fake/some tts (v1.2)/a.WAV", "fake/c.ogg"):
        disk.write_audio(tmp_path / name)
    disk.write_lines(tmp_path / "genuine/notes.txt", ["no audio"])
    rows = disk.make("folder", tmp_path, splits={"train": 1, "eval": 0}, language="en")
    assert {(row["label"], row["path"]) for row in rows} == {
        ("genuine", "genuine/a.wav"),
        ("genuine", "genuine/my speaker/day 1/b.flac"),
        ("fake", "fake/some tts (v1.2)/a.WAV"),
        ("fake", "fake/c.ogg"),
    }
    assert {row["language"] for row in rows} == {"en"}


def test_equal_names_in_both_classes_are_two_utterances_and_one_group(tmp_path):
    for n in range(60):
        disk.write_audio(tmp_path / f"genuine/{n}.wav", 0.1)
        disk.write_audio(tmp_path / f"fake/{n}.flac", 0.1)
    rows = disk.make("folder", tmp_path, splits=SPLITS)
    sides = {row["utterance_id"]: row["split"] for row in rows}
    assert len(rows) == 120 and set(sides.values()) == set(SPLITS)
    assert all(sides[f"genuine/{n}.wav"] == sides[f"fake/{n}.flac"] for n in range(60))


def test_split_folders_are_kept_although_names_are_used_again(tmp_path):
    for split in ("train", "eval"):
        for label in ("real", "spoofed"):
            disk.write_audio(tmp_path / split / label / "1.wav")
    rows = disk.make("folder", tmp_path, genuine=["real"], fake=["spoofed"], split_folders=True)
    assert disk.summary(rows) == {
        (split, label, f"{split}/{folder}/1.wav")
        for split in ("train", "eval")
        for label, folder in (("genuine", "real"), ("fake", "spoofed"))
    }


def test_missing_or_empty_folders_are_said_together(tmp_path):
    disk.write_audio(tmp_path / "train/genuine/a.wav")
    (tmp_path / "train/fake").mkdir()
    (tmp_path / "eval/fake").mkdir(parents=True)
    problems = disk.read("folder", tmp_path, split_folders=True).problems
    assert [problem.partition(": no ")[2] for problem in problems] == [
        f"fake audio under {tmp_path}/train/fake",
        f"genuine audio under {tmp_path}/eval/genuine",
        f"fake audio under {tmp_path}/eval/fake",
    ]
    with pytest.raises(UserError, match="no folder train, dev or eval under"):
        disk.make("folder", tmp_path / "train", split_folders=True)


def test_a_source_of_genuine_speech_needs_no_folder_of_fakes(tmp_path):
    disk.write_audio(tmp_path / "wavs/LJ001-0001.wav")
    listing = disk.read("folder", tmp_path, genuine=["wavs"], fake=[], splits=SPLITS)
    assert listing.problems == []
    assert [(row["label"], row["group"]) for row in listing.rows] == [("genuine", "LJ001-0001")]


def test_a_folder_of_both_classes_is_refused(tmp_path):
    disk.write_audio(tmp_path / "all/fake/a.wav")
    rows = disk.read("folder", tmp_path, genuine=["all"], fake=["all/fake"]).rows
    assert "2 utterance(s), first 'all/fake/a.wav': utterance_id is not unique" in manifest.problems(rows)


def test_hidden_copies_of_a_mac_are_no_audio(tmp_path):
    disk.write_audio(tmp_path / "genuine/a.wav")
    (tmp_path / "genuine/._a.wav").write_bytes(b"Mac OS X")
    assert audio_files(tmp_path, "genuine") == ["genuine/a.wav"]
    assert audio_files(tmp_path, ".") == ["genuine/a.wav"]
    assert audio_files(tmp_path / "genuine", "") == ["a.wav"]


def test_a_link_to_a_folder_elsewhere_is_followed(tmp_path):
    disk.write_audio(tmp_path / "elsewhere/a.wav")
    (tmp_path / "genuine").mkdir()
    (tmp_path / "genuine/more").symlink_to(tmp_path / "elsewhere")
    assert audio_files(tmp_path, "genuine") == ["genuine/more/a.wav"]


def test_the_order_in_which_a_disk_lists_files_changes_nothing(tmp_path, monkeypatch):
    for name in "bca":
        disk.write_audio(tmp_path / f"genuine/{name}/1.wav")
    expected = disk.read("folder", tmp_path, fake=[])
    walk = os.walk
    monkeypatch.setattr(os, "walk", lambda *top, **how: reversed(list(walk(*top, **how))))
    assert disk.read("folder", tmp_path, fake=[]) == expected
