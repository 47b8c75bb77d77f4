"""From audio to the feature store: decode in threads, compute in batches of like length, write in the manifest's order.

Rows are taken in windows of consecutive rows. While one window is computed, the files of the next are decoded. Windows
and batches depend on the manifest and the front-end alone, so shards, which are consecutive windows, give the same
bytes as one run over all, and memory does not grow with the corpus.
"""

import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from rawm import audio, frontends, manifest
from rawm.errors import UserError
from rawm.features import store as features
from rawm.progress import track

_ROWS, _SECONDS, _BATCHES = 1024, 300.0, 8  # a window holds at most: rows; seconds of audio, or batches of it
_PADDING = 0.1  # largest share of padding in a batch


def extract(
    corpus: Any,
    frontend_settings: Any,
    split: str,
    manifest_path: str | Path,
    output_path: str | Path,
    shard: tuple[int, int] = (1, 1),
    device: str | torch.device = "cpu",
    workers: int = 1,
) -> None:
    """Compute the features of one split of a corpus and write them to `output_path`.

    The same input gives the same bytes on the same device with the same number of torch's threads, whatever `workers`.

    Args:
        corpus: settings of the corpus; `root`, `bad_audio` and `max_seconds` are used.
        frontend_settings: settings of the front-end.
        shard: (i, n): only the i-th of n parts, i from 1. `features.join` joins them.
        device: where neural front-ends compute; the others compute on the CPU.
        workers: threads that decode, and compute where the front-end is not neural.

    Raises:
        UserError: a file is unreadable or too short and the corpus' `bad_audio` is "stop". All such files are named,
            with the reasons. With "skip" they are named on stderr and the header's `skipped` lists their ids.
    """
    frontend = frontends.build(frontend_settings)
    if frontend.batch_seconds:
        frontend.to(device)
    rows = manifest.read(manifest_path).select(split=split)
    limits = [limit for limit in (corpus.max_seconds, frontend.max_seconds) if limit is not None]
    work = _Work(frontend, Path(corpus.root), rows.path, min(limits, default=None))
    windows = _shard(_windows(rows.duration_s, work.limit, frontend.batch_seconds), *shard)
    total = sum(map(len, windows))
    ids, lengths, bad = [], [], {}
    Path(output_path).parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=Path(output_path).parent) as spool:
        done = track(work.run(windows, workers), _title(corpus, split, shard), total, work.pace)
        for row, block in done:
            if isinstance(block, audio.BadAudio):
                bad[rows.utterance_id[row]] = str(block)
                continue
            ids.append(rows.utterance_id[row])
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
        features.write_store(output_path, header, frontend.dim, frontend.pooled, lengths, spool)


def _title(corpus: Any, split: str, shard: tuple[int, int]) -> str:
    part = "" if shard == (1, 1) else f", shard {shard[0]} of {shard[1]}"
    return f"features of {corpus.name} {split}{part}"


def _windows(durations: np.ndarray, limit: float | None, batch_seconds: float) -> list[range]:
    """Consecutive rows that are worked on together, by their listed durations."""
    most = max(_SECONDS, _BATCHES * batch_seconds)
    windows, start, seconds = [], 0, 0.0
    for row, duration in enumerate(durations.tolist()):
        duration = duration if limit is None else min(duration, limit)
        if row > start and (seconds + duration > most or row - start == _ROWS):
            windows.append(range(start, row))
            start, seconds = row, 0.0
        seconds += duration
    return [*windows, range(start, len(durations))] if len(durations) else []


