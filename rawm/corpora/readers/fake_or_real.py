"""Fake-or-Real (FoR), in one of its versions: norm, original, 2seconds or rerecorded."""

from pathlib import Path

from rawm import audio
from rawm.config.corpora import OfficialCorpus
from rawm.corpora.disk import nested
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
            folder = root / f"{prefix}{part}/{word}"
            names = [path.name for path in sorted(folder.glob("[!.]*")) if path.suffix.lower() in audio.SUFFIXES]
            if not names:
                problems.append(f"corpus {corpus.name}: no recordings in {folder}; unpack that part")
            for name in names:
                path = f"{prefix}{part}/{word}/{name}"
                rows.append(utterance(corpus.name, f"{part}/{word}/{name}", path, label, split, language="en"))
    return Listing(rows, problems)
