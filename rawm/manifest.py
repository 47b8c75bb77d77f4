"""The utterance table of a corpus: who speaks, which file, genuine or fake, which split.

Importing this module is cheap: it needs numpy, and pyarrow once a file is read or written.
"""

import hashlib
import json
import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from rawm import files, paths
from rawm.errors import UserError

#: Column -> what it holds. All are strings but duration_s.
COLUMNS: dict[str, str] = {
    "utterance_id": "unique in the corpus",
    "path": "audio file, relative to the corpus root, with forward slashes",
    "label": "genuine, fake, or another class of the corpus",
    "split": "train, dev or eval",
    "corpus": "label of the corpus file",
    "speaker": "'-' where unknown",
    "attack": "what made the fake; '-' for genuine utterances",
    "language": "BCP 47 tag; '-' where unknown",
    "condition": "what the recording went through or when it was made: codec, post-processing, year; '-' where unknown",
    "duration_s": "seconds, float",
    "group": "utterances of one group share a split, e.g. a recording and its copies",
}
LABELS = ("genuine", "fake")
_DIGEST = b"rawm.rows_sha256"


@dataclass(frozen=True)
class Manifest:
    """Rows of a manifest by column, sorted by utterance_id; lists of str, and (N,) float64 seconds."""

    utterance_id: list[str]
    path: list[str]
    label: list[str]
    split: list[str]
    corpus: list[str]
    speaker: list[str]
    attack: list[str]
    language: list[str]
    condition: list[str]
    duration_s: np.ndarray
    group: list[str]

    def __len__(self) -> int:
        return len(self.utterance_id)

    def select(self, split: str | None = None, where: Mapping[str, Sequence[str]] | None = None) -> "Manifest":
        """The rows of a split whose columns have one of the values that `where` lists for them.

        Raises:
            UserError: `where` names a column that manifests do not have.
        """
        wanted = {**(where or {}), **({"split": [split]} if split else {})}
        for column in wanted:
            if column not in COLUMNS:
                raise UserError(f"where: no column {column!r} in a manifest; columns: {', '.join(COLUMNS)}")
        keep = np.ones(len(self), dtype=bool)
        for column, values in wanted.items():
            allowed = set(values)
            keep &= np.fromiter((value in allowed for value in getattr(self, column)), dtype=bool, count=len(self))
        rows = np.flatnonzero(keep)
        return Manifest(**{field.name: _take(getattr(self, field.name), rows) for field in fields(self)})

    def rows(self) -> list[dict[str, Any]]:
        """The rows as dictionaries, as `write` takes them."""
        columns = [getattr(self, name) for name in COLUMNS]
        columns[list(COLUMNS).index("duration_s")] = self.duration_s.tolist()
        return [dict(zip(COLUMNS, values, strict=True)) for values in zip(*columns, strict=True)]


def _take(column: list[str] | np.ndarray, rows: np.ndarray) -> list[str] | np.ndarray:
    return column[rows] if isinstance(column, np.ndarray) else [column[row] for row in rows]


def problems(
    rows: Sequence[Mapping[str, Any]],
    labels: Sequence[str] | None = LABELS,
    splits: Sequence[str] = paths.SPLITS,
) -> list[str]:
    """What is wrong with rows of a manifest, one sentence each; empty where they are fine.

    Args:
        labels: the words that `label` may hold; None = any.
        splits: the words that `split` may hold.
    """
    for row in rows:
        if row.keys() != COLUMNS.keys():
            missing, unknown = sorted(COLUMNS.keys() - row.keys()), sorted(row.keys() - COLUMNS.keys())
            what = "; ".join(f"{w}: {', '.join(n)}" for w, n in (("missing", missing), ("unknown", unknown)) if n)
            return [f"utterance {row.get('utterance_id', '?')}: wrong columns ({what}); needed: {', '.join(COLUMNS)}"]
    found = []
    for column in COLUMNS:
        if column != "duration_s":
            bad = [row for row in rows if not isinstance(row[column], str) or not row[column].strip()]
            found += _sentence(bad, f"{column} is empty or not text; '-' stands for unknown")
    bad = [row for row in rows if not _is_duration(row["duration_s"])]
    found += _sentence(bad, "duration_s is not a number of seconds, 0 or more")
    if labels is not None:
        bad = [row for row in rows if row["label"] not in labels]
        found += _sentence(bad, f"label is not one of {', '.join(labels)}")
    bad = [row for row in rows if row["split"] not in splits]
    found += _sentence(bad, f"split is not one of {', '.join(splits)}")
    counts = Counter(row["utterance_id"] for row in rows)
    bad = [row for row in rows if counts[row["utterance_id"]] > 1]
    found += _sentence(bad, "utterance_id is not unique")
    return found + leaks(rows, "group")


