"""The utterance table of a corpus: who speaks, which file, genuine or fake, which split.

Importing this module is cheap: pyarrow is loaded when a file is read or written.
"""

import hashlib
import json
import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path
from typing import Any

import numpy as np

from rawm import checksums, files, paths
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
    return _key_problems(rows) or _value_problems(_by_column(rows), labels, splits)


def _key_problems(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    wanted = set(COLUMNS)
    return next(([_columns_problem(row)] for row in rows if row.keys() != wanted), [])


def _by_column(rows: Sequence[Mapping[str, Any]]) -> dict[str, Sequence[Any]]:
    """Turn rows into columns, in one pass over what lies scattered in memory."""
    columns = zip(*map(itemgetter(*COLUMNS), rows), strict=True) if rows else [()] * len(COLUMNS)
    return dict(zip(COLUMNS, columns, strict=True))


def _value_problems(
    columns: Mapping[str, Sequence[Any]], labels: Sequence[str] | None, splits: Sequence[str]
) -> list[str]:
    """One sentence for each kind of wrong value."""
    errors = []

    def check(column: str, is_right: Callable[[Any], bool], problem: str) -> None:
        if wrong := [row for row, value in enumerate(columns[column]) if not is_right(value)]:
            errors.append(f"{len(wrong)} utterance(s), first {columns['utterance_id'][wrong[0]]!r}: {problem}")

    for column in COLUMNS:
        if column != "duration_s":
            check(column, _is_text, f"{column} is empty or not text; '-' stands for unknown")
    check("duration_s", _is_duration, "duration_s is not a number of seconds, 0 or more")
    if labels is not None:
        check("label", labels.__contains__, f"label is not one of {', '.join(labels)}")
    check("split", splits.__contains__, f"split is not one of {', '.join(splits)}")
    counts = Counter(columns["utterance_id"])
    check("utterance_id", lambda name: counts[name] == 1, "utterance_id is not unique")
    return errors + _leak_problems(columns["group"], columns["split"], "group")


def _columns_problem(row: Mapping[str, Any]) -> str:
    missing, unknown = sorted(set(COLUMNS) - row.keys()), sorted(row.keys() - set(COLUMNS))
    what = "; ".join(f"{kind}: {', '.join(n)}" for kind, n in (("missing", missing), ("unknown", unknown)) if n)
    return f"utterance {row.get('utterance_id', '?')}: wrong columns ({what}); needed: {', '.join(COLUMNS)}"


def leak_problems(rows: Iterable[Mapping[str, Any]], column: str) -> list[str]:
    """Report values of a column that occur in more than one split, in at most one sentence."""
    rows = list(rows)
    return _leak_problems([row[column] for row in rows], [row["split"] for row in rows], column)


def _leak_problems(values: Sequence[str], splits: Sequence[str], column: str) -> list[str]:
    first: dict[str, str] = {}  # value -> the split in which it occurs first
    leaking = {value for value, split in zip(values, splits, strict=True) if first.setdefault(value, split) != split}
    if not leaking:
        return []
    example = min(leaking)
    where = {split for value, split in zip(values, splits, strict=True) if value == example}
    return [
        f"{len(leaking)} value(s) of {column} occur in several splits; first: {example!r} in {', '.join(sorted(where))}"
    ]


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


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
    errors, columns = _key_problems(rows), {}
    if not errors:
        columns = _by_column(rows)
        errors = _value_problems(columns, labels, splits)
    if errors:
        raise UserError("\n".join(f"{path}: {problem}" for problem in errors))
    order = sorted(range(len(rows)), key=columns["utterance_id"].__getitem__)
    columns = {name: [column[row] for row in order] for name, column in columns.items()}
    columns["duration_s"] = [float(value) for value in columns["duration_s"]]
    digest = _digest_of(columns)
    types = [(name, pa.float64() if name == "duration_s" else pa.string()) for name in COLUMNS]
    table = pa.table(columns, schema=pa.schema(types, metadata={_DIGEST: digest}))
    with files.atomic(path) as temporary:
        pq.write_table(table, temporary, compression="zstd")
        checksums.seal(temporary)


def _digest_of(columns: Mapping[str, Sequence[Any]]) -> str:
    """SHA-256 of the columns as one JSON object, made column by column to save memory."""
    hashed = hashlib.sha256(b"{")
    for number, (name, values) in enumerate(columns.items()):
        hashed.update(f"{', ' if number else ''}{json.dumps(name)}: {json.dumps(values, ensure_ascii=False)}".encode())
    hashed.update(b"}")
    return hashed.hexdigest()


def read(path: str | Path) -> Manifest:
    """Read a manifest.

    Raises:
        UserError: the file is missing, or is not a manifest.
    """
    with files.parquet_problems(path, "make the manifest again with `rawm corpora make`"):
        table = _open(path).read(columns=list(COLUMNS))
        columns: dict[str, Any] = {name: table.column(name).to_pylist() for name in COLUMNS}
        columns["duration_s"] = np.array(columns["duration_s"], dtype=np.float64)
        return Manifest(**columns)


def digest(path: str | Path) -> str:
    """SHA-256 of a manifest's rows, which does not depend on the version of the Parquet library."""
    with files.parquet_problems(path, "make the manifest again with `rawm corpora make`"):
        return _open(path).schema_arrow.metadata[_DIGEST].decode()


def _open(path: str | Path) -> Any:
    import pyarrow.parquet as pq

    if not Path(path).is_file():
        raise UserError(f"{path}: no such manifest; make it with `rawm corpora make {Path(path).stem}`")
    checksums.require_table(path, "manifest")
    file = pq.ParquetFile(path)
    if set(COLUMNS) - set(file.schema_arrow.names) or _DIGEST not in (file.schema_arrow.metadata or {}):
        raise UserError(f"{path}: not a manifest of this version; make it again with `rawm corpora make`")
    return file
