"""Compute features from audio: decode in threads, compute in batches, write in the order of the manifest.

Rows are taken in windows of consecutive rows. While one window is computed, the files of the next are decoded. Windows
and batches depend only on the manifest and the front-end, so shards, which are consecutive windows, give the same bytes
as one run over all rows, and memory does not grow with the corpus.
"""

import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
import torch
from torch import Tensor

from rawm import audio, frontends, manifest
from rawm.config.corpora import Corpus
from rawm.config.frontends import AudioFrontendSettings
from rawm.errors import UserError
from rawm.features.store import write_store
from rawm.features.windows import batches, windows
from rawm.features.windows import shard as part_of
from rawm.frontends.frontend import FrontEnd, NeuralFrontEnd
from rawm.progress import track


class Change(Protocol):
    """Other utterances in the place of those of a split, as augmentation makes them.

    Attributes:
        note: entries of the feature file's header.
    """

    note: dict[str, Any]

    def rows(self, rows: manifest.Manifest) -> manifest.Manifest:
        """The utterances whose features are computed, from those of the split."""
        ...

    def __call__(self, samples: np.ndarray, row: int) -> np.ndarray:
        """Change the waveform (n,) float32 of one of them; (n,) float32."""
        ...


def extract(
    corpus: Corpus,
    settings: AudioFrontendSettings,
    split: str,
    manifest_path: str | Path,
    output_path: str | Path,
    shard: tuple[int, int] = (1, 1),
    device: str | torch.device = "cpu",
    threads: int = 1,
    change: Change | None = None,
) -> None:
    """Compute the features of one split; a `sources.Source`.

    The same input gives the same bytes, whatever `threads`; those of a neural front-end on the same device with the
    same number of torch's threads, which the caller sets. Other front-ends compute in the threads that decode, with one
    of torch's threads each.

    Raises:
        UserError: a file is unreadable or too short and the corpus' `bad_audio` is "stop". All such files are named,
            with the reasons. With "skip" they are named on stderr and the header's `skipped` lists their ids.
    """
    frontend = frontends.build(settings)
    if isinstance(frontend, NeuralFrontEnd):
        frontend.to(device)
    rows = manifest.read(manifest_path).select(split=split)
    if change is not None:
        rows = change.rows(rows)
    limits = [limit for limit in (corpus.max_seconds, frontend.max_seconds) if limit is not None]
    work = _Work(frontend, Path(corpus.root), rows.path, min(limits, default=None), change)
    shard_windows = part_of(windows(rows.duration_s, work.limit, work.batch_seconds), *shard)
    ids: list[str] = []
    lengths: list[int] = []
    skipped: dict[str, str] = {}  # id -> why
    Path(output_path).parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=Path(output_path).parent) as spool:
        results = work.run(shard_windows, threads)
        for row, block in track(
            results, _progress_message(corpus, split, shard), sum(map(len, shard_windows)), work.pace_message
        ):
            if isinstance(block, audio.BadAudio):
                skipped[rows.utterance_id[row]] = str(block)
                continue
            ids.append(rows.utterance_id[row])
            lengths.append(len(block))
            spool.write(block.tobytes())
        _report_problems(skipped, corpus, split)
        header = {
            "ids": ids,
            "skipped": list(skipped),
            "corpus": corpus.name,
            "split": split,
            "manifest": manifest.digest(manifest_path),
            "frontend": settings.model_dump(mode="json"),
        } | ({} if change is None else change.note)
        write_store(output_path, header, frontend.dim, frontend.pooled, lengths, spool)


class _Prepared(NamedTuple):
    """A file after decoding.

    Attributes:
        seconds: audio that it has; 0 where it cannot be used.
        content: its features; its waveform (n,) where the front-end is neural; or why it cannot be used.
    """

    seconds: float
    content: np.ndarray | Tensor | audio.BadAudio


