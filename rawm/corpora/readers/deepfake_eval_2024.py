"""Deepfake-Eval-2024, audio: recordings that went round on social networks in 2024."""

import csv
import sys
from collections import Counter
from pathlib import Path

from rawm.config.corpora import OfficialCorpus
from rawm.corpora.listing import Listing, utterance
from rawm.corpora.protocol import HeadedProtocol

WORDS = {"real": "genuine", "fake": "fake"}
SPLITS = {"train": "train", "test": "eval"}
COLUMNS = ("Filename", "Finetuning Set", "Ground Truth")


def read(corpus: OfficialCorpus) -> Listing:
    """Read training data and the test, the two parts of the column Finetuning Set; there is no development data.

    Words are read in any case. Recordings whose truth is neither real nor fake (`Unknown`), or that are in neither
    part, are left out; how many of each is printed.

    Source: audio-metadata-publish.csv, huggingface.co/datasets/nuriachandra/Deepfake-Eval-2024, arXiv:2503.02857.
    """
    path = Path(corpus.root) / "audio-metadata-publish.csv"
    table = HeadedProtocol(path, COLUMNS, WORDS, ",", csv.QUOTE_MINIMAL)
    rows = []
    left_out: Counter[str] = Counter()
    for line in table:
        file, part, truth = line["Filename"], line["Finetuning Set"].lower(), line["Ground Truth"].lower()
        if truth not in WORDS:
            left_out[f"Ground Truth {line['Ground Truth']!r}"] += 1
        elif part not in SPLITS:
            left_out[f"Finetuning Set {line['Finetuning Set']!r}"] += 1
        else:
            rows.append(utterance(corpus.name, file, f"audio-data/{file}", WORDS[truth], SPLITS[part]))
    for what, times in sorted(left_out.items()):
        print(f"warning: left out: {times} recording(s) of {path} with {what}", file=sys.stderr)
    return Listing(rows, table.problems)
