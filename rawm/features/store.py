"""The feature store: one safetensors file per front-end, corpus and split, read through a memory map.

A file holds, in this order of bytes, `checksums` (`rawm.features.guard`) and
    frame-level front-ends: `offsets` (N + 1,) int64, before them, and `frames` (sum of T, d) float16: utterance i is
        frames[offsets[i]:offsets[i + 1]];
    pooled front-ends: `vectors` (N, d) float32. They are small, so half precision would save little and add rounding to
        every number computed from them.
Its header holds, as JSON: ids, skipped, corpus, split, manifest (digest of its rows) and frontend (settings).
Rows follow the manifest's order, so shards of consecutive rows can be joined end to end.
"""

import json
import mmap
import zlib
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import IO, Any

import numpy as np
import torch
from torch import Tensor

from rawm import checksums, files, paths, tensors
from rawm.errors import UserError
from rawm.features import guard
from rawm.features.frames import Frames

_PER_SHARD = ("ids", "skipped")  # entries of the header that differ between shards
_DTYPES = {"F16": np.float16, "F32": np.float32, "I64": np.int64, "U32": np.uint32}


def write_store(
    path: str | Path, header: dict[str, Any], dim: int, pooled: bool, lengths: Sequence[int], spool: IO[bytes]
) -> None:
    """Write a feature file: a safetensors header, then the offsets (frame level only), then the spooled features.

    Args:
        header: the entries that the module's docstring lists; reading the file needs `ids` and `skipped`.
        dim: size d of a frame or vector.
        lengths: frames of each utterance in the spool; 1 where `pooled`.
        spool: float32 vectors where `pooled`, else float16 frames.
    """
    spool.seek(0)
    _write(path, header, dim, pooled, lengths, iter(partial(spool.read, 1 << 20), b""))


def join(shards: Sequence[str | Path], path: str | Path) -> None:
    """Join the shards of a split, given in their order, to one file.

    Raises:
        UserError: a shard is missing, or the shards are not of the same manifest and front-end.
    """
    stores = [FeatureStore(shard) for shard in shards]
    headers = [_read_header(shard) for shard in shards]
    origins = [{key: value for key, value in header.items() if key not in _PER_SHARD} for header in headers]
    for shard, origin in zip(shards, origins, strict=True):
        if origin != origins[0]:
            raise UserError(f"{shard}: is not of the same extraction as {shards[0]}; make the shards again")
    header = dict(headers[0]) | {key: [name for header in headers for name in header[key]] for key in _PER_SHARD}
    lengths = [length for store in stores for length in store.lengths()]
    data = (block for store in stores for block in stored(store))
    _write(path, header, stores[0].dim, stores[0].pooled, lengths, data)


def _read_header(path: str | Path) -> dict[str, Any]:
    """Read the entries of a feature file's header, in its order."""
    with open(path, "rb") as file:
        entries = json.loads(file.read(int.from_bytes(file.read(8), "little")))["__metadata__"]
    return {key: json.loads(value) for key, value in entries.items() if key != checksums.KEY}


def stored(store: "FeatureStore") -> Iterator[bytes]:
    """Read the vectors or frames of each utterance, as they are stored."""
    features = store._mapped.get_tensor("vectors" if store.pooled else "frames")
    for row, (start, end) in enumerate(pairwise(store._offsets.tolist())):
        guard.require_utterances(features, [row])
        yield features[start:end].numpy().tobytes()


def verify(path: str | Path) -> bool:
    """Read a whole feature file; returns whether it has checksums. Raises UserError where it is damaged."""
    store = FeatureStore(path)
    for _ in stored(store):
        pass
    return isinstance(store._mapped, guard.GuardedFile)


def _write(
    path: str | Path, header: dict[str, Any], dim: int, pooled: bool, lengths: Sequence[int], data: Iterable[bytes]
) -> None:
    offsets = np.cumsum([0, *lengths], dtype=np.int64)
    name, dtype = ("vectors", "F32") if pooled else ("frames", "F16")
    tensors = [] if pooled else [("offsets", "I64", [len(offsets)])]
    tensors += [("checksums", "U32", [len(lengths)]), (name, dtype, [int(offsets[-1]), dim])]
    content: dict[str, Any] = {
        "__metadata__": checksums.with_checksum({key: json.dumps(value) for key, value in header.items()})
    }
    start = 0
    for name, dtype, shape in tensors:
        end = start + int(np.prod(shape)) * np.dtype(_DTYPES[dtype]).itemsize
        content[name] = {"dtype": dtype, "shape": shape, "data_offsets": [start, end]}
        start = end
    text = checksums.header_bytes(content)
    with files.atomic(path) as temporary, open(temporary, "w+b") as file:
        file.write(text)
        if not pooled:
            file.write(offsets.tobytes())
        sums_at = file.tell()
        file.write(bytes(4 * len(lengths)))
        start = file.tell()
        file.writelines(data)
        _add_checksums(file, sums_at, start, offsets * dim * np.dtype(_DTYPES[dtype]).itemsize)


