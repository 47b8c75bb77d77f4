"""MSP-Podcast: a folder with Labels and the recordings."""

import csv
from collections import Counter
from pathlib import Path

from rawm.config.corpora import OfficialCorpus
from rawm.corpora.listing import Listing, utterance
from rawm.corpora.protocol import HeadedProtocol
from rawm.errors import UserError

WORDS = {"A": "angry", "H": "happy", "N": "neutral", "S": "sad"}
OTHERS = {"C", "D", "F", "O", "U", "X"}  # contempt, disgust, fear, other, surprise, no agreement
SPLITS = {
    "Train": "train",
    "Development": "dev",
    "Validation": "dev",  # its name in older releases
    "Test1": "eval",
    "Test2": "eval",
    "Test3": "eval",
}
TABLES = ("Labels/labels_consensus.csv", "Labels/labels_concensus.csv")  # spelled so up to release 1.8
AUDIO = ("Audios", "Audio", "Audios/Audio")
COLUMNS = ("FileName", "EmoClass", "SpkrID", "Split_Set")


def read(corpus: OfficialCorpus) -> Listing:
    """Read the four usual classes in the official splits; Test1 to Test3 are eval, with their name as condition.

    A speaker is a number, or Unknown.

    Source: Labels/labels_consensus.csv, doi:10.1109/TAFFC.2017.2736999.
    """
    root = Path(corpus.root)
    table = next((root / name for name in TABLES if (root / name).is_file()), None)
    folders = [name for name in AUDIO if next((root / name).glob("*.wav"), None)]
    if table is None:
        raise UserError(
            f"{root}: has no {TABLES[0]} (or labels_concensus.csv); `root` must be the folder that holds Labels"
        )
    if not folders:
        raise UserError(
            f"{root}: has no Audios (or Audio) with .wav files; `root` must be the folder that holds Labels"
        )
    lines = HeadedProtocol(table, COLUMNS, WORDS, separator=",", quoting=csv.QUOTE_MINIMAL)
    rows = []
    unknown: Counter[str] = Counter()  # words of Split_Set
    for line in lines:
        emotion, part, speaker = line["EmoClass"], line["Split_Set"], line["SpkrID"]
        label = None if emotion in OTHERS else lines.label(emotion)
        if part not in SPLITS:
            unknown[part] += 1
        elif label is not None:
            file = line["FileName"]
            rows.append(
                utterance(
                    corpus.name,
                    file.removesuffix(".wav"),
                    f"{folders[0]}/{file}",
                    label,
                    SPLITS[part],
                    speaker="-" if speaker in ("", "Unknown") else f"msp_{speaker}",
                    language="en",
                    condition=part if part.startswith("Test") else "-",
                )
            )
    words = ", ".join(SPLITS)
    problems = [f"{table}: Split_Set {word!r} in {n} line(s) is not one of {words}" for word, n in unknown.items()]
    return Listing(rows, lines.problems + problems)
