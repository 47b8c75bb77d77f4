"""CtrSVDD: singing voices of the SVDD challenge 2024, controlled track."""

from pathlib import Path

from rawm.config.corpora import OfficialCorpus
from rawm.corpora.listing import Listing, utterance
from rawm.corpora.protocol import ProtocolFile

WORDS = {"bonafide": "genuine", "deepfake": "fake"}
SPLITS = {"train": "train", "dev": "dev", "test": "eval"}


def read(corpus: OfficialCorpus) -> Listing:
    """Read all three splits.

    A line is `source singer file - attack label`; recordings are <split>_set/<file>.flac. The genuine singing of some
    sources is not in the archives: its owners let users cut it themselves, so it may be missing. The source (m4singer,
    kising, ...) is the condition.

    Source: train.txt, dev.txt and test.txt, doi:10.5281/zenodo.12703261, arXiv:2406.02438.
    """
    root, rows, problems = Path(corpus.root), [], []
    for part, split in SPLITS.items():
        protocol = ProtocolFile(root / f"{part}.txt", (6,), WORDS)
        for source, singer, file, _, attack, word in protocol:
            if label := protocol.label(word):
                row = utterance(
                    corpus.name,
                    file,
                    f"{part}_set/{file}.flac",
                    label,
                    split,
                    speaker=singer,
                    attack="-" if label == "genuine" else attack,
                    condition=source,
                )
                rows.append(row)
        problems += protocol.problems
    return Listing(rows, problems)
