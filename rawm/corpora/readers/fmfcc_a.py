"""FMFCC-A: Mandarin speech of 13 synthesis and conversion systems, partly compressed or made noisy."""

from pathlib import Path

from rawm.config.corpora import OfficialCorpus
from rawm.corpora.disk import paths_by_name
from rawm.corpora.listing import Listing, utterance
from rawm.corpora.protocol import ProtocolFile

PROTOCOL = "AllUtteranceInfo.txt"
FLAGS = {"1": "genuine", "0": "fake"}
ENDS = {20010000: "train", 20030000: "dev", 20050000: "eval"}  # last number of each split


def read(corpus: OfficialCorpus) -> Listing:
    """Read all three splits.

    A line is `file,flag,system`; 1 is genuine, 0 fake. The split is not in the list, it follows from the file's number.
    Compression or noise is named after the system (A10_MP3, N01_ND02) and is the condition. Recordings are looked up by
    name below the root.

    Source: AllUtteranceInfo.txt of github.com/Amforever/FMFCC-A.
    """
    root, rows, outside = Path(corpus.root), [], []
    protocol = ProtocolFile(root / PROTOCOL, (3,), FLAGS, separator=",")
    paths = paths_by_name(root)
    for fields in protocol:
        file, flag, system = (field.strip() for field in fields)
        label, split = protocol.label(flag), _split(file.removesuffix(".wav"))
        if not split:
            outside.append(file)
        elif label:
            attack, _, condition = system.partition("_")
            row = utterance(
                corpus.name,
                file.removesuffix(".wav"),
                paths.get(file, file),
                label,
                split,
                attack="-" if label == "genuine" else attack,
                language="zh",
                condition=condition or "-",
            )
            rows.append(row)
    problems = protocol.problems
    if outside:
        problems.append(
            f"{root / PROTOCOL}: {len(outside)} file(s), first {outside[0]}, are not numbered 20000001 to 20050000; "
            "restore the official file"
        )
    return Listing(rows, problems)


def _split(number: str) -> str | None:
    if not number.isdecimal() or int(number) <= 20000000:
        return None
    return next((split for end, split in ENDS.items() if int(number) <= end), None)
