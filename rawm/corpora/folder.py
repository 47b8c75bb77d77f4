"""Corpora of the user's own in folders: the folder says genuine or fake."""

import os
from pathlib import Path

from rawm import audio, paths
from rawm.config.corpora import FolderCorpus
from rawm.corpora.listing import Listing, utterance


def read(corpus: FolderCorpus) -> Listing:
    """Rows of all audio files under the folders of each class; hidden files (`._a.wav`) are no audio.

    Where the corpus file divides the corpus itself, files of one name without suffix are a group: a sentence and its
    copies by several systems are mostly called alike, and so are the genuine recording and its fakes in another corpus
    (LJSpeech and WaveFake). Splits that the folders give are kept as they are.
    """
    root, rows, problems = Path(corpus.root), [], []
    splits = [split for split in paths.SPLITS if (root / split).is_dir()] if corpus.split_folders else [""]
    if not splits:
        problems.append(f"corpus {corpus.name}: no folder train, dev or eval under {root}")
    for split in splits:
        for label, folders in (("genuine", corpus.genuine), ("fake", corpus.fake)):
            for folder in folders:
                found = audio_files(root, os.path.join(split, folder))
                if not found:
                    problems.append(f"corpus {corpus.name}: no {label} audio under {root / split / folder}")
                for path in found:
                    group = Path(path).stem if corpus.splits else None
                    rows.append(utterance(corpus.name, path, path, label, split, language=corpus.language, group=group))
    return Listing(rows, problems)


def audio_files(root: Path, folder: str) -> list[str]:
    """Audio files under a folder, to any depth, as sorted paths relative to the root; none where there is no folder."""
    found = []
    for where, _, names in os.walk(root / folder, followlinks=True):
        relative = Path(os.path.relpath(where, root)).as_posix()
        for name in names:
            if os.path.splitext(name)[1].lower() in audio.SUFFIXES and not name.startswith("."):
                found.append(name if relative == "." else f"{relative}/{name}")
    return sorted(found)
