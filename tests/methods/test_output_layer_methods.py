"""Analytic learning, SLDA, CWR* and Freeze: which parts of a detector learn after the first task, and what."""

import itertools
import re
import shutil

import numpy as np
import pytest
import torch
from sklearn.covariance import ShrunkCovariance
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import Ridge
from support.commands import ROOT
from support.problems import CPU, detector_for, gaussian_task, method_for, train, weights

from rawm.config.detectors import MLP
from rawm.config.reading import ConfigError
from rawm.detectors import checkpoint
from rawm.errors import UserError
from rawm.methods.analytic import ridge_regression
from rawm.methods.method import Task
from rawm.methods.parts.closed_form import output_inputs
from rawm.methods.slda import discriminant
from rawm.study import load_study
from rawm.tasks.samples import concatenate

TASKS = [gaussian_task(number, classes=3) for number in (1, 2, 3)]
CLASSES = ("a", "b", "genuine")


def learned(features, order=(1, 2, 3), ridge=0.5, source="embedding"):
    detector = detector_for(TASKS[0], classes=3)
    values = {"algorithm": "analytic", "features": features, "ridge": ridge, "source": source}
    method = method_for(values, CLASSES)
    for place, number in enumerate(order, start=1):
        method.end_task(detector, Task(place, TASKS[number - 1], 16, 1, CPU))  # the same seed: the same random weights
    return detector, method


def solution(method):
    return ridge_regression(method.moments.gram, method.moments.products, method.settings.ridge)


def design(detector, samples):
    """phi with its constant column, float64."""
    with torch.no_grad():
        phi = output_inputs(detector, detector.eval()(samples.features).embedding).double()
    return torch.cat([phi, torch.ones(len(phi), 1)], dim=1)


@pytest.mark.parametrize("source", ["embedding", "input"])
@pytest.mark.parametrize("features", [0, 40])
def test_weights_are_scikit_learns_ridge_regression_on_all_data(features, source):
    detector, method = learned(features, source=source)
    everything = concatenate(TASKS)
    targets = torch.nn.functional.one_hot(everything.labels, 3).double()
    ridge = Ridge(alpha=0.5, fit_intercept=False, solver="cholesky")
    ridge.fit(design(detector, everything).numpy(), targets.numpy())
    expected = torch.from_numpy(ridge.coef_.T)
    torch.testing.assert_close(solution(method), expected, atol=1e-8, rtol=1e-8)
    torch.testing.assert_close(detector.output.weight, expected[:-1].T.float())
    torch.testing.assert_close(detector.output.bias, expected[-1].float())


@pytest.mark.parametrize("order", list(itertools.permutations([1, 2, 3])))
@pytest.mark.parametrize(("features", "source"), [(0, "embedding"), (40, "embedding"), (40, "input")])
def test_the_order_of_the_tasks_does_not_matter(order, features, source):
    expected, result = solution(learned(features, source=source)[1]), solution(learned(features, order, 0.5, source)[1])
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


def test_random_features_of_the_input_are_those_of_the_formula_and_nothing_is_trained():
    """ReLU(W z + b), z the standardised input within five standard deviations; a new run draws other W and b."""
    tasks = [gaussian_task(number) for number in (1, 2)]
    tasks[0].features[0, 0] = 1000.0  # an outlier
    detector = train(
        detector_for(tasks[0]), method_for({"algorithm": "analytic", "source": "input", "features": 7}), tasks
    )
    assert [name for name, _ in detector.named_parameters()] == ["output.weight", "output.bias"]
    x = torch.cat([task.features for task in tasks])
    z = ((x - detector.input_mean) / detector.input_std).clamp(-5, 5)
    phi = (z @ detector.output.projection + detector.output.offset).clamp_min(0)
    expected = phi @ detector.output.weight.T + detector.output.bias
    torch.testing.assert_close(detector(x).logits, expected)
    other = train(
        detector_for(tasks[0]), method_for({"algorithm": "analytic", "source": "input", "features": 7}), tasks, seed=1
    )
    assert not torch.equal(other.output.projection, detector.output.projection)


