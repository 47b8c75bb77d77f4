"""The feature store: one safetensors file per front-end, corpus and split, read through a memory map.

A file holds, in this order of bytes,
    frame-level front-ends: `offsets` (N + 1,) int64 and `frames` (sum of T, d) float16: utterance i is
        frames[offsets[i]:offsets[i + 1]];
    pooled front-ends: `vectors` (N, d) float32. They are small (N rows), so half precision would save nothing that
        matters and add rounding to every number computed from them.
Its header says (all JSON): ids, skipped, corpus, split, manifest (digest of its rows) and frontend (settings).
Rows follow the manifest's order, so shards of consecutive rows can be joined end to end.
"""

import json
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np
import torch
from torch import Tensor

from rawm import audio, files, frontends, manifest
from rawm.errors import UserError
from rawm.progress import track

_DTYPES = {"F16": np.float16, "F32": np.float32, "I64": np.int64}


def extract(
    corpus: Any,
    frontend_settings: Any,
    split: str,
    manifest_path: str | Path,
    output_path: str | Path,
    progress: Callable[[Iterable, str, int | None], Iterable] = track,
) -> None:
    """Compute the features of one split of a corpus and write them to `output_path`.

    Memory does not grow with the corpus: features go to a temporary file first. The same input gives the same bytes.

    Args:
        corpus: settings of the corpus; `root`, `bad_audio` and `max_seconds` are used.
        frontend_settings: settings of the front-end.
        progress: called with (rows, description, total); gives the rows back one after another.

    Raises:
        UserError: a file is unreadable or too short and the corpus' `bad_audio` is "stop". All such files are named,
            with the reasons. With "skip" they are named on stderr and the header's `skipped` lists their ids.
    """
    frontend = frontends.build(frontend_settings)
    rows = manifest.read(manifest_path).select(split=split)
    ids, lengths, bad = [], [], {}
    Path(output_path).parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=Path(output_path).parent) as spool:
        pairs = list(zip(rows.utterance_id, rows.path, strict=True))
        for utterance, name in progress(pairs, f"features of {corpus.name} {split}", len(pairs)):
            try:
                block = _compute(frontend, Path(corpus.root) / name, corpus.max_seconds)
            except audio.BadAudio as error:
                bad[utterance] = str(error)
                continue
            ids.append(utterance)
            lengths.append(len(block))
            spool.write(block.tobytes())
        _report_bad(bad, corpus, split)
        header = {
            "ids": ids,
            "skipped": list(bad),
            "corpus": corpus.name,
            "split": split,
            "manifest": manifest.digest(manifest_path),
            "frontend": frontend_settings.model_dump(mode="json"),
        }
        write_store(output_path, header, frontend.dim, frontend.pooled, lengths, spool)


def _compute(frontend: Any, path: Path, max_seconds: float | None) -> np.ndarray:
    """(T, d) float16 frames, or (1, d) float32 of a pooled front-end."""
    samples = audio.load(path, frontend.sample_rate, max_seconds)
    if len(samples) < frontend.min_samples:
        have, need = (1000 * n / frontend.sample_rate for n in (len(samples), frontend.min_samples))
        raise audio.BadAudio(path, f"is too short: {have:.0f} ms; the front-end needs {need:.0f} ms")
    features = frontend(torch.from_numpy(samples)).numpy()
    block = features[None].astype(np.float32) if frontend.pooled else features.astype(np.float16)
    if not np.isfinite(block).all():
        raise audio.BadAudio(path, f"gives features that are not finite in {block.dtype}; look at its samples")
    return block


def _report_bad(bad: dict[str, str], corpus: Any, split: str) -> None:
    if not bad:
        return
    sentences = list(bad.values())
    hint = "`bad_audio: skip` in the corpus file goes on without"
    if corpus.bad_audio == "stop" and len(bad) == 1:
        raise UserError(f"{sentences[0]} ({hint} it)")
    if corpus.bad_audio == "stop":
        count = f"corpus {corpus.name}, {split}: these {len(bad)} files cannot be used; restore them ({hint} them)"
        raise UserError("\n".join([*sentences, count]))
    for sentence in sentences:
        print(f"skipped: {sentence}", file=sys.stderr)


