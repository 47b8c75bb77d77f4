"""ASVspoof 2019, logical access: the folder LA of the official archive."""

from pathlib import Path

from rawm.config.corpora import OfficialCorpus
from rawm.corpora.listing import Listing, utterance
from rawm.corpora.protocol import ProtocolFile

PROTOCOLS = {"train": "train.trn", "dev": "dev.trl", "eval": "eval.trl"}  # only training is called .trn
WORDS = {"bonafide": "genuine", "spoof": "fake"}


def read(corpus: OfficialCorpus) -> Listing:
    """Read all three splits.

    A line is `speaker file - system key`: the third field is "-". The official README swaps it with the fourth, and so
    do some copies; the system is read from either. A spoof line with a system in both or in none is refused: its attack
    would be unknown. The folders also hold the enrolment recordings of speaker verification, which no countermeasure
    protocol lists.

    Source: ASVspoof2019_LA_cm_protocols/ASVspoof2019.LA.cm.*.txt, doi:10.7488/ds/2555.
    """
    root, rows, problems = Path(corpus.root), [], []
    for split, name in PROTOCOLS.items():
        path = root / f"ASVspoof2019_LA_cm_protocols/ASVspoof2019.LA.cm.{name}.txt"
        protocol, unclear = ProtocolFile(path, (5,), WORDS), []
        for speaker, file, *systems, key in protocol:
            if label := protocol.label(key):
                given = [system for system in systems if system != "-"]
                if len(given) != (label == "fake"):
                    unclear.append(file)
                attack, audio = given[0] if given else "-", f"ASVspoof2019_LA_{split}/flac/{file}.flac"
                row = utterance(corpus.name, file, audio, label, split, speaker=speaker, attack=attack, language="en")
                rows.append(row)
        problems += protocol.problems
        if unclear:
            problems.append(
                f"{path}: {len(unclear)} line(s), first of {unclear[0]}, do not have in fields 3 and 4 "
                "one attack and a '-' if spoof, and two '-' if bonafide; restore the official file"
            )
    return Listing(rows, problems)
