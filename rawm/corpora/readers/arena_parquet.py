"""Parquet files that hold recordings: Speech Anti-Spoofing Arena, and other data sets of Hugging Face in its form."""

import json
import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from rawm import files
from rawm.config.corpora import ArenaParquet
from rawm.config.reading import expand
from rawm.corpora import listing
from rawm.corpora.listing import Listing, utterance
from rawm.errors import UserError
from rawm.manifest import Row
from rawm.progress import track

WORDS = {"bonafide": "genuine", "bona-fide": "genuine", "real": "genuine", "spoof": "fake", "fake": "fake"}
NAMES = ["bonafide", "spoof"]  # of the labels 0 and 1, where the file does not name them
#: Column of the manifest -> keys of the notes that may hold it.
NOTES = {
    "speaker": ("speaker_id", "speaker"),
    "attack": ("attack_id", "attack", "system_id", "vocoder", "generator", "algorithm"),
    "language": ("language", "lang"),
}
_SPLIT = re.compile(r"(?:^|/)(train|valid|dev|test|eval)[^/]*(?:/[^/]*)?\.parquet$")
_SPLITS = {"train": "train", "valid": "dev", "dev": "dev", "test": "eval", "eval": "eval"}
_SUFFIXES = ((b"fLaC", ".flac"), (b"RIFF", ".wav"), (b"OggS", ".ogg"), (b"ID3", ".mp3"), (b"\xff", ".mp3"))
_BUFFER = 2**20  # bytes read at a time: by default a row group's audio would be read whole
_BATCH = 8  # recordings decoded at a time; the writer's page of them is in memory anyway, mostly 1 MB


def make(corpus: ArenaParquet, packages_dir: Path, workers: int) -> list[Row]:
    """Unpack the recordings under `root`; a `corpora.Maker`, which uses no packages.

    Files have the columns path, audio (bytes and path), label (0 is bona fide and 1 spoof, if the file's own names do
    not say otherwise) and notes (JSON, optional). Those without audio, such as data/labels.parquet, are passed over.
    The split is in the name, test-00000-of-00002.parquet. Protocol and counts are checked before anything is written.
    A recording that is there already is not written again, so a stopped run goes on where it was.

    Source: docs/submitting/submit-dataset.md of github.com/lab260ru/speech_spoof_bench.

    Raises:
        UserError: problems of the files, all together.
    """
    tables = _tables(expand(corpus.parquet))
    rows, problems = _rows(corpus, tables)
    problems = listing.examine(corpus, lambda _: Listing([dict(row) for row in rows], problems))[1]
    if not problems:
        problems = _unpack(corpus, tables, rows)
    if problems:
        raise UserError("\n".join(problems))
    return listing.make(corpus, lambda _: Listing(rows, []), workers)


def _tables(folder: Path) -> dict[Path, str]:
    """Parquet files with audio -> their split, in order."""
    import pyarrow.parquet as pq

    tables = {}
    for path in sorted(folder.rglob("*.parquet")):
        if path.is_dir():
            continue
        files.require_regular(path, "fetch it again")
        with files.parquet_problems(path, "fetch it again"):
            columns = pq.read_schema(path).names
        if "audio" in columns:
            split = _SPLIT.search(path.relative_to(folder).as_posix())
            tables[path] = _SPLITS[split[1]] if split else ""
    if not tables:
        raise UserError(f"{folder}: holds no Parquet file with a column audio; set `parquet` to the data set's folder")
    return tables


