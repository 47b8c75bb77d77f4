"""Import features that others computed: from their files to a feature folder."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from rawm.config.labels import require
from rawm.corpora.listing import utterance
from rawm.corpora.readers import table as tables
from rawm.errors import UserError
from rawm.features import folder as feature_folder
from rawm.features.tensor_files import array, load
from rawm.manifest import Row

OPTIONAL = ("speaker", "attack", "language", "condition", "group")


def import_table(table: Path, folder: Path, name: str, pool: str) -> list[Row]:
    """Write a feature folder from a table of .npy, .pt or .pth files; return its rows.

    Args:
        table: .csv, .tsv or .parquet with the columns utterance_id, path (relative to the table) and label, and
            optionally split and those of OPTIONAL.
        folder: the feature folder.
        name: name of the feature set.
        pool: "mean" averages frames (T, d) over time; "none" keeps them. Vectors (d,) are kept.

    Raises:
        UserError: problems of the table and the files, all together; nothing is written then.
    """
    require(name, "--name")
    if not table.is_file():
        raise UserError(f"{table}: no such table")
    problems: list[str] = []
    return feature_folder.write(folder, name, _items(table, folder.name, pool, problems), problems)


def _items(table: Path, corpus: str, pool: str, problems: list[str]) -> Iterator[tuple[Row, np.ndarray]]:
    """Yield the row and features of each file; append sentences about the others to `problems`."""
    for _, record in tables.records(table, with_split=False):
        path = table.parent / record["path"].replace("\\", "/")
        try:
            values = array(load(path), path)
        except UserError as error:
            problems.append(str(error))
            continue
        row = utterance(corpus, record["utterance_id"], record["path"], record["label"], record.get("split") or "-")
        row |= {column: record[column] for column in OPTIONAL if record.get(column)}
        yield row, values.mean(axis=0) if pool == "mean" and values.ndim == 2 else values


def corpus_file(folder: Path, rows: list[Row]) -> str:
    """Write the text of a file for config/corpora/ that uses a feature folder."""
    content: dict[str, Any] = {"title": folder.name, "loader": "features", "root": str(folder.resolve())}
    if any(row["split"] == "-" for row in rows):
        content["splits"] = {"train": 0.6, "dev": 0.15, "eval": 0.25}
    schema = "# yaml-language-server: $schema=../schemas/corpora.schema.json\n"
    return schema + yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=1000)
