"""Corpora of the user's own in folders: the folder says genuine or fake."""

import os
from pathlib import Path

from rawm import paths
from rawm.config.corpora import FolderCorpus
from rawm.corpora.listing import Listing, audio_files, utterance


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
