"""Checksums inside the files that one job writes and another reads, so that a file that rots is found.

A checksum is the CRC-32 of the whole file, its own eight hexadecimal digits taken as zeros. It finds every change
within four bytes in a row, and misses another once in 2^32. Where it is:
    safetensors: the first entry of the header's `__metadata__`, `checksum`;
    JSON and JSON lines: the key `checksum`, before all others (of the first line);
    YAML (`model.yaml`): a comment in the first line;
    Parquet: as text between the columns and the footer, where no reader looks.
Feature files may be larger than memory: theirs covers what is before the features (`rawm.features.guard`).

Files without a checksum are read as they are: earlier versions wrote none. Importing this module is cheap.
"""

import json
import os
import zlib
from pathlib import Path
from typing import IO, Any, Literal

from rawm import paths
from rawm.errors import UserError

KEY = "checksum"
ZERO = b"0" * 8
_BLOCK = 1 << 20
#: Suffix -> the text before the digits.
_MARKS = {
    ".safetensors": rb'"checksum":"\"crc32:',
    ".json": b'"checksum": "crc32:',
    ".jsonl": b'"checksum": "crc32:',
    ".yaml": b"# checksum=crc32:",
    ".parquet": b"checksum=crc32:",
}
SUFFIXES = frozenset(_MARKS)
#: Suffix -> the byte at which the mark starts; that of Parquet depends on the footer.
_STARTS = {".safetensors": 8 + len('{"__metadata__":{'), ".json": len("{\n  "), ".jsonl": len("{"), ".yaml": 0}
_HALVES = (b"checksum", b"crc32:")  # one damaged byte leaves one of them
_TAIL = 1 << 16  # bytes at the end of a Parquet file that hold the footer and the mark

State = Literal["whole", "damaged", "without"]


def seal(path: Path) -> None:
    """Put a checksum into a file; JSON that is no object and files with other suffixes stay as they are."""
    if path.suffix not in SUFFIXES:
        return
    with open(path, "r+b") as file:
        first, last, text = _insertion(path.suffix, file)
        if not text:
            return
        _replace(file, first, last, text)
        mark = _MARKS[path.suffix] + ZERO
        write_digits(file, first + text.index(mark) + len(mark) - len(ZERO))


def _insertion(suffix: str, file: IO[bytes]) -> tuple[int, int, bytes]:
    """The bytes that are replaced, and what by: a mark and zeros, with what must be around them."""
    mark, size = _MARKS[suffix] + ZERO, os.fstat(file.fileno()).st_size
    if suffix == ".safetensors":
        end = 8 + int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(end - 8))
        entries = with_checksum(header.pop("__metadata__", {}))
        return 0, end, header_bytes({"__metadata__": entries} | header, end)
    if suffix == ".parquet":
        file.seek(size - 8)
        start = size - 8 - int.from_bytes(file.read(4), "little")
        return start, start, mark
    if suffix == ".yaml":
        return 0, 0, mark + b"\n"
    before, after = file.read(_STARTS[suffix]), file.read(1)
    if before[:1] != b"{" or after != b'"':
        return 0, 0, b""
    return len(before), len(before), mark + b'",' + (before[1:] or b" ")


def _replace(file: IO[bytes], first: int, last: int, text: bytes) -> None:
    """Replace the bytes from `first` to `last` by a text that is not shorter; what is behind moves, its end first."""
    end, shift = os.fstat(file.fileno()).st_size, len(text) - (last - first)
    while end > last:
        start = max(last, end - _BLOCK)
        file.seek(start)
        block = file.read(end - start)
        file.seek(start + shift)
        file.write(block)
        end = start
    file.seek(first)
    file.write(text)


def write_digits(file: IO[bytes], place: int, end: int | None = None) -> None:
    """Write the digits of a file's checksum at `place`; it covers the bytes before `end`, by default all."""
    digits = sum_of(file, place, end)
    file.seek(place)
    file.write(digits)


def with_checksum(entries: dict[str, str]) -> dict[str, str]:
    """The entries of a safetensors header, after zeros for a checksum, as JSON: so are all of feature files."""
    return {KEY: f'"crc32:{ZERO.decode()}"'} | {name: text for name, text in entries.items() if name != KEY}


def header_bytes(header: dict[str, Any], least: int = 0) -> bytes:
    """A safetensors header with its length in front, of at least so many bytes, padded so that tensors are aligned."""
    text = json.dumps(header, separators=(",", ":")).encode().ljust(least - 8)
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text


def state(path: str | Path, end: int | None = None) -> State:
    """Compare a file with its checksum.

    Args:
        end: the checksum covers the bytes before this one; by default all.

    Raises:
        OSError: the file cannot be read.
    """
    path = Path(path)
    with open(path, "rb") as file:
        place = digits_place(path, file)
        if place is None or place < 0:
            return "without" if place is None else "damaged"
        file.seek(place)
        digits = file.read(len(ZERO))
        return "whole" if digits == sum_of(file, place, end) else "damaged"


def digits_place(path: Path, file: IO[bytes]) -> int | None:
    """The byte at which the digits of a file's checksum start; None where it has none, -1 where its mark is damaged."""
    mark = _MARKS.get(path.suffix)
    if mark is None:
        return None
    size = os.fstat(file.fileno()).st_size
    start = _STARTS.get(path.suffix)
    if start is None:
        file.seek(max(0, size - 8))
        start = size - 8 - int.from_bytes(file.read(4), "little") - len(mark) - len(ZERO)
    file.seek(max(0, start))
    text = file.read(len(mark))
    if text == mark:
        return start + len(mark)
    if any(half in text for half in _HALVES):
        return -1
    if path.suffix == ".parquet":  # the length of the footer may be what is damaged
        file.seek(max(0, size - _TAIL))
        return -1 if mark in file.read() else None
    return None


def sum_of(file: IO[bytes], place: int, end: int | None = None) -> bytes:
    """The digits that a file's checksum should have; theirs start at `place`."""
    file.seek(0)
    crc = zlib.crc32(ZERO, zlib.crc32(file.read(place)))
    file.seek(place + len(ZERO))
    left = max(0, end - file.tell()) if end is not None else None
    while block := file.read(_BLOCK if left is None else min(_BLOCK, left)):
        crc = zlib.crc32(block, crc)
        left = None if left is None else left - len(block)
    return f"{crc:08x}".encode()


def require_intact(path: str | Path) -> None:
    """Raise UserError where a file is not what its checksum says; what there is not is left to the reader."""
    try:
        is_damaged = state(path) == "damaged"
    except OSError:
        return
    if is_damaged:
        raise UserError(damage_message(path))


def require_table(path: str | Path, kind: str = "Parquet file") -> None:
    """Raise UserError where a Parquet file is not what its checksum says, or has none and is not readable."""
    require_intact(path)
    import pyarrow as pa

    try:
        if state(path) == "without":
            import pyarrow.parquet as pq

            pq.read_table(path).validate(full=True)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise UserError(f"{path}: not a readable {kind} ({error}); {remedy(path)}") from None


def damage_message(path: str | Path) -> str:
    return f"{path}: was damaged after it was written (its checksum differs); {remedy(path)}"


def remedy(path: str | Path) -> str:
    """What to do about a damaged file."""
    command = paths.made_by(path)
    return f"delete it and make it again with `{command}`" if command else "delete it and make it again"


def drop(content: Any) -> None:
    """Remove the checksum from the content of a JSON file."""
    if isinstance(content, dict):
        content.pop(KEY, None)
