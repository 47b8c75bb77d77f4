"""ASVspoof 2015: the folders CM_protocol and wav of the official archives."""

from pathlib import Path

from rawm.config.corpora import OfficialCorpus
from rawm.corpora.listing import Listing, utterance
from rawm.corpora.protocol import ProtocolFile

PROTOCOLS = {"train": "cm_train.trn", "dev": "cm_develop.ndx", "eval": "cm_evaluation.ndx"}
WORDS = {"human": "genuine", "spoof": "fake"}


def read(corpus: OfficialCorpus) -> Listing:
    """Read all three splits.

    A line is `speaker file method key`; method is S1 to S10, or `human` again. Some copies of the corpus have .txt
    after the protocols' names. The speakers' folders also hold the enrolment recordings of speaker verification
    (E1/E1_EN10001.wav), which no countermeasure protocol lists.

    Source: CM_protocol/cm_*, doi:10.7488/ds/298.
    """
    root, rows, problems = Path(corpus.root), [], []
    for split, name in PROTOCOLS.items():
        path = root / "CM_protocol" / name
        copy = path.with_name(f"{name}.txt")
        protocol = ProtocolFile(copy if copy.is_file() and not path.is_file() else path, (4,), WORDS)
        for speaker, file, method, key in protocol:
            if label := protocol.label(key):
                attack = "-" if label == "genuine" else method
                audio = f"wav/{speaker}/{file}.wav"
                row = utterance(corpus.name, file, audio, label, split, speaker=speaker, attack=attack, language="en")
                rows.append(row)
        problems += protocol.problems
    return Listing(rows, problems)
