"""Lists that the scripts of AntiDeepfake write for some thirty corpora."""

import csv

from rawm.config.corpora import AntiDeepfakeList
from rawm.config.reading import find_file
from rawm.corpora.listing import Listing, utterance
from rawm.corpora.protocol import HeadedProtocol
from rawm.manifest import Row

WORDS = {"real": "genuine", "fake": "fake"}
SPLITS = {"train": "train", "valid": "dev", "test": "eval", "-": ""}
COLUMNS = ("ID", "Label", "Duration", "Path", "Attack", "Speaker", "Proportion")


def read(corpus: AntiDeepfakeList) -> Listing:
    """Read a list; paths begin with `$ROOT/`, which is the corpus' root.

    Proportion is train, valid or test, or "-" in a corpus without official splits. Durations are the list's, so no
    audio is opened. Languages are written in capitals there ("EN").

    Source: protocols/*.py of github.com/nii-yamagishilab/AntiDeepfake, arXiv:2506.21090.
    """
    path = find_file(corpus.root, corpus.table)
    table = HeadedProtocol(path, COLUMNS, WORDS, ",", csv.QUOTE_MINIMAL)
    rows: list[Row] = []
    problems: dict[str, list[str]] = {}
    for line in table:
        label, part = table.label(line["Label"]), line["Proportion"]
        if part not in SPLITS:
            problems.setdefault(f"Proportion {part!r} is not one of {', '.join(SPLITS)}", []).append(line["ID"])
        elif not line["Path"].startswith("$ROOT/"):
            problems.setdefault("Path does not begin with $ROOT/", []).append(line["ID"])
        elif label:
            rows.append(_row(corpus, line, label))
    sentences = [f"{path}: {len(ids)} utterance(s), first {ids[0]}: {what}" for what, ids in problems.items()]
    return Listing(rows, table.problems + sentences)


def _row(corpus: AntiDeepfakeList, line: dict[str, str], label: str) -> Row:
    return utterance(
        corpus.name,
        line["ID"],
        line["Path"].removeprefix("$ROOT/").replace("//", "/"),
        label,
        SPLITS[line["Proportion"]],
        speaker=line["Speaker"] or "-",
        attack="-" if label == "genuine" else line["Attack"] or "-",
        language=line.get("Language", "-").lower() or "-",
        duration_s=_seconds(line["Duration"]),
    )


def _seconds(text: str) -> float:
    """A duration; 0, which means that the file is asked, where it is no positive number."""
    try:
        return max(0.0, float(text))
    except ValueError:
        return 0.0
