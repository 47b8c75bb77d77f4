"""Corpora of the user's own, listed in a CSV, TSV or Parquet table."""

import csv
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from rawm import audio, manifest
from rawm.config.corpora import TableCorpus
from rawm.errors import UserError

REQUIRED = ("utterance_id", "path", "label", "split")
_DELIMITERS = {".csv": ",", ".tsv": "\t", ".txt": "\t"}


def make(corpus: TableCorpus, packages_dir: Path, workers: int) -> list[dict[str, Any]]:
    """The rows of the corpus' manifest, read from its table; `packages_dir` is not used.

    Raises:
        UserError: the table or the files that it lists are not as they should be; all problems together.
    """
    rows, wrong = read(corpus, workers)
    if wrong:
        raise UserError("\n".join(wrong))
    return rows


def read(corpus: TableCorpus, workers: int = 1) -> tuple[list[dict[str, Any]], list[str]]:
    """Rows of the manifest, and the problems of the table and of the files that it lists, one sentence each.

    Label words are mapped by the corpus file's `labels`; rows with other words are reported and left out. Columns that
    the table does not have: speaker, language and a fake's attack are "-", group is the utterance itself, duration_s
    comes from the audio file.

    Raises:
        UserError: there is no table, or it lacks required columns: nothing else can be said then.
    """
    table = find(corpus)
    records = list(_records(table))
    unknown: dict[str, list[int]] = {}
    rows = []
    for number, record in records:
        word = record["label"]
        if word not in corpus.labels:
            unknown.setdefault(word, []).append(number)
            continue
        rows.append(_row(corpus, record, corpus.labels[word]))
    known = ", ".join(corpus.labels)
    wrong = [
        f"{table}: label {word!r} in {len(numbers)} row(s), first in row {numbers[0]}, is not one of {known}; "
        f"map it under `labels` of the corpus file"
        for word, numbers in unknown.items()
    ]
    return rows, wrong + _fill_durations(corpus, table, rows, workers)


def find(corpus: TableCorpus) -> Path:
    """The table's file: under the root, or where its path says; raises UserError."""
    for candidate in (Path(corpus.root) / corpus.table, Path(corpus.table)):
        if candidate.is_file():
            return candidate
    raise UserError(f"corpus {corpus.name}: table: no file {corpus.table!r} under {corpus.root}")


def _row(corpus: TableCorpus, record: dict[str, str], label: str) -> dict[str, Any]:
    text = {column: record.get(column, "").strip() for column in manifest.COLUMNS}
    return text | {
        "label": label,
        "corpus": corpus.name,
        "path": text["path"].replace("\\", "/"),
        "speaker": text["speaker"] or "-",
        "attack": "-" if label == "genuine" else text["attack"] or "-",
        "language": text["language"] or "-",
        "group": text["group"] or text["utterance_id"],
        "duration_s": text["duration_s"],
    }


def _records(table: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """(row number in the file, the header being row 1; column -> text) of every row that is not blank."""
    suffix = table.suffix.lower()
    if suffix == ".parquet":
        columns, rows = _parquet(table)
    elif suffix in _DELIMITERS:
        columns, rows = _separated(table, _DELIMITERS[suffix])
    else:
        raise UserError(f"{table}: unknown kind of table; give a .csv, .tsv or .parquet file")
    if missing := [column for column in REQUIRED if column not in columns]:
        raise UserError(
            f"{table}: no column {', '.join(missing)}; needed: {', '.join(REQUIRED)}; found: {', '.join(columns)}"
        )
    for number, cells in enumerate(rows, start=2):
        if len(cells) != len(columns) and any(cells):
            raise UserError(f"{table}: row {number} has {len(cells)} cells, but the header has {len(columns)}")
        if any(cells):
            yield number, dict(zip(columns, cells, strict=True))


def _separated(table: Path, delimiter: str) -> tuple[list[str], list[list[str]]]:
    try:
        with open(table, encoding="utf-8-sig", newline="") as file:
            lines = [[cell.strip() for cell in line] for line in csv.reader(file, delimiter=delimiter)]
    except (UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"{table}: cannot be read as text in UTF-8 ({error}); save it again as UTF-8") from None
    return (lines[0], lines[1:]) if lines else ([], [])


def _parquet(table: Path) -> tuple[list[str], list[list[str]]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        content = pq.read_table(table)
    except pa.ArrowException as error:
        raise UserError(f"{table}: not a readable Parquet file ({error})") from None
    columns = [["" if value is None else str(value) for value in column.to_pylist()] for column in content.columns]
    return content.column_names, [list(cells) for cells in zip(*columns, strict=True)]


def _fill_durations(corpus: TableCorpus, table: Path, rows: list[dict[str, Any]], workers: int) -> list[str]:
    """Put numbers into duration_s, from the files where the table has none; the problems found on the way.

    An unreadable file counts 0 s where the corpus file says `bad_audio: skip`: feature extraction leaves it out.
    """
    root = Path(corpus.root)

    def measure(row: dict[str, Any]) -> str | None:
        if not (root / row["path"]).is_file():
            row["duration_s"] = 0.0
            return "missing"
        try:
            row["duration_s"] = float(row["duration_s"] or audio.duration(root / row["path"]))
        except audio.BadAudio as error:
            row["duration_s"] = 0.0
            return None if corpus.bad_audio == "skip" else str(error)
        except ValueError:
            given, row["duration_s"] = row["duration_s"], 0.0
            return f"{table}: utterance {row['utterance_id']}: duration_s {given!r} is not a number of seconds"
        return None

    with ThreadPoolExecutor(workers) as pool:
        found = list(pool.map(measure, rows))
    missing = [row["path"] for row, problem in zip(rows, found, strict=True) if problem == "missing"]
    wrong = [problem for problem in found if problem not in (None, "missing")]
    if missing:
        wrong.insert(0, f"{table}: {len(missing)} of {len(rows)} files are not under {root}, first {missing[0]}")
    return wrong
