"""Fake-or-Real (FoR), in one of its versions: norm, original, 2seconds or rerecorded."""

from pathlib import Path

from rawm.config.corpora import OfficialCorpus
from rawm.corpora.disk import class_files, nested
from rawm.corpora.listing import Listing, utterance

SPLITS = {"training": "train", "validation": "dev", "testing": "eval"}
WORDS = {"real": "genuine", "fake": "fake"}


def read(corpus: OfficialCorpus) -> Listing:
    """Read all three splits of one version.

    There is no protocol: the label is the folder's name, for-<version>/<split>/<real or fake>; some archives repeat
    their folder (for-norm/for-norm). The same names occur in real and fake, and as .wav and .mp3, so the id is split,
    class and file name. Some files are empty or cannot be decoded: `bad_audio: skip` leaves them out.

    Source: bil.eecs.yorku.ca/datasets, doi:10.1109/SPED.2019.8906599.
    """
    root, rows, problems = Path(corpus.root), [], []
    prefix = nested(root, f"for-{corpus.version}", "training")
    for part, split in SPLITS.items():
        for word, label in WORDS.items():
            folder = f"{prefix}{part}/{word}"
            names = [path.removeprefix(f"{folder}/") for path in class_files(root, folder)]
            names = [name for name in names if "/" not in name]
            if not names:
                problems.append(f"corpus {corpus.name}: no recordings in {root / folder}; unpack that part")
            for name in names:
                path = f"{folder}/{name}"
                rows.append(utterance(corpus.name, f"{part}/{word}/{name}", path, label, split, language="en"))
    return Listing(rows, problems)