def _shard(windows: list[range], number: int, of: int) -> list[range]:
    return windows[len(windows) * (number - 1) // of : len(windows) * number // of]


def batches(lengths: Sequence[int], most: float) -> list[list[int]]:
    """Indices in batches of like length, the longest first.

    A batch holds at most `most` samples with its padding, or a single item, and at most a tenth of it is padding.
    """
    made: list[list[int]] = []
    held = 0
    for index in sorted(range(len(lengths)), key=lambda index: (-lengths[index], index)):
        size = (len(made[-1]) + 1) * lengths[made[-1][0]] if made else 0
        if not made or size > most or held + lengths[index] < (1 - _PADDING) * size:
            made.append([])
            held = 0
        made[-1].append(index)
        held += lengths[index]
    return made


class _Work:
    """The rows of one split, computed window after window.

    Attributes:
        limit: seconds of each file that are used; None = all.
        seconds: seconds of audio computed so far.
    """

    def __init__(self, frontend: Any, root: Path, paths: Sequence[str], limit: float | None):
        self.frontend, self.root, self.paths, self.limit = frontend, root, paths, limit
        self.seconds, self.start = 0.0, time.monotonic()

    def run(self, windows: list[range], workers: int) -> Iterator[tuple[int, np.ndarray | audio.BadAudio]]:
        """(row, its block, or why it has none) in the order of the rows."""
        # A new thread would take as many of torch's threads as there are cores, and the last bits depend on them.
        pool = ThreadPoolExecutor(workers, initializer=torch.set_num_threads, initargs=(torch.get_num_threads(),))
        ahead: list[list[Future]] = []
        try:
            for number, window in enumerate(windows):
                for coming in windows[number + len(ahead) : number + 2]:
                    ahead.append([pool.submit(self._prepare, self.root / self.paths[row]) for row in coming])
                yield from zip(window, self._finish(window, ahead.pop(0)), strict=True)
        finally:
            pool.shutdown(cancel_futures=True)

    def pace(self) -> str:
        """How fast audio is worked through."""
        taken = max(time.monotonic() - self.start, 1e-3)
        return f"{self.seconds / 3600:.2f} h of audio, {self.seconds / taken:.0f} h an hour"

    def _prepare(self, path: Path) -> tuple[float, Any]:
        """Seconds of a file and its block, its waveform where the front-end is neural, or why it has neither."""
        try:
            samples = audio.load(path, self.frontend.sample_rate, self.limit)
            seconds = len(samples) / self.frontend.sample_rate
            if len(samples) < self.frontend.min_samples:
                need = 1000 * self.frontend.min_samples / self.frontend.sample_rate
                raise audio.BadAudio(path, f"is too short: {1000 * seconds:.0f} ms; the front-end needs {need:.0f} ms")
            waveform = torch.from_numpy(samples)
            if self.frontend.batch_seconds:
                return seconds, waveform
            return seconds, _block(path, self.frontend(waveform), self.frontend.pooled)
        except audio.BadAudio as error:
            return 0.0, error

    def _finish(self, window: range, prepared: list[Future]) -> Iterator[Any]:
        """What the rows of a window give."""
        items = (future.result() for future in prepared)
        if self.frontend.batch_seconds:
            items = self._compute(window, list(items))
        for seconds, item in items:
            self.seconds += seconds
            yield item

    def _compute(self, window: range, items: list[tuple[float, Any]]) -> list[tuple[float, Any]]:
        """The items with blocks in place of waveforms."""
        good = [index for index, (_, item) in enumerate(items) if isinstance(item, Tensor)]
        most = self.frontend.batch_seconds * self.frontend.sample_rate
        for batch in batches([len(items[index][1]) for index in good], most):
            chosen = [good[index] for index in batch]
            computed = self.frontend.many([items[index][1] for index in chosen])
            for index, values in zip(chosen, computed, strict=True):
                seconds, path = items[index][0], self.root / self.paths[window[index]]
                try:
                    items[index] = seconds, _block(path, values, self.frontend.pooled)
                except audio.BadAudio as error:
                    items[index] = 0.0, error
        return items


def _block(path: Path, values: Tensor, pooled: bool) -> np.ndarray:
    """(T, d) float16 frames, or (1, d) float32 of a pooled front-end."""
    with np.errstate(over="ignore"):  # said below
        block = values.numpy()[None].astype(np.float32) if pooled else values.numpy().astype(np.float16)
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