def test_the_random_numbers_have_the_variances_of_the_formula():
    samples = gaussian_task(1, d=50)
    method = method_for({"algorithm": "analytic", "source": "input", "features": 4000, "ridge": 1000})
    detector = train(detector_for(samples), method, [samples])
    assert float(detector.output.projection.var()) == pytest.approx(1 / 50, rel=0.02)
    assert float(detector.output.offset.var()) == pytest.approx(0.25, rel=0.1)


def test_a_detector_without_a_body_is_restored_from_its_file(tmp_path):
    detector, _ = learned(40, source="input")
    shape = checkpoint.describe(MLP(type="mlp", hidden=[16, 16]), 8, True, CLASSES)
    checkpoint.save_detector(tmp_path / "detector.safetensors", detector, shape)
    loaded, _ = checkpoint.load_detector(tmp_path / "detector.safetensors")
    x = TASKS[2].features
    assert torch.equal(loaded.eval()(x).logits, detector.eval()(x).logits)


def test_input_features_need_a_detector_on_vectors(tmp_path):
    shutil.copytree(ROOT / "config", tmp_path / "config")
    file = tmp_path / "config/studies/open_speech_lcnn.yaml"
    file.write_text(re.sub("methods: .*", "methods: [analytic_input]", file.read_text()))
    with pytest.raises(ConfigError, match="source: input needs a detector of type mlp, but detector lcnn") as error:
        load_study("open_speech_lcnn", tmp_path / "config", on_disk=False)
    assert len(error.value.problems) == 1


def test_a_ridge_without_a_solution_is_one_sentence():
    with pytest.raises(UserError, match="ridge 1e-300 is too small for these data"):
        ridge_regression(torch.ones(3, 3).double(), torch.ones(3, 1).double(), 1e-300)


