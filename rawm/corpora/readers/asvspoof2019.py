"""ASVspoof 2019, logical access: the folder LA of the official archive."""

from pathlib import Path

from rawm.config.corpora import OfficialCorpus
from rawm.corpora.listing import Listing, utterance
from rawm.corpora.protocol import ProtocolFile

PROTOCOLS = {"train": "train.trn", "dev": "dev.trl", "eval": "eval.trl"}  # only training is called .trn
WORDS = {"bonafide": "genuine", "spoof": "fake"}


def read(corpus: OfficialCorpus) -> Listing:
    """Read all three splits.

    A line is `speaker file - system key`: the third field is "-" (the official README swaps it with the fourth). The
    folders also hold the enrolment recordings of speaker verification, which no countermeasure protocol lists.

    Source: ASVspoof2019_LA_cm_protocols/ASVspoof2019.LA.cm.*.txt, doi:10.7488/ds/2555.
    """
    root, rows, problems = Path(corpus.root), [], []
    for split, name in PROTOCOLS.items():
        protocol = ProtocolFile(root / f"ASVspoof2019_LA_cm_protocols/ASVspoof2019.LA.cm.{name}.txt", (5,), WORDS)
        for speaker, file, _, system, key in protocol:
            if label := protocol.label(key):
                path = f"ASVspoof2019_LA_{split}/flac/{file}.flac"
                row = utterance(corpus.name, file, path, label, split, speaker=speaker, attack=system, language="en")
                rows.append(row)
        problems += protocol.problems
    return Listing(rows, problems)
