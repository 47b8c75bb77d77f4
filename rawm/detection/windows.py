"""A recording of any length -> windows of a few seconds."""

from collections.abc import Iterable, Iterator

import numpy as np


def cut(pieces: Iterable[np.ndarray], window: int, hop: int) -> Iterator[tuple[int, np.ndarray]]:
    """Divide a recording into windows; no more than a window and a piece of it is in memory.

    Windows start at every `hop` samples; one more ends where the recording ends, unless one does so already. A
    recording that is not longer than a window is one window.

    Args:
        pieces: the recording, (n,) each.
        window, hop: samples.

    Yields:
        first sample, and samples (window,), or fewer for a short recording.
    """
    held, start, coming, end = (
        np.zeros(0, np.float32),
        0,
        0,
        0,
    )  # held: samples from `start` on; end: of the last window
    for piece in pieces:
        held = np.concatenate([held, piece])
        while start + len(held) >= coming + window:
            yield coming, held[coming - start : coming - start + window]
            coming, end = coming + hop, coming + window
        keep = max(start, min(coming, start + len(held) - window))
        held, start = held[keep - start :], keep
    total = start + len(held)
    if total > end:
        first = max(0, total - window)
        yield first, held[first - start :]
