"""Windows of recordings against slices of the whole."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rawm.detection.detector import Scored, Window
from rawm.detection.output import segments
from rawm.detection.windows import cut


def slices(samples, window, hop):
    """The definition, with the whole recording at hand."""
    if len(samples) <= window:
        return [(0, samples)]
    starts = list(range(0, len(samples) - window + 1, hop))
    if starts[-1] + window < len(samples):
        starts.append(len(samples) - window)
    return [(start, samples[start : start + window]) for start in starts]


@given(st.integers(1, 60), st.integers(1, 20), st.integers(1, 30), st.lists(st.integers(1, 25), min_size=1, max_size=8))
def test_windows_of_pieces_are_those_of_the_whole(n, window, hop, sizes):
    samples = np.arange(n, dtype=np.float32)
    pieces, start = [], 0
    while start < n:
        size = sizes[len(pieces) % len(sizes)]
        pieces.append(samples[start : start + size])
        start += size
    found = list(cut(pieces, window, hop))
    expected = slices(samples, window, hop)
    assert [first for first, _ in found] == [first for first, _ in expected]
    for (_, one), (_, other) in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_long_recording_is_never_whole_in_memory():
    pieces = (np.full(1000, number, np.float32) for number in range(2000))
    longest = max(len(part.base if part.base is not None else part) for _, part in cut(pieces, 400, 100))
    assert longest <= 2400


def scored(*windows):
    return Scored(None, windows[-1][1], 0.0, [Window(*window) for window in windows])


def test_segments_are_stretches_of_one_label():
    def label(score):
        return "fake" if score <= 0 else "genuine"

    apart = scored((0, 2, 3.0), (1, 3, 1.0), (2, 4, -5.0), (3, 5, -1.0))
    # 0-1: 3, 1-2: (3 + 1) / 2, 2-3: (1 - 5) / 2, 3-4: (-5 - 1) / 2, 4-5: -1
    assert segments(apart, label) == [
        (0, 2, pytest.approx((3 + 2) / 2), "genuine"),
        (2, 5, pytest.approx((-2 - 3 - 1) / 3), "fake"),
    ]
    with_gap = scored((0, 1, 2.0), (3, 4, 2.0))
    assert segments(with_gap, label) == [(0, 1, 2.0, "genuine"), (3, 4, 2.0, "genuine")]
    assert segments(scored((0, 3, -1.0)), label) == [(0, 3, -1.0, "fake")]
