"""SpoofCeleb: 23 systems trained on VoxCeleb's recordings of celebrities, under real conditions."""

import csv
from pathlib import Path

from rawm.config.corpora import OfficialCorpus
from rawm.corpora.disk import nested
from rawm.corpora.listing import Listing, utterance
from rawm.corpora.protocol import HeadedProtocol

SPLITS = {"train": "train", "development": "dev", "evaluation": "eval"}
WORDS = {"a00": "genuine", **{f"a{number:02}": "fake" for number in range(1, 24)}}


def read(corpus: OfficialCorpus) -> Listing:
    """Read all three splits.

    A line is `file,speaker,attack`, the file as `a00/id10318/YYsxcZ5saac-00002-006.flac` below flac/<split>; attack a00
    is genuine speech. The folder `protocol` beside the metadata is for speaker verification and not read.

    Source: metadata/<split>.csv, huggingface.co/datasets/jungjee/spoofceleb, arXiv:2409.17285.
    """
    prefix = nested(Path(corpus.root), "spoofceleb", "metadata")
    rows, problems = [], []
    for part, split in SPLITS.items():
        path = Path(corpus.root) / f"{prefix}metadata/{part}.csv"
        table = HeadedProtocol(path, ("file", "speaker", "attack"), WORDS, ",", csv.QUOTE_MINIMAL)
        for line in table:
            if label := table.label(line["attack"]):
                file = line["file"]
                row = utterance(
                    corpus.name,
                    file.removesuffix(".flac"),
                    f"{prefix}flac/{part}/{file}",
                    label,
                    split,
                    speaker=line["speaker"] or "-",
                    attack="-" if label == "genuine" else line["attack"],
                )
                rows.append(row)
        problems += table.problems
    return Listing(rows, problems)
