"""Your own recordings, listed in a CSV, TSV or Parquet table."""

import csv
from collections.abc import Iterator
from pathlib import Path

from rawm import files, manifest
from rawm.config.corpora import TableCorpus
from rawm.config.reading import find_file
from rawm.corpora.listing import Listing
from rawm.errors import UserError
from rawm.manifest import Row

REQUIRED = ("utterance_id", "path", "label", "split")
_DELIMITERS = {".csv": ",", ".tsv": "\t", ".txt": "\t"}


def read(corpus: TableCorpus) -> Listing:
    """Read the rows of the table.

    Label words are mapped by the corpus file's `labels`; rows with other words are reported and left out. Missing
    columns have defaults: speaker, language, condition and a fake's attack are "-", an utterance is its own group, and
    duration_s is read from the audio file. The column split may be missing where the corpus file divides the corpus
    (`splits:`).

    Raises:
        UserError: the table or one of its required columns is missing.
    """
    table = find_file(corpus.root, corpus.table)
    if not table.is_file():
        raise UserError(f"corpus {corpus.name}: table: no file {corpus.table!r} under {corpus.root}")
    unknown: dict[str, list[int]] = {}  # label word -> numbers of its rows
    rows: list[Row] = []
    problems: list[str] = []
    for number, record in records(table, corpus.splits is None):
        word = record["label"]
        if word not in corpus.labels:
            unknown.setdefault(word, []).append(number)
            continue
        row = _row(corpus, record, corpus.labels[word])
        try:
            row["duration_s"] = float(row["duration_s"] or 0)
        except ValueError:
            name, value = row["utterance_id"], row["duration_s"]
            problems.append(f"{table}: utterance {name}: duration_s {value!r} is not a number of seconds")
            continue
        rows.append(row)
    words = ", ".join(corpus.labels)
    if not unknown:
        problems += _class_problems(table, corpus, rows)
    problems += [
        f"{table}: label {word!r} in {len(numbers)} row(s), first in row {numbers[0]}, is not one of {words}; "
        f"map it under `labels` of the corpus file"
        for word, numbers in unknown.items()
    ]
    return Listing(rows, problems)


def _class_problems(table: Path, corpus: TableCorpus, rows: list[Row]) -> list[str]:
    """Report classes that no row has."""
    absent = [label for label in corpus.classes if all(row["label"] != label for row in rows)]
    return [
        f"{table}: no row is {label}; correct the column label, or leave {label} out of `labels` of the corpus file"
        for label in absent
    ]


def _row(corpus: TableCorpus, record: dict[str, str], label: str) -> Row:
    text = {column: record.get(column, "").strip() for column in manifest.COLUMNS}
    return text | {
        "label": label,
        "corpus": corpus.name,
        "path": text["path"].replace("\\", "/"),
        "speaker": text["speaker"] or "-",
        "attack": "-" if label == "genuine" else text["attack"] or "-",
        "language": text["language"] or "-",
        "condition": text["condition"] or "-",
        "group": text["group"] or text["utterance_id"],
        "duration_s": text["duration_s"],
    }


def records(table: Path, with_split: bool) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield (row number, column -> text) of each row that is not blank; the header is row 1.

    Args:
        table: .csv, .tsv, .txt (separated by tabs) or .parquet.
        with_split: whether the column split is required.

    Raises:
        UserError: another kind of file, a missing column, no row, or one with more or fewer cells than the header.
    """
    suffix = table.suffix.lower()
    if suffix == ".parquet":
        columns, rows = _parquet(table)
    elif suffix in _DELIMITERS:
        columns, rows = _separated(table, _DELIMITERS[suffix])
    else:
        raise UserError(f"{table}: unknown kind of table; give a .csv, .tsv or .parquet file")
    required = REQUIRED if with_split else REQUIRED[:-1]
    if missing := [column for column in required if column not in columns]:
        raise UserError(
            f"{table}: no column {', '.join(missing)}; needed: {', '.join(required)}; found: {', '.join(columns)}"
        )
    if not any(any(cells) for cells in rows):
        raise UserError(f"{table}: holds no utterance, only a header; add rows")
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
    import pyarrow.parquet as pq

    with files.parquet_problems(table, "save it again"):
        content = pq.read_table(table)
        columns = [["" if value is None else str(value) for value in column.to_pylist()] for column in content.columns]
    return content.column_names, [list(cells) for cells in zip(*columns, strict=True)]
