"""Your own recordings in folders: the folder tells whether they are genuine or fake."""

import os
from pathlib import Path

from rawm import paths
from rawm.config.corpora import FolderCorpus
from rawm.corpora.disk import audio_files
from rawm.corpora.listing import Listing, utterance


def read(corpus: FolderCorpus) -> Listing:
    """List all audio files under the folders of each class; hidden files (`._a.wav`) are left out.

    If the corpus file divides the corpus, files with the same name without suffix are a group: a sentence and its
    copies by several systems mostly share a name, as do a genuine recording and its fakes in another corpus (LJSpeech
    and WaveFake). Splits by folder (`split_folders`) stay as they are.
    """
    root, rows, problems = Path(corpus.root), [], []
    splits = [split for split in paths.SPLITS if (root / split).is_dir()] if corpus.split_folders else [""]
    if not splits:
        problems.append(f"corpus {corpus.name}: no folder train, dev or eval under {root}")
    for split in splits:
        for label, folders in (("genuine", corpus.genuine), ("fake", corpus.fake)):
            for folder in folders:
                files = audio_files(root, os.path.join(split, folder))
                if not files:
                    problems.append(f"corpus {corpus.name}: no {label} audio under {root / split / folder}")
                for path in files:
                    group = None if corpus.splits is None else Path(path).stem
                    rows.append(utterance(corpus.name, path, path, label, split, language=corpus.language, group=group))
    return Listing(rows, problems)