def _rows(corpus: ArenaParquet, tables: dict[Path, str]) -> tuple[list[Row], list[str]]:
    """Read all columns but the audio; return rows in the order of the files, and problems."""
    import pyarrow.parquet as pq

    rows: list[Row] = []
    problems: dict[str, list[str]] = {}
    for table, split in tables.items():
        with files.parquet_problems(table, "fetch it again"):
            file = pq.ParquetFile(table)
        name, *_ = [column for column in ("path", "audio_name", "file") if column in file.schema_arrow.names] or [""]
        if missing := [column for column in (name or "path", "label") if column not in file.schema_arrow.names]:
            raise UserError(f"{table}: no column {', '.join(missing)}; found: {', '.join(file.schema_arrow.names)}")
        names = _label_names(file.schema_arrow.metadata or {})
        columns = [column for column in (name, "label", "notes") if column in file.schema_arrow.names]
        with files.parquet_problems(table, "fetch it again"):
            records = file.read(columns=columns).to_pylist()
        for record in records:
            path, word = str(record[name]), record["label"]
            word = names[word] if isinstance(word, int) and 0 <= word < len(names) else word
            label = WORDS.get(str(word).lower())
            if label is None:
                problems.setdefault(f"label {word!r} is none of {', '.join(WORDS)}", []).append(path)
            if _outside(path):
                problems.setdefault("path leads out of the corpus, or is empty", []).append(path)
            rows.append(_row(corpus, path, label or "fake", split, _notes(record.get("notes"))))
    if len({row["path"] for row in rows}) < len(rows):
        problems.setdefault("path is not unique", [row["path"] for row in rows])
    return rows, [f"{where[0]}: {what}" for what, where in problems.items()]


def _label_names(metadata: dict[bytes, bytes]) -> list[str]:
    """Words for the labels 0, 1, ...: those that Hugging Face's library stores in the file."""
    try:
        features = json.loads(metadata[b"huggingface"])["info"]["features"]
        return features["label"]["names"]
    except (KeyError, ValueError, TypeError):
        return NAMES


def _notes(text: Any) -> dict[str, Any]:
    try:
        notes = json.loads(text or "{}")
    except ValueError:
        return {}
    return notes if isinstance(notes, dict) else {}


def _outside(path: str) -> bool:
    parts = PurePosixPath(path).parts
    return not parts or ".." in parts or path.startswith("/") or "\\" in path or "\0" in path


def _row(corpus: ArenaParquet, path: str, label: str, split: str, notes: dict[str, Any]) -> Row:
    known = {
        column: next((str(notes[key]) for key in keys if notes.get(key) not in (None, "")), "-")
        for column, keys in NOTES.items()
    }
    return utterance(
        corpus.name,
        str(notes.get("utterance_id") or path),
        path,
        label,
        split,
        speaker=known["speaker"],
        attack="-" if label == "genuine" else known["attack"],
        language=corpus.language if known["language"] == "-" else known["language"],
        group=None if corpus.splits is None else str(notes.get("base_id") or "") or None,
    )


def _unpack(corpus: ArenaParquet, tables: dict[Path, str], rows: list[Row]) -> list[str]:
    """Write the recordings, and put their paths into the rows; return problems."""
    root, problems = Path(corpus.root), []
    for row, data in zip(rows, track(_recordings(tables), f"{corpus.name}: recordings", len(rows)), strict=True):
        if not data:
            problems.append(f"{row['path']}: holds no audio; fetch the data set with its audio inside")
            continue
        suffix = next((suffix for start, suffix in _SUFFIXES if data.startswith(start)), "")
        if not row["path"].lower().endswith(suffix):
            row["path"] += suffix  # decoders may go by it
        path = root / row["path"]
        if not path.is_file() or path.stat().st_size != len(data) or path.read_bytes() != data:
            with files.atomic(path) as temporary:
                temporary.write_bytes(data)
    return problems


def _recordings(tables: dict[Path, str]) -> Iterator[bytes | None]:
    """Yield the bytes of each recording, a few at a time in memory."""
    import pyarrow.parquet as pq

    for table in tables:
        reading = files.parquet_problems(table, "fetch it again")
        with reading, pq.ParquetFile(table, buffer_size=_BUFFER, pre_buffer=False) as file:
            for group in range(file.num_row_groups):
                batches = file.iter_batches(_BATCH, row_groups=[group], columns=["audio.bytes"], use_threads=False)
                for batch in batches:
                    for value in batch.column("audio"):
                        yield (value.as_py() or {}).get("bytes")
