"""Feature files that are verified while they are read: they may be larger than memory.

A file has a checksum of what is before its features (header, ids, offsets), and in its tensor `checksums` (N,) uint32
the CRC-32 of each utterance's frames or vector. The former is compared when the file is opened, the latter when an
utterance is first read. Files of earlier versions have neither, and are read as they are.
"""

import json
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from rawm import checksums
from rawm.errors import UserError

_GUARD = "rawm_guard"  # attribute of a tensor of features


class Guard:
    """Checksums of the utterances of a file.

    Attributes:
        path: the file.
        name: its tensor of features, frames or vectors.
        offsets: (N + 1,) int64, utterance i has the rows offsets[i] to offsets[i + 1].
        sums: (N,) uint32.
        waiting: (N,) bool, utterances that were not read yet.
    """

    def __init__(self, path: Path, name: str, offsets: np.ndarray, sums: np.ndarray):
        self.path, self.name, self.offsets, self.sums = path, name, offsets, sums
        self.waiting = np.ones(len(sums), dtype=bool)

    def require(self, features: Any, utterances: np.ndarray) -> None:
        """Raise UserError where some of the features, a tensor (n, d), are not what their checksums say."""
        waiting = np.unique(utterances[self.waiting[utterances]])
        if len(waiting) == 0:
            return
        size, content = features.shape[1] * features.element_size(), memoryview(features.numpy()).cast("B")
        starts, ends = (size * self.offsets[waiting]).tolist(), (size * self.offsets[waiting + 1]).tolist()
        for start, end, expected in zip(starts, ends, self.sums[waiting].tolist(), strict=True):
            if zlib.crc32(content[start:end]) != expected:
                raise UserError(checksums.damage_message(self.path))
        self.waiting[waiting] = False


class GuardedFile:
    """An open safetensors file whose features are verified when they are read."""

    def __init__(self, file: Any, guard: Guard):
        self._file, self._guard = file, guard

    def metadata(self) -> dict[str, str]:
        entries = dict(self._file.metadata())
        checksums.drop(entries)
        return entries

    def keys(self) -> list[str]:
        return self._file.keys()

    def get_slice(self, name: str) -> Any:
        return self._file.get_slice(name)

    def get_tensor(self, name: str) -> Any:
        tensor = self._file.get_tensor(name)
        if name == self._guard.name:
            setattr(tensor, _GUARD, self._guard)
        return tensor


def safe_open(path: Path, framework: str) -> Any:
    """Open a feature file as `safetensors.safe_open` does.

    Raises:
        UserError: the file has a checksum, and what is before its features was damaged.
    """
    from safetensors import safe_open as open_plainly

    guard = _guard_of(path)
    file = open_plainly(path, framework=framework)
    return file if guard is None else GuardedFile(file, guard)


def _guard_of(path: Path) -> Guard | None:
    """The checksums of a file; None of one that has none."""
    with open(path, "rb") as file:
        place = checksums.digits_place(path, file)
        if place is None:
            return None
        try:
            name, tables, end = _layout(file, path.stat().st_size)
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
            raise UserError(checksums.damage_message(path)) from None
        if place < 0 or checksums.state(path, end) == "damaged":
            raise UserError(checksums.damage_message(path))
        sums = tables["checksums"]
        return Guard(path, name, tables.get("offsets", np.arange(len(sums) + 1)), sums)


def _layout(file: Any, size: int) -> tuple[str, dict[str, np.ndarray], int]:
    """The name of the features, the small tables before them, and the byte at which the features start."""
    file.seek(0)
    start = 8 + int.from_bytes(file.read(8), "little")
    if start > size:
        raise ValueError("the header is longer than the file")
    header = json.loads(file.read(start - 8))
    name = "vectors" if "vectors" in header else "frames"
    end = start + header[name]["data_offsets"][0]
    content = file.read(min(end, size) - start)
    tables = {}
    for table, dtype in (("offsets", np.int64), ("checksums", np.uint32)):
        if table in header:
            first, last = header[table]["data_offsets"]
            tables[table] = np.frombuffer(content[first:last], dtype)
    return name, tables, end


def require_utterances(features: Any, utterances: Sequence[int] | np.ndarray) -> None:
    """Raise UserError where some utterances of a file's features, a tensor (n, d), are damaged."""
    if (guard := getattr(features, _GUARD, None)) is not None:
        guard.require(features, np.asarray(utterances, dtype=np.int64).reshape(-1))


def require_frames(tables: Sequence[Any], table: Any, starts: Any) -> None:
    """Raise UserError where some utterances of `Frames` are damaged.

    Args:
        tables: tensors (n, d) of frames, of a file or not.
        table: index of each utterance's table.
        starts: first row of each utterance in its table.
    """
    table, starts = np.asarray(table).reshape(-1), np.asarray(starts).reshape(-1)
    for number in np.unique(table).tolist():
        if (guard := getattr(tables[number], _GUARD, None)) is not None:
            utterances = np.searchsorted(guard.offsets, starts[table == number])
            guard.require(tables[number], utterances)
