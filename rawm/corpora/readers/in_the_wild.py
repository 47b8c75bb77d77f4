"""In-the-Wild: the folder release_in_the_wild."""

import csv
from pathlib import Path

from rawm.config.corpora import OfficialCorpus
from rawm.corpora.listing import Listing, utterance
from rawm.corpora.protocol import HeadedProtocol

WORDS = {"bona-fide": "genuine", "spoof": "fake"}


def read(corpus: OfficialCorpus) -> Listing:
    """Read the corpus, which has no official split.

    A line is `file,speaker,label`; speakers are people with a blank in their names, and the systems that made the fakes
    are unknown. Recordings are in English.

    Source: meta.csv, arXiv:2203.16263.
    """
    table = HeadedProtocol(
        Path(corpus.root) / "meta.csv", ("file", "speaker", "label"), WORDS, separator=",", quoting=csv.QUOTE_MINIMAL
    )
    rows = []
    for line in table:
        if label := table.label(line["label"]):
            file, speaker = line["file"], line["speaker"] or "-"
            rows.append(utterance(corpus.name, file.removesuffix(".wav"), file, label, speaker=speaker, language="en"))
    return Listing(rows, table.problems)
