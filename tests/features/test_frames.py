"""Frame matrices in minibatches: one gather from one or several tables, crops, orders."""

from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from rawm.features.frames import Frames
from rawm.tasks.samples import Samples, concatenate

CPU = torch.device("cpu")


def matrices(lengths, start=0):
    """Frames whose first column says in which frame of which utterance they are."""
    rows = [torch.arange(n) + 100.0 * (start + i) for i, n in enumerate(lengths)]
    return [torch.stack([column, torch.ones(len(column))], dim=1) for column in rows]


def samples(lengths, start=0, crop=None):
    n = len(lengths)
    return Samples([str(start + i) for i in range(n)], torch.arange(n) % 2, Frames.pack(matrices(lengths, start)), crop)


def reference(frames, rows):
    return torch.nn.utils.rnn.pad_sequence([frames[row] for row in rows], batch_first=True)


def test_a_minibatch_is_the_padded_matrices():
    frames = Frames.pack(matrices([3, 7, 1]))
    assert torch.equal(frames.padded(torch.tensor([2, 1, 0])), reference(frames, [2, 1, 0]))


def test_several_stores_are_read_as_one():
    both = concatenate([samples([3, 7, 1]), samples([2, 9], start=3)])
    rows = torch.tensor([4, 0, 3, 1])
    batch = both.batch(rows)
    assert torch.equal(batch.features, reference(both.features, rows.tolist()))
    assert batch.lengths.tolist() == [9, 3, 2, 7]
    assert [int(frames[0, 0]) for frames in both.features] == [0, 100, 200, 300, 400]


def test_half_precision_becomes_float32_and_a_copy_keeps_it():
    frames = Frames.pack([matrix.half() for matrix in matrices([3, 5])])
    assert frames.padded(torch.tensor([0])).dtype == frames[1].dtype == torch.float32
    copied = Frames.chain([frames.take(torch.tensor([1]))] * 2).to(CPU)
    assert copied.tables[0].dtype == torch.float16
    assert len(copied.tables) == 1
    assert copied.n_bytes == 2 * 5 * 2 * 2
    assert all(torch.equal(matrix, frames[1]) for matrix in copied)


def test_crops_are_consecutive_frames_of_their_utterance():
    cut = samples([50, 4, 30], crop=10)
    for batch in cut.batches(3, torch.Generator().manual_seed(0)):
        assert batch.features.shape == (3, 10, 2)
        for frames, length, row in zip(batch.features, batch.lengths.tolist(), batch.rows.tolist(), strict=True):
            assert length == min(10, [50, 4, 30][row])
            first = int(frames[0, 0])
            assert frames[:length, 0].tolist() == list(range(first, first + length))
            assert row * 100 <= first <= row * 100 + [40, 0, 20][row]
            assert not frames[length:].any()


def test_crops_start_anywhere_and_come_again_with_the_same_generator():
    cut = samples([12] * 200, crop=10)
    starts = next(batch.features[:, 0, 0] % 100 for batch in cut.batches(200, torch.Generator().manual_seed(0)))
    again = next(batch.features[:, 0, 0] % 100 for batch in cut.batches(200, torch.Generator().manual_seed(0)))
    assert torch.equal(starts, again)
    assert set(starts.tolist()) == {0, 1, 2}


def test_passes_in_stored_order_are_over_whole_utterances():
    cut = samples([50, 4], crop=10)
    assert [batch.lengths.tolist() for batch in cut.batches(2)] == [[50, 4]]


def test_batches_by_length_hold_every_sample_once_within_their_size():
    lengths = [50, 4, 30, 31, 2, 90, 50]
    batches = list(samples(lengths).by_length(100))
    assert sorted(row for batch in batches for row in batch.rows.tolist()) == list(range(7))
    assert all(batch.features[..., 0].numel() <= 100 for batch in batches)
    assert len(batches) == 4  # 2 + 4 + 30 with their padding, 31 + 50, 50, 90


def test_the_scores_of_frames_are_in_stored_order():
    from rawm.config.detectors import MLP
    from rawm.detectors import build
    from rawm.detectors.scoring import logits

    detector = build(MLP(type="mlp", hidden=[]), 2, False, 2).eval()
    every = samples([50, 4, 30, 31, 2])
    single = [detector(frames[None], torch.tensor([len(frames)])).logits[0] for frames in every.features]
    torch.testing.assert_close(logits(detector, every, CPU), torch.stack(single).detach(), atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("pooled", [True, False])
def test_on_the_cpu_nothing_is_copied(pooled):
    stored = replace(samples([3, 4]), features=torch.ones(2, 3)) if pooled else samples([3, 4])
    assert stored.resident(CPU) is stored


@given(st.lists(st.integers(1, 40), min_size=1, max_size=30), st.integers(1, 8), st.integers(1, 50))
def test_blocks_hold_all_frames_in_order_and_are_bounded(lengths, utterances, most):
    frames = Frames.pack(matrices(lengths))
    blocks = list(frames.blocks(utterances, most))
    assert torch.equal(torch.cat(blocks), frames.tables[0])
    assert max(map(len, blocks)) <= most
    if sum(lengths) <= most:  # only then blocks are of whole utterances
        assert [len(block) for block in blocks] == [
            sum(lengths[first : first + utterances]) for first in range(0, len(lengths), utterances)
        ]


@pytest.mark.parametrize("numbers", [2, 20, 10**6])
def test_mean_and_deviation_are_those_of_all_frames_however_they_are_divided(numbers, monkeypatch):
    monkeypatch.setattr("rawm.tasks.samples.NUMBERS", numbers)
    cut = samples([50, 4, 300])
    mean, std = cut.mean_std()
    torch.testing.assert_close(mean, cut.features.tables[0].mean(0))
    torch.testing.assert_close(std, cut.features.tables[0].std(0, correction=0))
