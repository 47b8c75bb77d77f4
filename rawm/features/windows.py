"""Which utterances are computed together: windows of consecutive rows, shards of windows, batches within a window."""

from collections.abc import Sequence
from typing import TypeVar

import numpy as np

Item = TypeVar("Item")

#: A window holds at most so many rows, and so many seconds of audio or so many batches of it.
ROWS, SECONDS, BATCHES = 1024, 300.0, 8
PADDING = 0.1  # largest share of padding in a batch


def windows(durations: np.ndarray, limit: float | None, batch_seconds: float) -> list[range]:
    """Divide rows into windows by their durations in the manifest.

    Args:
        durations: (N,) seconds.
        limit: seconds of each file that are used; None = all.
        batch_seconds: audio computed together; 0 = one utterance at a time.
    """
    most = max(SECONDS, BATCHES * batch_seconds)
    divided, start, seconds = [], 0, 0.0
    for row, duration in enumerate(durations.tolist()):
        duration = duration if limit is None else min(duration, limit)
        if row > start and (seconds + duration > most or row - start == ROWS):
            divided.append(range(start, row))
            start, seconds = row, 0.0
        seconds += duration
    return [*divided, range(start, len(durations))] if len(durations) else []


def shard(items: Sequence[Item], number: int, count: int) -> Sequence[Item]:
    """Return the `number`-th of `count` parts of consecutive items, `number` from 1."""
    return items[len(items) * (number - 1) // count : len(items) * number // count]


def batches(lengths: Sequence[int], most: float) -> list[list[int]]:
    """Group indices into batches of similar length, the longest first.

    Args:
        lengths: samples of each waveform.
        most: samples of a batch with its padding; a longer waveform is a batch of its own.

    Returns:
        indices of each batch; at most a tenth of a batch is padding.
    """
    grouped: list[list[int]] = []
    samples = 0  # of the last batch, without padding
    for index in sorted(range(len(lengths)), key=lambda index: (-lengths[index], index)):
        padded = (len(grouped[-1]) + 1) * lengths[grouped[-1][0]] if grouped else 0
        if not grouped or padded > most or samples + lengths[index] < (1 - PADDING) * padded:
            grouped.append([])
            samples = 0
        grouped[-1].append(index)
        samples += lengths[index]
    return grouped
