"""The buffer, and the methods that train on its samples: replay, DER++, GDumb."""

import pytest
import torch
from scipy import stats
from support.problems import CPU, assert_equal_weights, detector_for, gaussian_task, method_for, train, weights
from torch.nn import functional as F

from rawm.config.study import Training
from rawm.methods.method import Task
from rawm.methods.parts.buffer import Buffer
from rawm.tasks.samples import Samples
from rawm.training.loop import fit


def task(number, n=60, frames=False, only=None, seed=0, classes=2):
    return Task(number, gaussian_task(number, n=n, frames=frames, only=only, classes=classes), 16, seed + number, CPU)


def filled(balance, capacity, tasks):
    buffer = Buffer(capacity, balance)
    for one in tasks:
        buffer.add(one)
    return buffer


@pytest.mark.parametrize("balance", ["none", "task", "class", "task_class"])
@pytest.mark.parametrize("capacity", [0, 1, 7, 50, 1000])
def test_the_buffer_is_as_full_as_its_capacity_allows(balance, capacity):
    buffer, seen = Buffer(capacity, balance), 0
    for number, n in enumerate([60, 3, 40], start=1):
        buffer.add(task(number, n))
        seen += n
        assert len(buffer) == min(capacity, seen)


def test_every_sample_of_all_tasks_has_the_same_chance():
    """As reservoir sampling: 2,000 buffers of 10 out of 60; chi-squared over the samples."""
    counts, tasks = {}, [gaussian_task(1, n=40), gaussian_task(2, n=20)]
    for seed in range(2000):
        buffer = Buffer(10, "none")
        for number, samples in enumerate(tasks, start=1):
            buffer.add(Task(number, samples, 16, 2 * seed + number, CPU))
        for value in buffer.samples.features.sum(1).tolist():
            counts[value] = counts.get(value, 0) + 1
    assert len(counts) == 60
    assert stats.chisquare(list(counts.values())).pvalue > 1e-4


@pytest.mark.parametrize(
    ("balance", "expected"),
    [("task", {1: 12, 2: 12, 3: 6}), ("task_class", {1: 12, 2: 12, 3: 6})],
)
def test_capacity_is_shared_out_evenly_and_the_rest_of_small_groups_goes_to_others(balance, expected):
    buffer = filled(balance, 30, [task(1), task(2), task(3, n=6)])
    shares = {number: len(part) for number, part in enumerate(buffer.by_task(), start=1)}
    assert shares == expected
    if balance == "task_class":
        for part in buffer.by_task():
            assert torch.bincount(part.labels).tolist() == [len(part) // 2] * 2


def test_classes_share_the_capacity_evenly_however_rare_one_is():
    samples = gaussian_task(1, n=100)
    labels = torch.zeros(100, dtype=torch.int64)
    labels[::10] = 1
    buffer = Buffer(16, "class")
    buffer.add(Task(1, Samples(samples.ids, labels, samples.features), 16, 1, CPU))
    assert torch.bincount(buffer.samples.labels).tolist() == [8, 8]


def test_a_removed_sample_never_returns_and_a_kept_one_is_unchanged():
    first = task(1)
    buffer = filled("none", 20, [first])
    kept = {tuple(row) for row in buffer.samples.features.tolist()}
    assert kept <= {tuple(row) for row in first.train.features.tolist()}
    buffer.add(task(2))
    still = {tuple(row) for row in buffer.by_task()[0].features.tolist()}
    assert still < kept


@pytest.mark.parametrize("frames", [False, True])
def test_a_round_trip_keeps_samples_and_their_extra_values(frames):
    buffer = Buffer(15, "task_class")
    for number in (1, 2):
        one = task(number, frames=frames)
        buffer.add(one, logits=one.train.labels[:, None] + torch.tensor([0.0, 10.0 * number]))
    again = Buffer(15, "task_class")
    again.load(buffer.state())
    draws = [b.draw(9, torch.Generator().manual_seed(1)) for b in (buffer, again)]
    for one, other in zip(*draws, strict=True):
        assert (one is None and other is None) or torch.equal(one, other)
    for one in draws:
        assert torch.equal(buffer.extra("logits", one)[:, 0], one.labels.float())  # each beside its own sample
    again.add(task(3, frames=frames), logits=torch.zeros(60, 2))
    buffer.add(task(3, frames=frames), logits=torch.zeros(60, 2))
    assert buffer.state().keys() == again.state().keys()
    assert all(torch.equal(value, again.state()[name]) for name, value in buffer.state().items())


def test_a_draw_has_different_samples():
    buffer = filled("none", 30, [task(1)])
    assert len(buffer.draw(30, torch.Generator().manual_seed(0)).rows.unique()) == 30
    assert len(buffer.draw(500, torch.Generator().manual_seed(0)).rows) == 30


def test_replay_weights_new_and_old_samples_equally():
    method, detector = method_for({"algorithm": "replay", "capacity": 10}), detector_for(task(1).train)
    method.end_task(detector, task(1))
    method.begin_task(detector, task(2))
    old = method.buffer.samples
    loss = method.loss(detector, task(2).train.batch(torch.arange(10)), None, torch.tensor(3.0))
    torch.testing.assert_close(loss, (3 + F.cross_entropy(detector(old.features).logits, old.labels)) / 2)


def test_derpp_matches_stored_logits_and_learns_the_labels():
    values = {"algorithm": "derpp", "capacity": 10, "a": 0.3, "b": 0.7}
    method, detector = method_for(values), detector_for(task(1).train)
    method.end_task(detector, task(1))
    method.begin_task(detector, task(2))
    old = method.buffer.samples
    given = detector(old.features).logits.detach()
    with torch.no_grad():
        detector.output.weight += 0.5
    now = detector(old.features).logits
    # As many are drawn as there are, so both draws have all of them.
    loss = method.loss(detector, task(2).train.batch(torch.arange(10)), None, torch.tensor(3.0))
    expected = 3 + 0.3 * (now - given).square().mean() + 0.7 * F.cross_entropy(now, old.labels)
    torch.testing.assert_close(loss, expected)
    assert (now - given).abs().max() > 0.1


def test_gdumb_is_training_from_new_weights_on_the_buffer_alone():
    tasks = [gaussian_task(number) for number in (1, 2)]
    training = Training(epochs=3, batch_size=16, learning_rate=0.01)
    method, detector = method_for({"algorithm": "gdumb", "capacity": 20}), detector_for(tasks[0])
    train(detector, method, tasks, training)
    kept = method.buffer.samples
    assert torch.bincount(kept.labels).tolist() == [10, 10]
    assert [len(part) for part in method.buffer.by_task()] != [0, 20]

    class FromNewWeights(type(method_for({"algorithm": "finetune"}))):
        def begin_task(self, detector, task):
            detector.apply(lambda m: m.reset_parameters() if hasattr(m, "reset_parameters") else None)

    alone = detector_for(tasks[1], seed=9)
    alone.standardise(*tasks[0].mean_std())
    plain = FromNewWeights(None, ("fake", "genuine"))
    from rawm.seeding import derive

    fit(alone, plain, Task(2, kept, 16, derive(0, "task", 2), CPU), training)
    assert_equal_weights(weights(detector), weights(alone))
