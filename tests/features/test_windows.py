"""Windows and batches of an extraction."""

import numpy as np
import pytest

from rawm.features.windows import batches, shard, windows


@pytest.mark.parametrize("seed", range(3))
def test_a_tenth_of_a_batch_at_most_is_padding(seed):
    lengths = np.random.default_rng(seed).lognormal(np.log(4 * 16000), 0.6, 300).astype(int)
    grouped = batches(lengths, 60 * 16000)
    assert sorted(index for batch in grouped for index in batch) == list(range(300))
    sizes = [(len(batch) * max(lengths[batch]), sum(lengths[batch])) for batch in grouped]
    assert all(padded <= 60 * 16000 or len(batch) == 1 for (padded, _), batch in zip(sizes, grouped, strict=True))
    assert all(held >= 0.9 * padded for padded, held in sizes)
    assert sum(held for _, held in sizes) > 0.95 * sum(padded for padded, _ in sizes)
    assert len(grouped) < 1.25 * sum(lengths) / (60 * 16000) + 5


def test_windows_hold_consecutive_rows_and_little_audio():
    durations = np.random.default_rng(0).exponential(5.0, 5000)
    divided = windows(durations, None, 0.0)
    assert [row for window in divided for row in window] == list(range(5000))
    assert all(sum(durations[window]) <= 300 for window in divided) and len(divided) < 90
    assert len(windows(np.zeros(5000), None, 0.0)) == 5  # durations that are not listed
    assert windows(np.zeros(0), None, 0.0) == []
    assert [len(window) for window in windows(np.full(3, 1e6), None, 60.0)] == [1, 1, 1]
    assert [len(window) for window in windows(np.full(3, 1e6), 10.0, 60.0)] == [3]


@pytest.mark.parametrize(("items", "count"), [(0, 3), (2, 5), (7, 3), (24, 24)])
def test_shards_are_consecutive_and_together_they_are_everything(items, count):
    parts = [shard(range(items), number, count) for number in range(1, count + 1)]
    assert [item for part in parts for item in part] == list(range(items))
    assert max(map(len, parts)) - min(map(len, parts)) <= 1