def write_store(
    path: str | Path, header: dict[str, Any], dim: int, pooled: bool, lengths: Sequence[int], spool: IO[bytes]
) -> None:
    """Write a feature file: a safetensors header, then the offsets (frame level only), then the spooled features.

    Args:
        header: what the module's docstring lists; `ids` and `skipped` are needed to read the file.
        lengths: rows of `dim` numbers that each utterance has in the spool; 1 where `pooled`.
        spool: float32 vectors where `pooled`, else float16 frames.
    """
    offsets = np.cumsum([0, *lengths], dtype=np.int64)
    data = [] if pooled else [("offsets", "I64", [len(offsets)])]
    data += [("vectors", "F32", [len(lengths), dim])] if pooled else []
    data += [] if pooled else [("frames", "F16", [int(offsets[-1]), dim])]
    content: dict[str, Any] = {"__metadata__": {key: json.dumps(value) for key, value in header.items()}}
    start = 0
    for name, dtype, shape in data:
        end = start + int(np.prod(shape)) * np.dtype(_DTYPES[dtype]).itemsize
        content[name] = {"dtype": dtype, "shape": shape, "data_offsets": [start, end]}
        start = end
    text = json.dumps(content, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)  # so that the tensors are aligned in the memory map
    with files.atomic(path) as temporary, open(temporary, "wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        if not pooled:
            file.write(offsets.tobytes())
        spool.seek(0)
        shutil.copyfileobj(spool, file, 1 << 20)


class FeatureStore:
    """Features of one split, read from disk when asked for.

    Attributes:
        ids: utterance ids in the order of the rows.
        skipped: ids of utterances whose audio could not be used.
        dim: size d of a frame or vector.
        pooled: one vector per utterance instead of frames.

    Raises:
        UserError: there is no such file, or it is not a feature file.
    """

    def __init__(self, path: str | Path):
        from safetensors import SafetensorError, safe_open

        self.path = Path(path)
        if not self.path.is_file():
            raise UserError(f"{path}: no such feature file; make it with `rawm extract`")
        try:
            file = safe_open(self.path, framework="pt")
            header = file.metadata()
            self.ids: list[str] = json.loads(header["ids"])
            self.skipped: list[str] = json.loads(header["skipped"])
            self.pooled = "vectors" in file.keys()  # noqa: SIM118
            self._data = file.get_slice("vectors" if self.pooled else "frames")
            self._offsets = None if self.pooled else file.get_tensor("offsets").numpy()
        except (SafetensorError, KeyError, TypeError) as error:
            raise UserError(f"{path}: not a readable feature file ({error}); make it again") from None
        self._mapped = file
        self.dim: int = self._data.get_shape()[1]
        self._rows = {name: row for row, name in enumerate(self.ids)}

    def __len__(self) -> int:
        return len(self.ids)

    def has(self, utterance_id: str) -> bool:
        """Whether the utterance is there; it is not if its audio was skipped."""
        return utterance_id in self._rows

    def index(self, ids: Sequence[str]) -> np.ndarray:
        """Rows (n,) int64 of the ids.

        Raises:
            UserError: some ids are not in the file.
        """
        missing = [name for name in ids if name not in self._rows]
        if missing:
            raise UserError(
                f"{self.path}: {len(missing)} utterance(s) are not in it, first {missing[0]!r}; extract them again"
            )
        return np.array([self._rows[name] for name in ids], dtype=np.int64)

    def vectors(self, rows: Sequence[int] | np.ndarray) -> Tensor:
        """(n, d) float32 of a pooled front-end."""
        if not self.pooled:
            raise ValueError(f"{self.path} holds frames; use frames(row)")
        mapped = self._mapped.get_tensor("vectors")
        return mapped[torch.as_tensor(np.asarray(rows, dtype=np.int64))]

    def frames(self, row: int) -> Tensor:
        """(T, d) float32 of one utterance of a frame-level front-end."""
        if self.pooled:
            raise ValueError(f"{self.path} holds vectors; use vectors(rows)")
        return self._data[int(self._offsets[row]) : int(self._offsets[row + 1])].float()
