"""Your own recordings in folders: the folder tells whether they are genuine or fake."""

import os
from pathlib import Path

from rawm import paths
from rawm.config.corpora import FolderCorpus
from rawm.corpora.disk import class_files
from rawm.corpora.listing import Listing, utterance
from rawm.errors import UserError


def read(corpus: FolderCorpus) -> Listing:
    """List all audio files under the folders of each class; hidden files (`._a.wav`) are left out.

    If the corpus file divides the corpus, files with the same name without suffix are a group: a sentence and its
    copies by several systems mostly share a name, as do a genuine recording and its fakes in another corpus (LJSpeech
    and WaveFake). Files that are only numbered (spk1/0.wav, spk2/0.wav) are a group where their folders' names are the
    same too. Splits by folder (`split_folders`) stay as they are.
    """
    root, rows, problems = Path(corpus.root), [], []
    splits = [split for split in paths.SPLITS if (root / split).is_dir()] if corpus.split_folders else [""]
    if not splits:
        problems.append(f"corpus {corpus.name}: no folder train, dev or eval under {root}")
    for split in splits:
        for label, folders in (("genuine", corpus.genuine), ("fake", corpus.fake)):
            for folder in folders:
                try:
                    files = class_files(root, os.path.join(split, folder))
                except UserError as error:
                    problems += str(error).splitlines()
                    continue
                if not files:
                    problems.append(f"corpus {corpus.name}: no {label} audio under {root / split / folder}")
                for path in files:
                    group = None if corpus.splits is None else _group(path, os.path.join(split, folder))
                    rows.append(utterance(corpus.name, path, path, label, split, language=corpus.language, group=group))
    return Listing(rows, problems)


def _group(path: str, class_folder: str) -> str:
    """What recordings of one group have in common: their name; of a number also the folders below that of the class."""
    stem = Path(path).stem
    if any(character.isalpha() for character in stem):
        return stem
    below = os.path.relpath(os.path.dirname(path), class_folder)
    return os.path.normpath(os.path.join(below, stem))
