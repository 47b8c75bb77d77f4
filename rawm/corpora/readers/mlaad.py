"""MLAAD, the Multi-Language Audio Anti-Spoofing Dataset: the folder that holds `fake`."""

import csv
import posixpath
from collections.abc import Iterator
from pathlib import Path

from rawm.config.corpora import OfficialCorpus
from rawm.corpora.listing import Listing, utterance
from rawm.corpora.protocol import HeadedProtocol
from rawm.errors import UserError
from rawm.manifest import Row

NEEDED = ("path", "original_file", "language", "model_name")


def read(corpus: OfficialCorpus) -> Listing:
    """Read the corpus, which has no official split; all utterances are fakes.

    Each model's folder has a meta.csv, separated by `|`, with columns that differ between releases and transcripts with
    single quotation marks. Its paths begin at different folders in different releases, so only their file name is used,
    and looked for beside the meta.csv. All models speak sentences of M-AILABS, so the group is the original's name. The
    release (`version:` in the corpus file) is the condition.

    Source: fake/<language>/<model>/meta.csv, arXiv:2401.09512.
    """
    root = Path(corpus.root)
    rows: list[Row] = []
    problems: list[str] = []
    folders = sorted(path for path in root.glob("fake/*/*") if path.is_dir())
    if not folders:
        problems.append(f"corpus {corpus.name}: no folder fake/<language>/<model> under {root}")
    for folder in folders:
        try:
            table = HeadedProtocol(folder / "meta.csv", NEEDED, {}, separator="|", quoting=csv.QUOTE_NONE)
        except UserError as error:
            problems.append(str(error))
            continue
        rows += _rows(corpus, folder.relative_to(root).as_posix(), table)
        problems += table.problems
    return Listing(rows, problems)


def _rows(corpus: OfficialCorpus, folder: str, table: HeadedProtocol) -> Iterator[Row]:
    for line in table:
        path = f"{folder}/{posixpath.basename(line['path'])}"
        yield utterance(
            corpus.name,
            path.removesuffix(".wav"),
            path,
            "fake",
            attack=line["model_name"] or folder.rpartition("/")[2],
            language=line["language"] or "-",
            condition=corpus.version,
            group=posixpath.splitext(posixpath.basename(line["original_file"]))[0],
        )