def leaks(rows: Iterable[Mapping[str, Any]], column: str) -> list[str]:
    """Values of a column that occur in more than one split, as at most one sentence."""
    splits = defaultdict(set)
    for row in rows:
        splits[row[column]].add(row["split"])
    leaking = sorted(value for value, where in splits.items() if len(where) > 1)
    if not leaking:
        return []
    where = ", ".join(sorted(splits[leaking[0]]))
    return [f"{len(leaking)} value(s) of {column} occur in several splits; first: {leaking[0]!r} in {where}"]


def _is_duration(value: Any) -> bool:
    return isinstance(value, int | float) and math.isfinite(value) and value >= 0


def _sentence(bad: Sequence[Mapping[str, Any]], what: str) -> list[str]:
    return [f"{len(bad)} utterance(s), first {bad[0]['utterance_id']!r}: {what}"] if bad else []


def write(
    rows: Iterable[Mapping[str, Any]],
    path: str | Path,
    labels: Sequence[str] | None = LABELS,
    splits: Sequence[str] = paths.SPLITS,
) -> None:
    """Write a manifest (zstd Parquet), sorted by utterance_id: equal rows give equal bytes, whatever their order.

    Args:
        rows: dictionaries with exactly the keys of `COLUMNS`.
        labels: the words that `label` may hold; None = any.
        splits: the words that `split` may hold.

    Raises:
        UserError: rows with missing, unknown or empty columns, unknown labels or splits, ids that are not unique, or
            a group in two splits; all problems together, none written.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows = list(rows)
    if wrong := problems(rows, labels, splits):
        raise UserError("\n".join(f"{path}: {problem}" for problem in wrong))
    rows = sorted(rows, key=lambda row: row["utterance_id"])
    columns = {name: [row[name] for row in rows] for name in COLUMNS}
    columns["duration_s"] = [float(value) for value in columns["duration_s"]]
    digest = hashlib.sha256(json.dumps(columns, ensure_ascii=False).encode()).hexdigest()
    types = [(name, pa.float64() if name == "duration_s" else pa.string()) for name in COLUMNS]
    table = pa.table(columns, schema=pa.schema(types, metadata={_DIGEST: digest}))
    with files.atomic(path) as temporary:
        pq.write_table(table, temporary, compression="zstd")


def read(path: str | Path) -> Manifest:
    """Read a manifest.

    Raises:
        UserError: there is no such file, or it is not a manifest.
    """
    table = _open(path).read(columns=list(COLUMNS))
    columns = {name: table.column(name).to_pylist() for name in COLUMNS}
    columns["duration_s"] = np.array(columns["duration_s"], dtype=np.float64)
    return Manifest(**columns)


def digest(path: str | Path) -> str:
    """SHA-256 of a manifest's rows; equal rows have equal digests whatever wrote the file."""
    return _open(path).schema_arrow.metadata[_DIGEST].decode()


def _open(path: str | Path) -> Any:
    import pyarrow as pa
    import pyarrow.parquet as pq

    if not Path(path).is_file():
        raise UserError(f"{path}: no such manifest; make it with `rawm corpora make {Path(path).stem}`")
    try:
        file = pq.ParquetFile(path)
    except pa.ArrowException as error:
        raise UserError(f"{path}: not a readable manifest ({error}); make it again") from None
    if set(COLUMNS) - set(file.schema_arrow.names) or _DIGEST not in (file.schema_arrow.metadata or {}):
        raise UserError(f"{path}: not a manifest of this version; make it again with `rawm corpora make`")
    return file