def _add_checksums(file: IO[bytes], sums_at: int, start: int, offsets: np.ndarray) -> None:
    """Write the checksums of the utterances and of what is before them.

    Args:
        sums_at: the byte at which the utterances' checksums are.
        start: the byte at which the features start.
        offsets: (N + 1,) bytes of features before each utterance.
    """
    file.flush()
    with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped, memoryview(mapped) as content:
        sums = [zlib.crc32(content[start + first : start + last]) for first, last in pairwise(offsets.tolist())]
    file.seek(sums_at)
    file.write(np.array(sums, dtype=np.uint32).tobytes())
    place = checksums.digits_place(Path(file.name), file)
    assert place is not None
    checksums.write_digits(file, place, start)


class FeatureStore:
    """Features of one split, read from disk on access.

    Attributes:
        ids: utterance ids in the order of the rows.
        skipped: ids of utterances whose audio could not be used.
        manifest: digest of the manifest's rows; "" for a feature folder's file, which has none.
        dim: size d of a frame or vector.
        pooled: one vector per utterance instead of frames.

    Raises:
        UserError: the file is missing, or is not a feature file: other tensors, ids that are not unique text or not
            one for each row, or offsets that do not rise from 0 to the number of frames.
    """

    def __init__(self, path: str | Path):
        from safetensors import SafetensorError

        from rawm.features.guard import safe_open

        self.path = Path(path)
        try:
            tensors.require_file(self.path)
        except UserError as error:
            raise UserError(f"{error}; make it with `{paths.made_by(path) or 'rawm extract'}`") from None
        try:
            file = safe_open(self.path, framework="pt")
            header = {key: json.loads(value) for key, value in file.metadata().items()}
            self.ids: list[str] = header["ids"]
            self.skipped: list[str] = header["skipped"]
            self.manifest: str = header.get("manifest", "")
            self.pooled = "vectors" in file.keys()  # noqa: SIM118
            self._data = file.get_slice("vectors" if self.pooled else "frames")
            # (N + 1,) int64: utterance i has the rows offsets[i] to offsets[i + 1]
            self._offsets = np.arange(len(self.ids) + 1) if self.pooled else file.get_tensor("offsets").numpy()
            self._require_whole()
        except (SafetensorError, KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
            raise UserError(f"{path}: not a readable feature file ({error}); {checksums.remedy(path)}") from None
        self._mapped = file
        self.dim: int = self._data.get_shape()[1]
        self._rows = {name: row for row, name in enumerate(self.ids)}

    def _require_whole(self) -> None:
        """Raise ValueError where ids, offsets and features do not fit together."""
        for name in (self.ids, self.skipped):
            if not isinstance(name, list) or not all(isinstance(one, str) for one in name):
                raise ValueError("its ids are not a list of text")
        if len(set(self.ids)) < len(self.ids):
            raise ValueError("its ids are not unique")
        shape, dtype, offsets = self._data.get_shape(), self._data.get_dtype(), self._offsets
        if len(shape) != 2 or dtype != ("F32" if self.pooled else "F16"):
            raise ValueError(f"its features are {dtype} of shape {shape}")
        if offsets.dtype != np.int64 or offsets.shape != (len(self.ids) + 1,):
            raise ValueError(f"it has {len(self.ids)} ids and offsets of shape {offsets.shape}")
        if offsets[0] != 0 or offsets[-1] != shape[0] or (np.diff(offsets) <= 0).any():
            raise ValueError(f"its offsets do not rise from 0 to its {shape[0]} rows")

    def __len__(self) -> int:
        return len(self.ids)

    def lengths(self) -> list[int]:
        """Frames of each utterance; 1 of a pooled front-end."""
        return np.diff(self._offsets).tolist()

    def has(self, utterance_id: str) -> bool:
        """Whether the file has features of the utterance; it has none if its audio was skipped."""
        return utterance_id in self._rows

    def index(self, ids: Sequence[str]) -> np.ndarray:
        """Return the rows (n,) int64 of utterance ids.

        Raises:
            UserError: the file lacks some of them.
        """
        missing = [name for name in ids if name not in self._rows]
        if missing:
            raise UserError(
                f"{self.path}: {len(missing)} utterance(s) are not in it, first {missing[0]!r}; extract them again"
            )
        return np.array([self._rows[name] for name in ids], dtype=np.int64)

    def vectors(self, rows: Sequence[int] | np.ndarray) -> Tensor:
        """Read the vectors (n, d) float32 at `rows`, of a pooled front-end."""
        if not self.pooled:
            raise ValueError(f"{self.path} holds frames; use frames(row)")
        mapped = self._mapped.get_tensor("vectors")
        guard.require_utterances(mapped, rows)
        return mapped[torch.as_tensor(np.asarray(rows, dtype=np.int64))]

    def frames(self, row: int) -> Tensor:
        """Read the frames (T, d) float32 of one utterance, of a frame-level front-end."""
        if self.pooled:
            raise ValueError(f"{self.path} holds vectors; use vectors(rows)")
        guard.require_utterances(self._mapped.get_tensor("frames"), [row])
        return self._data[int(self._offsets[row]) : int(self._offsets[row + 1])].float()

    def table(self, rows: np.ndarray) -> Frames:
        """Return the frames of the utterances at `rows` (n,), still on disk."""
        if self.pooled:
            raise ValueError(f"{self.path} holds vectors; use vectors(rows)")
        starts, lengths = torch.from_numpy(self._offsets[:-1][rows]), torch.from_numpy(np.diff(self._offsets)[rows])
        return Frames([self._mapped.get_tensor("frames")], torch.zeros_like(lengths), starts, lengths)
