"""Analytic learning and CWR*, which after the first task learn in the output layer alone."""

import itertools

import pytest
import torch
from sklearn.linear_model import Ridge
from support.problems import CPU, detector_for, gaussian_task, method_for, train

from rawm.config.detectors import MLP
from rawm.detectors import checkpoint
from rawm.methods.analytic import output_inputs, ridge_regression
from rawm.methods.method import Task
from rawm.tasks.samples import concatenate

TASKS = [gaussian_task(number, classes=3) for number in (1, 2, 3)]
CLASSES = ("a", "b", "genuine")


def learned(features, order=(1, 2, 3), ridge=0.5):
    detector = detector_for(TASKS[0], classes=3)
    method = method_for({"algorithm": "analytic", "features": features, "ridge": ridge}, CLASSES)
    for place, number in enumerate(order, start=1):
        method.end_task(detector, Task(place, TASKS[number - 1], 16, place, CPU))
    return detector, method


def solution(method):
    return ridge_regression(method.gram, method.products, method.settings.ridge)


def design(detector, samples):
    """phi with its constant column, float64."""
    with torch.no_grad():
        phi = output_inputs(detector, detector.eval()(samples.features).embedding).double()
    return torch.cat([phi, torch.ones(len(phi), 1)], dim=1)


@pytest.mark.parametrize("features", [0, 40])
def test_weights_are_scikit_learns_ridge_regression_on_all_data(features):
    detector, method = learned(features)
    everything = concatenate(TASKS)
    targets = torch.nn.functional.one_hot(everything.labels, 3).double()
    ridge = Ridge(alpha=0.5, fit_intercept=False, solver="cholesky")
    ridge.fit(design(detector, everything).numpy(), targets.numpy())
    expected = torch.from_numpy(ridge.coef_.T)
    torch.testing.assert_close(solution(method), expected, atol=1e-8, rtol=1e-8)
    torch.testing.assert_close(detector.output.weight, expected[:-1].T.float())
    torch.testing.assert_close(detector.output.bias, expected[-1].float())


@pytest.mark.parametrize("order", list(itertools.permutations([1, 2, 3])))
def test_the_order_of_the_tasks_does_not_matter(order):
    expected, result = solution(learned(0)[1]), solution(learned(0, order)[1])
    torch.testing.assert_close(result, expected, atol=1e-10, rtol=1e-8)


def test_equal_to_the_recursion_of_the_inverse():
    """ACIL eq. 11-13: R <- R - R X^T (I + X R X^T)^-1 X R; W <- W + R X^T (Y - X W)."""
    detector, method = learned(40)
    r, w = torch.eye(41, dtype=torch.float64) / 0.5, torch.zeros(41, 3, dtype=torch.float64)
    for samples in TASKS:
        x, y = design(detector, samples), torch.nn.functional.one_hot(samples.labels, 3).double()
        r = r - r @ x.T @ torch.linalg.solve(torch.eye(len(x), dtype=torch.float64) + x @ r @ x.T, x @ r)
        w = w + r @ x.T @ (y - x @ w)
    torch.testing.assert_close(solution(method), w, atol=1e-8, rtol=1e-6)


def test_a_detector_with_random_features_is_restored_from_its_file(tmp_path):
    detector, _ = learned(40)
    shape = checkpoint.describe(MLP(type="mlp", hidden=[16, 16]), 8, True, CLASSES)
    checkpoint.save_detector(tmp_path / "detector.safetensors", detector, shape)
    loaded, _ = checkpoint.load_detector(tmp_path / "detector.safetensors")
    x = TASKS[2].features
    assert loaded.output.in_features == 40
    assert torch.equal(loaded.eval()(x).logits, detector.eval()(x).logits)


def test_cwr_averages_each_class_over_the_tasks_that_have_it():
    """Algorithm 1 by hand: task 1 has classes 0 and 1, task 2 classes 1 and 2."""
    task1 = gaussian_task(1, n=40)
    task2 = gaussian_task(2, n=90, classes=2)
    task2.labels.add_(1)
    detector, method = detector_for(task1, classes=3), method_for({"algorithm": "cwr"}, CLASSES)

    def set_output(value):
        with torch.no_grad():
            detector.output.weight.copy_(value[:, :-1])
            detector.output.bias.copy_(value[:, -1])

    def output():
        return torch.cat([detector.output.weight, detector.output.bias[:, None]], dim=1).detach()

    one, two = torch.randn(2, 3, 17, generator=torch.Generator().manual_seed(0))
    method.begin_task(detector, Task(1, task1, 16, 1, CPU))
    set_output(one)
    method.end_task(detector, Task(1, task1, 16, 1, CPU))
    mean = (one[0] + one[1]) / 2
    expected = torch.stack([one[0] - mean, one[1] - mean, torch.zeros(17)])
    torch.testing.assert_close(output(), expected)

    method.begin_task(detector, Task(2, task2, 16, 2, CPU))
    torch.testing.assert_close(output(), expected * torch.tensor([[0.0], [1.0], [1.0]]))  # absent class: 0
    assert [name for name, p in detector.named_parameters() if p.requires_grad] == ["output.weight", "output.bias"]
    set_output(two)
    method.end_task(detector, Task(2, task2, 16, 2, CPU))
    mean, past = (two[1] + two[2]) / 2, (20 / 45) ** 0.5
    expected = torch.stack([expected[0], (expected[1] * past + two[1] - mean) / (past + 1), two[2] - mean])
    torch.testing.assert_close(output(), expected)


def test_cwr_keeps_the_embeddings_of_the_first_task():
    tasks = [gaussian_task(number) for number in (1, 2)]
    detector, method = detector_for(tasks[0]), method_for({"algorithm": "cwr"})
    train(detector, method, tasks, numbers=[1])
    before = detector.eval()(tasks[0].features).embedding
    train(detector, method, tasks, numbers=[2])
    assert torch.equal(detector.eval()(tasks[0].features).embedding, before)