class _Work:
    """The rows of one split, computed window after window.

    Attributes:
        limit: seconds of each file that are used; None = all.
        batch_seconds: seconds of audio that a neural front-end computes together; 0 for other front-ends.
        seconds: seconds of audio computed so far.
    """

    def __init__(
        self, frontend: FrontEnd, root: Path, paths: Sequence[str], limit: float | None, change: Change | None = None
    ):
        self.frontend, self.root, self.paths, self.limit, self.change = frontend, root, paths, limit, change
        self.neural = frontend if isinstance(frontend, NeuralFrontEnd) else None
        self.batch_seconds = self.neural.batch_seconds if self.neural is not None else 0.0
        self.seconds, self.start = 0.0, time.monotonic()

    def run(self, windows: Sequence[range], threads: int) -> Iterator[tuple[int, np.ndarray | audio.BadAudio]]:
        """Yield (row, its features or why it has none) in the order of the rows."""
        # A new thread would take as many of torch's threads as there are cores, and the last bits depend on them.
        torch_threads = torch.get_num_threads() if self.neural is not None else 1
        pool = ThreadPoolExecutor(threads, initializer=torch.set_num_threads, initargs=(torch_threads,))
        ahead: list[list[Future[_Prepared]]] = []
        try:
            for number, window in enumerate(windows):
                for coming in windows[number + len(ahead) : number + 2]:
                    ahead.append([pool.submit(self._prepare, row) for row in coming])
                yield from zip(window, self._finish(window, ahead.pop(0)), strict=True)
        finally:
            pool.shutdown(cancel_futures=True)

    def pace_message(self) -> str:
        """Say how fast audio is worked through."""
        elapsed = max(time.monotonic() - self.start, 1e-3)
        return f"{self.seconds / 3600:.2f} h of audio, {self.seconds / elapsed:.0f} h an hour"

    def _prepare(self, row: int) -> _Prepared:
        """Decode the file of a row, and compute its features where the front-end is not neural."""
        path = self.root / self.paths[row]
        try:
            samples = audio.load(path, self.frontend.sample_rate, self.limit)
            seconds = len(samples) / self.frontend.sample_rate
            if len(samples) < self.frontend.min_samples:
                need = 1000 * self.frontend.min_samples / self.frontend.sample_rate
                raise audio.BadAudio(path, f"is too short: {1000 * seconds:.0f} ms; the front-end needs {need:.0f} ms")
            if self.change is not None:
                samples = self.change(samples, row)
            waveform = torch.from_numpy(samples)
            if self.neural is not None:
                return _Prepared(seconds, waveform)
            return _Prepared(seconds, _block(path, self.frontend(waveform), self.frontend.pooled))
        except audio.BadAudio as error:
            return _Prepared(0.0, error)

    def _finish(self, window: range, futures: list[Future[_Prepared]]) -> Iterator[np.ndarray | audio.BadAudio]:
        """Yield what each row of a window gives."""
        items = (future.result() for future in futures)
        if self.neural is not None:
            items = iter(self._compute(self.neural, window, list(items)))
        for seconds, content in items:
            self.seconds += seconds
            assert not isinstance(content, Tensor)
            yield content

    def _compute(self, frontend: NeuralFrontEnd, window: range, items: list[_Prepared]) -> list[_Prepared]:
        """Replace the waveforms of a window by their features."""
        waveforms = {index: item.content for index, item in enumerate(items) if isinstance(item.content, Tensor)}
        usable = list(waveforms)
        lengths = [len(waveform) for waveform in waveforms.values()]
        for batch in batches(lengths, frontend.batch_seconds * frontend.sample_rate):
            indices = [usable[position] for position in batch]
            computed = frontend.many([waveforms[index] for index in indices])
            for index, values in zip(indices, computed, strict=True):
                path = self.root / self.paths[window[index]]
                try:
                    items[index] = _Prepared(items[index].seconds, _block(path, values, frontend.pooled))
                except audio.BadAudio as error:
                    items[index] = _Prepared(0.0, error)
        return items


def _block(path: Path, values: Tensor, pooled: bool) -> np.ndarray:
    """Convert to (T, d) float16 frames, or (1, d) float32 of a pooled front-end, as the store keeps them."""
    with np.errstate(over="ignore"):  # reported below
        block = values.numpy()[None].astype(np.float32) if pooled else values.numpy().astype(np.float16)
    if not np.isfinite(block).all():
        raise audio.BadAudio(path, f"gives features that are not finite in {block.dtype}; look at its samples")
    return block


def _progress_message(corpus: Corpus, split: str, shard: tuple[int, int]) -> str:
    part = "" if shard == (1, 1) else f", shard {shard[0]} of {shard[1]}"
    return f"features of {corpus.name} {split}{part}"


def _report_problems(skipped: dict[str, str], corpus: Corpus, split: str) -> None:
    """Print why utterances are skipped, or stop where the corpus file says so."""
    if not skipped:
        return
    sentences = list(skipped.values())
    hint = "`bad_audio: skip` in the corpus file goes on without"
    if corpus.bad_audio == "stop" and len(sentences) == 1:
        raise UserError(f"{sentences[0]} ({hint} it)")
    if corpus.bad_audio == "stop":
        files = f"corpus {corpus.name}, {split}: these {len(sentences)} files cannot be used"
        raise UserError("\n".join([*sentences, f"{files}; restore them ({hint} them)"]))
    for sentence in sentences:
        print(f"skipped: {sentence}", file=sys.stderr)
