"""RegO against loops written from the paper's equations: marks, regions, release, and the gradient in each region."""

import math

import numpy as np
import pytest
import torch
from support.gradients import loop
from support.problems import CPU, detector_for, gaussian_task, method_for, weights
from torch.nn import functional as F

from rawm.methods.method import Task
from rawm.methods.rego import FAKE, GENUINE, parallel_part

SAMPLES = gaussian_task(1)


def ended(tasks=1, **values):
    """RegO after some tasks on the same samples, and the detector."""
    method, detector = method_for({"algorithm": "rego"} | values), detector_for(SAMPLES)
    for number in range(1, tasks + 1):
        method.end_task(detector, Task(number, SAMPLES, 16, number, CPU))
    return method, detector


def test_the_parallel_part_is_the_orthogonal_projection_of_the_whole_tensor():
    gradient, old = torch.randn(2, 4, 5, generator=torch.Generator().manual_seed(0))
    result = parallel_part(gradient, old)
    o, g = old.flatten().numpy(), gradient.flatten().numpy()
    np.testing.assert_allclose(result.flatten().numpy(), o * np.dot(o, g) / np.dot(o, o), rtol=1e-5)
    assert abs(float(((gradient - result) * old).sum())) < 1e-5
    assert torch.equal(parallel_part(gradient, old * 0), torch.zeros(4, 5))


@pytest.mark.parametrize("alpha", [0.5, 0.75, 0.9])
@pytest.mark.parametrize(("mark", "label"), [(GENUINE, 1), (FAKE, 0)])
def test_important_reaches_the_quantile_of_the_fisher_information_of_the_class(alpha, mark, label):
    method, detector = ended(alpha=alpha)
    rows = torch.nonzero(SAMPLES.labels == label)[:, 0]
    chosen = type(SAMPLES)([SAMPLES.ids[row] for row in rows], SAMPLES.labels[rows], SAMPLES.features[rows])
    fisher = loop(detector, chosen, lambda z, y: -F.cross_entropy(z[None], y[None]), torch.square)
    for name, value in fisher.items():
        threshold = float(np.quantile(value.numpy(), alpha, method="inverted_cdf"))
        result = (method.marks[f"1.{name}"] & mark) > 0
        clear = (value / threshold - 1).abs() > 1e-3  # neither the quantile itself nor a tie but for rounding
        assert torch.equal(result[clear], value[clear] > threshold), name
        assert 0 < result.float().mean() <= 1 - alpha + (~clear).float().mean() + 1e-6


def test_without_classes_important_is_by_the_fisher_information_of_all_samples():
    method, detector = ended(by_class=False)
    fisher = loop(detector, SAMPLES, lambda z, y: -F.cross_entropy(z[None], y[None]), torch.square)
    for name, value in fisher.items():
        threshold = float(np.quantile(value.numpy(), 0.75, method="inverted_cdf"))
        clear = (value / threshold - 1).abs() > 1e-3
        expected = torch.where(value > threshold, GENUINE | FAKE, 0).to(torch.uint8)
        assert torch.equal(method.marks[f"1.{name}"][clear], expected[clear])


def test_the_old_gradient_is_that_of_the_whole_task():
    method, detector = ended()
    loss = F.cross_entropy(detector.eval()(SAMPLES.features).logits, SAMPLES.labels)
    for result, expected in zip(
        method.gradient.values(), torch.autograd.grad(loss, list(detector.parameters())), strict=True
    ):
        torch.testing.assert_close(result, expected, rtol=1e-4, atol=1e-7)


def printed(gradient, old, regions, genuine, fake):
    """The gradient that the paper's equations give, one entry after another."""
    g, o = gradient.double().numpy(), old.double().numpy()
    along = (g * o).sum() / (o * o).sum() * o
    across = g - along
    beta = genuine / (genuine + fake)
    result = np.empty_like(g)
    for index in np.ndindex(*g.shape):
        match int(regions[index]):
            case 0:
                result[index] = g[index]
            case 1:
                result[index] = along[index]
            case 2:
                result[index] = across[index]
            case 3:
                result[index] = beta * along[index] + (1 - beta) * across[index]
    return torch.from_numpy(result).float()


@pytest.mark.parametrize("values", [{}, {"by_class": False}, {"directions": "orthogonal"}])
def test_each_region_follows_its_part_of_the_gradient(values):
    method, detector = ended(**values)
    method.begin_task(detector, Task(2, SAMPLES, 16, 2, CPU))
    fake, genuine = (torch.nonzero(SAMPLES.labels == label)[:, 0] for label in (0, 1))
    batch = SAMPLES.batch(torch.cat([fake[:7], genuine[:3]]))
    before = weights(detector)
    optimizer = torch.optim.SGD(detector.parameters(), lr=0.1)
    output = detector(batch.features)
    F.cross_entropy(output.logits, batch.labels).backward()
    gradients = {name: p.grad.clone() for name, p in detector.named_parameters()}
    method.step(detector, optimizer, batch, output)
    seen = set()
    for name, after in weights(detector).items():
        marks = method.marks[f"1.{name}"]
        regions = torch.full_like(marks, FAKE) if values.get("directions") == "orthogonal" else marks
        seen |= set(regions.flatten().tolist())
        expected = printed(gradients[name], method.gradient[name], regions, genuine=3, fake=7)
        torch.testing.assert_close(after, before[name] - 0.1 * expected, rtol=1e-4, atol=1e-7)
    assert seen == {"": {0, 1, 2, 3}, "by_class": {0, 3}, "directions": {2}}[next(iter(values), "")]


@pytest.mark.parametrize("gamma", [0.1, 0.5, 0.9, 2.0])
def test_marks_are_released_by_the_forgetting_curve(gamma):
    """Against sums over tasks, one entry after another; as printed, gamma = 0.1 releases nothing."""
    method, _ = ended(gamma=gamma)
    generator = torch.Generator().manual_seed(0)
    method.gradient = {"w": torch.zeros(6, 7)}
    method.marks = {f"{task}.w": torch.randint(4, (6, 7), generator=generator).to(torch.uint8) for task in range(1, 6)}
    for number in range(2, 7):
        regions = method.regions(number)["w"]
        for index in np.ndindex(6, 7):
            marks = [int(method.marks[f"{task}.w"][index]) for task in range(1, number)]
            memory = sum(math.exp(-(number - task) / number) for task, mark in enumerate(marks, 1) if mark)
            combined = 0
            for mark in marks:
                combined |= mark
            assert regions[index] == (combined if memory > gamma else 0)
            assert gamma != 0.1 or regions[index] == combined
