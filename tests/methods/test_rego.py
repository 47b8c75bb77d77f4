"""RegO: the four regions, the allowed part of the move in each, and release by Ebbinghaus' curve."""

import math

import numpy as np
import pytest
import torch
from support.gradients import loop
from support.problems import CPU, detector_for, gaussian_task, method_for, weights
from torch.nn import functional as F

from rawm.methods.method import Task
from rawm.methods.rego import parallel

SAMPLES = gaussian_task(1)


def ended(tasks=1, **values):
    """RegO after some tasks on the same samples, and the detector."""
    method, detector = method_for({"algorithm": "rego"} | values), detector_for(SAMPLES)
    for number in range(1, tasks + 1):
        method.end_task(detector, Task(number, SAMPLES, 16, number, CPU))
    return method, detector


def test_parallel_part_is_the_orthogonal_projection_within_the_region():
    generator = torch.Generator().manual_seed(0)
    move, old = torch.randn(2, 4, 5, generator=generator)
    region = torch.rand(4, 5, generator=generator) > 0.4
    result = parallel(move, old, region)
    o, v = old[region].numpy(), move[region].numpy()
    np.testing.assert_allclose(result[region].numpy(), o * np.dot(o, v) / np.dot(o, o), rtol=1e-5)
    assert (result[~region] == 0).all()
    assert abs(float(((move - result)[region] * old[region]).sum())) < 1e-5
    assert torch.equal(parallel(move, old, region & False), torch.zeros(4, 5))


@pytest.mark.parametrize("alpha", [0.5, 0.75, 0.9])
@pytest.mark.parametrize(("side", "label"), [("compact", 1), ("other", 0)])
def test_important_is_above_the_quantile_of_the_fisher_information_of_the_class(alpha, side, label):
    method, detector = ended(alpha=alpha)
    rows = torch.nonzero(SAMPLES.labels == label)[:, 0]
    chosen = type(SAMPLES)([SAMPLES.ids[row] for row in rows], SAMPLES.labels[rows], SAMPLES.features[rows])
    fisher = loop(detector, chosen, lambda z, y: -F.cross_entropy(z[None], y[None]), torch.square)
    for name, value in fisher.items():
        threshold = float(np.quantile(value.numpy(), alpha, method="inverted_cdf"))
        result, clear = (
            method.strength[f"{side}.{name}"] > 0,
            (value / threshold - 1).abs() > 1e-3,
        )  # not ties but for rounding
        assert torch.equal(result[clear], value[clear] > threshold), name
        assert result.float().mean() <= 1 - alpha + 1 / value.numel() + 1e-6


def test_the_old_gradient_is_that_of_the_whole_task():
    method, detector = ended()
    loss = F.cross_entropy(detector.eval()(SAMPLES.features).logits, SAMPLES.labels)
    for result, expected in zip(
        method.gradient.values(), torch.autograd.grad(loss, list(detector.parameters())), strict=True
    ):
        torch.testing.assert_close(result, expected, rtol=1e-4, atol=1e-7)


def test_each_region_allows_its_part_of_the_move():
    method, detector = ended()
    method.begin_task(detector, Task(2, SAMPLES, 16, 2, CPU))
    batch = SAMPLES.batch(torch.nonzero(SAMPLES.labels == 0)[:7, 0])  # 7 fake, none genuine: beta = 1 / 8
    before = weights(detector)
    optimizer = torch.optim.SGD(detector.parameters(), lr=0.1)
    output = detector(batch.features)
    F.cross_entropy(output.logits, batch.labels).backward()
    plain = {name: -0.1 * p.grad for name, p in detector.named_parameters()}
    method.step(detector, optimizer, batch, output)
    seen = set()
    for name, after in weights(detector).items():
        genuine, fake = method._retained[f"compact.{name}"], method._retained[f"other.{name}"]
        moved, old, move = after - before[name], method.gradient[name], plain[name]
        regions = {
            "neither": ~genuine & ~fake,
            "genuine": genuine & ~fake,
            "fake": fake & ~genuine,
            "both": genuine & fake,
        }
        for region, mask in regions.items():
            if not mask.any():
                continue
            seen.add(region)
            o, v = old[mask], move[mask]
            along = o * (o @ v) / (o @ o) if o.any() else torch.zeros_like(o)
            expected = {"neither": v, "genuine": along, "fake": v - along, "both": v - along + along / 8}[region]
            torch.testing.assert_close(moved[mask], expected, rtol=1e-3, atol=1e-7)
    assert seen == {"neither", "genuine", "fake", "both"}


def test_parameters_important_long_ago_are_released():
    """Important once: retained by exp(-t), so with gamma 0.1 released from t = 3 > ln 10 tasks on."""
    method, _ = ended()
    name = "hidden.0.weight"
    important = method.strength[f"compact.{name}"] > 0
    method.strength[f"compact.{name}"] = method.strength[f"compact.{name}"].clone()
    for tasks_ago in range(5):
        method.age[f"compact.{name}"] = torch.full_like(important, tasks_ago, dtype=torch.float32)
        retained = method.retained()[f"compact.{name}"]
        assert torch.equal(retained, important & (math.exp(-tasks_ago) >= 0.1))


def test_parameters_important_often_are_kept_longer():
    method, _ = ended(tasks=3)
    name = "hidden.0.weight"
    important = method.strength[f"other.{name}"] == 3
    assert important.any()
    method.age[f"other.{name}"] = torch.full(important.shape, 3.0)  # exp(-3 / 3) > 0.1
    assert torch.equal(method.retained()[f"other.{name}"], important)


def test_age_counts_tasks_since_the_last_time():
    method, _ = ended(tasks=2)
    name = "output.weight"
    result = method.strength[f"compact.{name}"] > 0
    assert (method.age[f"compact.{name}"][result] == 0).all()
    assert (method.age[f"compact.{name}"][~result] == 2).all()