def test_a_file_holds_one_triangle_of_the_sums():
    _, method = learned(40)
    assert {name: tuple(value.shape) for name, value in method.state().items()} == {
        "gram": (41 * 42 // 2,),
        "products": (41, 3),
    }
    again = method_for({"algorithm": "analytic", "features": 40, "ridge": 0.5}, CLASSES)
    again.load(method.state())
    torch.testing.assert_close(again.moments.gram, method.moments.gram, atol=1e-12, rtol=1e-12)
    assert torch.equal(solution(again), solution(method))


def discriminated(shrinkage, order=(1, 2, 3), tasks=TASKS, **values):
    detector = detector_for(TASKS[0], classes=3)
    method = method_for({"algorithm": "slda", "shrinkage": shrinkage} | values, CLASSES)
    for place, number in enumerate(order, start=1):
        method.end_task(detector, Task(place, tasks[number - 1], 16, 1, CPU))
    return detector, method


@pytest.mark.parametrize(("features", "source"), [(0, "embedding"), (12, "embedding"), (12, "input"), (0, "input")])
def test_slda_is_the_recursion_over_single_samples_of_unequal_classes(features, source):
    """S <- (t S + n / (n + 1) d d^T) / (t + 1), n the samples of the class so far; the paper has t for n."""
    tasks = [gaussian_task(1, n=30, classes=3), gaussian_task(2, n=20, classes=3, only=1), gaussian_task(3, n=7)]
    detector, _ = discriminated(0.2, tasks=tasks, features=features, source=source)
    phi = torch.cat([design(detector, task)[:, :-1] for task in tasks])
    counts, means = torch.zeros(3).double(), torch.zeros(3, phi.shape[1]).double()
    unit = torch.eye(phi.shape[1]).double()
    covariance = 0 * unit
    for t, (x, k) in enumerate(zip(phi, torch.cat([task.labels for task in tasks]), strict=True)):
        distance = x - means[k]
        covariance = (t * covariance + counts[k] / (counts[k] + 1) * torch.outer(distance, distance)) / (t + 1)
        counts[k] += 1
        means[k] += distance / counts[k]
    expected = torch.linalg.solve(0.8 * covariance + 0.2 * unit, means.T).T
    torch.testing.assert_close(detector.output.weight, expected.float())
    torch.testing.assert_close(detector.output.bias, -0.5 * (expected * means).sum(1).float())
    assert phi.shape[1] == (features or {"embedding": 16, "input": 8}[source])


def test_slda_never_predicts_a_class_without_samples():
    detector, _ = discriminated(1e-4, order=[1], tasks=[gaussian_task(1, classes=2)])
    assert set(detector(100 * torch.randn(500, 8)).logits.argmax(1).tolist()) == {0, 1}


@pytest.mark.parametrize("shrinkage", [1e-4, 0.3])
def test_slda_is_scikit_learns_discriminant_on_all_data(shrinkage):
    """Scikit-learn shrinks towards the mean variance times I; the embeddings are scaled so that this is I."""
    everything = concatenate(TASKS)
    with torch.no_grad():
        h = detector_for(TASKS[0], classes=3).eval()(everything.features).embedding.double()
    means = torch.stack([h[everything.labels == c].mean(0) for c in range(3)])
    h = h / ((h - means[everything.labels]).square().sum() / len(h) / h.shape[1]).sqrt()
    counts = torch.bincount(everything.labels).double()
    targets = torch.nn.functional.one_hot(everything.labels, 3).double()
    weights, bias = discriminant(h.T @ h, targets.T @ h, counts, shrinkage)
    model = LinearDiscriminantAnalysis(
        solver="lsqr",
        priors=[1 / 3] * 3,
        covariance_estimator=ShrunkCovariance(shrinkage=shrinkage, store_precision=False),
    )
    # Scikit-learn averages the classes' covariances with the priors as weights: classes of equal size give the same.
    assert counts.min() == counts.max()
    model.fit(h.numpy(), everything.labels.numpy())
    expected = model.decision_function(h.numpy())
    result = (h @ weights.T + bias).numpy()
    differences = [(values - values[:, :1]) for values in (result, expected)]
    np.testing.assert_allclose(*differences, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("order", list(itertools.permutations([1, 2, 3])))
def test_slda_does_not_depend_on_the_order_of_the_tasks(order):
    expected, result = discriminated(0.1)[0].output, discriminated(0.1, order)[0].output
    torch.testing.assert_close(result.weight, expected.weight)
    torch.testing.assert_close(result.bias, expected.bias)


def test_freeze_names_the_parts_that_there_are():
    method = method_for({"algorithm": "freeze", "learn": ["hiden"]})
    with pytest.raises(UserError, match=r"no part .hiden.; it has hidden, output$"):
        train(detector_for(TASKS[0]), method, TASKS[:1])


def test_freeze_lets_the_first_layer_alone_learn():
    tasks = [gaussian_task(number) for number in (1, 2)]
    detector, method = detector_for(tasks[0]), method_for({"algorithm": "freeze"})
    before = weights(train(detector, method, tasks, numbers=[1]))
    after = weights(train(detector, method, tasks, numbers=[2]))
    assert {n for n in after if not torch.equal(before[n], after[n])} == {"hidden.0.weight", "hidden.0.bias"}


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


def test_cwr_subtracts_nothing_in_a_task_of_one_class():
    """The mean over one class is the class itself: its weights would become 0."""
    tasks = [gaussian_task(1), gaussian_task(2, n=60, only=0)]
    detector, method = detector_for(tasks[0]), method_for({"algorithm": "cwr"})
    train(detector, method, tasks, numbers=[1])
    before, given = method.weights.clone(), torch.ones(17)
    method.begin_task(detector, Task(2, tasks[1], 16, 2, CPU))
    with torch.no_grad():
        detector.output.weight[0], detector.output.bias[0] = given[:-1], given[-1]
    method.end_task(detector, Task(2, tasks[1], 16, 2, CPU))
    past = (30 / 60) ** 0.5
    torch.testing.assert_close(method.weights, torch.stack([(before[0] * past + given) / (past + 1), before[1]]))
