"""The utterance table of a corpus: who speaks, which file, genuine or fake, which split.

Importing this module is cheap: pyarrow is loaded when a file is read or written.
"""

import hashlib
import json
import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from rawm import files, paths
from rawm.errors import UserError

#: Columns of a manifest; all hold text except duration_s.
COLUMNS = (
    "utterance_id",  # unique in the corpus
    "path",  # audio file, relative to the corpus root, with forward slashes
    "label",  # genuine, fake, or another class of the corpus
    "split",  # train, dev or eval
    "corpus",  # label of the corpus file
    "speaker",  # "-" where unknown
    "attack",  # system that made the fake; "-" for genuine utterances
    "language",  # BCP 47 tag; "-" where unknown
    "condition",  # codec, post-processing, year or test set; "-" where unknown
    "duration_s",  # seconds, float
    "group",  # utterances of one group share a split, e.g. a recording and its copies
)
Row = dict[str, Any]  # column -> value
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
        """Select rows.

        Args:
            split: train, dev or eval; None = all.
            where: column -> values that a row may have in it.

        Raises:
            UserError: `where` names a column that manifests do not have.
        """
        wanted = dict(where or {})
        if split is not None:
            wanted["split"] = [split]
        for column in wanted:
            if column not in COLUMNS:
                raise UserError(f"where: no column {column!r} in a manifest; columns: {', '.join(COLUMNS)}")
        selected = np.ones(len(self), dtype=bool)
        for column, values in wanted.items():
            allowed = set(values)
            selected &= np.fromiter((value in allowed for value in getattr(self, column)), dtype=bool, count=len(self))
        rows = np.flatnonzero(selected)
        columns: dict[str, Any] = {name: _take(getattr(self, name), rows) for name in COLUMNS}
        return Manifest(**columns)

    def traced(self) -> list[str]:
        """Class of each row where attacks are told apart: genuine, or the attack of a fake.

        Raises:
            UserError: the manifest does not say the attack of a row.
        """
        if unknown := [row for row, attack in enumerate(self.attack) if attack == "-" and self.label[row] != "genuine"]:
            raise UserError(
                f"corpus {self.corpus[unknown[0]]}: the attack of {len(unknown)} {self.label[unknown[0]]} utterance(s) "
                f"is not known, first {self.utterance_id[unknown[0]]!r}; `classes: attacks` needs it: leave them out "
                "by `where`"
            )
        return [label if label == "genuine" else attack for label, attack in zip(self.label, self.attack, strict=True)]

    def rows(self) -> list[Row]:
        """Return the rows as dictionaries, as `write` takes them."""
        columns = [getattr(self, name) for name in COLUMNS]
        columns[COLUMNS.index("duration_s")] = self.duration_s.tolist()
        return [dict(zip(COLUMNS, values, strict=True)) for values in zip(*columns, strict=True)]


def _take(column: list[str] | np.ndarray, rows: np.ndarray) -> list[str] | np.ndarray:
    return column[rows] if isinstance(column, np.ndarray) else [column[row] for row in rows]


def problems(
    rows: Sequence[Mapping[str, Any]],
    labels: Sequence[str] | None = LABELS,
    splits: Sequence[str] = paths.SPLITS,
) -> list[str]:
    """Check rows of a manifest; return one sentence for each kind of mistake.

    Args:
        labels: labels that a row may have; None = any.
        splits: splits that a row may have.
    """
    for row in rows:
        if row.keys() != set(COLUMNS):
            return [_columns_problem(row)]
    errors = []
    for column in COLUMNS:
        if column != "duration_s":
            empty = [row for row in rows if not isinstance(row[column], str) or not row[column].strip()]
            errors += _row_problems(empty, f"{column} is empty or not text; '-' stands for unknown")
    no_duration = [row for row in rows if not _is_duration(row["duration_s"])]
    errors += _row_problems(no_duration, "duration_s is not a number of seconds, 0 or more")
    if labels is not None:
        unknown = [row for row in rows if row["label"] not in labels]
        errors += _row_problems(unknown, f"label is not one of {', '.join(labels)}")
    unknown = [row for row in rows if row["split"] not in splits]
    errors += _row_problems(unknown, f"split is not one of {', '.join(splits)}")
    counts = Counter(row["utterance_id"] for row in rows)
    repeated = [row for row in rows if counts[row["utterance_id"]] > 1]
    errors += _row_problems(repeated, "utterance_id is not unique")
    return errors + leak_problems(rows, "group")


def _columns_problem(row: Mapping[str, Any]) -> str:
    missing, unknown = sorted(set(COLUMNS) - row.keys()), sorted(row.keys() - set(COLUMNS))
    what = "; ".join(f"{kind}: {', '.join(n)}" for kind, n in (("missing", missing), ("unknown", unknown)) if n)
    return f"utterance {row.get('utterance_id', '?')}: wrong columns ({what}); needed: {', '.join(COLUMNS)}"


def _row_problems(rows: Sequence[Mapping[str, Any]], problem: str) -> list[str]:
    return [f"{len(rows)} utterance(s), first {rows[0]['utterance_id']!r}: {problem}"] if rows else []


def leak_problems(rows: Iterable[Mapping[str, Any]], column: str) -> list[str]:
    """Report values of a column that occur in more than one split, in at most one sentence."""
    splits: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        splits[row[column]].add(row["split"])
    leaking = sorted(value for value, where in splits.items() if len(where) > 1)
    if not leaking:
        return []
    where = ", ".join(sorted(splits[leaking[0]]))
    return [f"{len(leaking)} value(s) of {column} occur in several splits; first: {leaking[0]!r} in {where}"]


def _is_duration(value: Any) -> bool:
    return isinstance(value, int | float) and math.isfinite(value) and value >= 0


def write(
    rows: Iterable[Mapping[str, Any]],
    path: str | Path,
    labels: Sequence[str] | None = LABELS,
    splits: Sequence[str] = paths.SPLITS,
) -> None:
    """Write a manifest (zstd Parquet), sorted by utterance_id: equal rows give equal bytes, whatever their order.

    Args:
        rows: dictionaries with exactly the keys of `COLUMNS`.
        labels: labels that a row may have; None = any.
        splits: splits that a row may have.

    Raises:
        UserError: rows with missing, unknown or empty columns, unknown labels or splits, ids that are not unique, or
            a group in two splits; all problems together, and nothing is written.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows = list(rows)
    if errors := problems(rows, labels, splits):
        raise UserError("\n".join(f"{path}: {problem}" for problem in errors))
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
        UserError: the file is missing, or is not a manifest.
    """
    table = _open(path).read(columns=list(COLUMNS))
    columns: dict[str, Any] = {name: table.column(name).to_pylist() for name in COLUMNS}
    columns["duration_s"] = np.array(columns["duration_s"], dtype=np.float64)
    return Manifest(**columns)


def digest(path: str | Path) -> str:
    """SHA-256 of a manifest's rows, which does not depend on the version of the Parquet library."""
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
