"""EWC, SI and MAS: importances against closed forms, scikit-learn and plain loops; sums of penalties."""

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from support.gradients import loop
from support.problems import CPU, detector_for, gaussian_task, method_for, train, weights
from torch.nn import functional as F

from rawm.config.study import Training
from rawm.methods.ewc import fisher
from rawm.methods.method import Task
from rawm.methods.parts.importance import QuadraticPenalty

TASKS = [gaussian_task(number) for number in (1, 2, 3)]
SGD = Training(epochs=2, batch_size=16, learning_rate=0.05, optimizer="sgd", momentum=0.0)


def task_of(samples):
    return Task(1, samples, 16, 0, CPU)


def assert_close(one, other, **tolerance):
    assert one.keys() == other.keys()
    for name in one:
        torch.testing.assert_close(one[name], other[name], **tolerance)


@pytest.mark.parametrize("frames", [False, True])
def test_true_label_fisher_equals_a_backward_pass_for_each_sample(frames):
    samples = gaussian_task(1, n=25, frames=frames)
    detector = detector_for(samples)
    expected = loop(detector, samples, lambda z, y: -F.cross_entropy(z[None], y[None]), torch.square)
    assert_close(fisher(detector, task_of(samples), "true"), expected, rtol=1e-4, atol=1e-9)


def test_model_fisher_of_a_linear_detector_is_its_closed_form():
    detector = detector_for(TASKS[0], hidden=(), classes=3)
    x = ((TASKS[0].features - detector.input_mean) / detector.input_std).double()
    p = torch.softmax(detector(TASKS[0].features).logits.detach().double(), dim=1)
    # E_y (1[y = c] - p_c)^2 = p_c (1 - p_c): the weight of class c and input i has the mean of that times x_i^2.
    expected = ((p * (1 - p)).T @ x.square() / len(x)).float()
    result = fisher(detector, task_of(TASKS[0]), "model")
    torch.testing.assert_close(result["output.weight"], expected, rtol=1e-4, atol=1e-9)
    torch.testing.assert_close(result["output.bias"], (p * (1 - p)).mean(0).float(), rtol=1e-4, atol=1e-9)


def test_model_fisher_is_the_hessian_diagonal_of_scikit_learns_logistic_regression():
    model = LogisticRegression(C=1.0).fit(TASKS[0].features.numpy(), TASKS[0].labels.numpy())
    detector = detector_for(TASKS[0], hidden=())
    detector.standardise(torch.zeros(8), torch.ones(8))
    with torch.no_grad():  # logits (0, w x + b) have scikit-learn's probabilities
        detector.output.weight.copy_(torch.from_numpy(np.vstack([np.zeros(8), model.coef_[0]])))
        detector.output.bias.copy_(torch.tensor([0.0, model.intercept_[0]]))
    p = model.predict_proba(TASKS[0].features.numpy())[:, 1]
    hessian = (p * (1 - p))[:, None] * TASKS[0].features.numpy() ** 2
    result = fisher(detector, task_of(TASKS[0]), "model")["output.weight"][1]
    np.testing.assert_allclose(result.numpy(), hessian.mean(0), rtol=1e-3, atol=1e-9)


def test_the_fisher_differs_from_the_squared_minibatch_gradient():
    """The square of a mean is not the mean of squares."""
    detector = detector_for(TASKS[0])
    result = fisher(detector, task_of(TASKS[0]), "true")
    detector.zero_grad()
    F.cross_entropy(detector(TASKS[0].features).logits, TASKS[0].labels).backward()
    assert result["output.weight"].sum() > 2 * detector.output.weight.grad.square().sum()


def test_separate_penalties_add_up():
    """The merged quadratic has the gradient of one penalty per task, and differs from their sum by a constant."""
    detector, kept, terms = detector_for(TASKS[0]), QuadraticPenalty(), []
    for number in range(3):
        with torch.no_grad():
            for p in detector.parameters():
                p += torch.randn(p.shape, generator=torch.Generator().manual_seed(number))
        importance = fisher(detector, task_of(TASKS[number]), "true")
        importance["hidden.0.bias"][:4] = 0  # needed by no task
        kept.merge(importance, detector)
        terms.append((importance, weights(detector)))

    def values(shift):
        with torch.no_grad():
            for p in detector.parameters():
                p += shift
        named = dict(detector.named_parameters())
        ours = kept.value(detector)
        theirs = sum((f[n] * (named[n] - w[n]).square()).sum() for f, w in terms for n in named)
        gradients = [torch.autograd.grad(value, list(named.values())) for value in (ours, theirs)]
        return ours.item(), theirs.item(), gradients

    one, other = values(0.3), values(-0.7)
    for gradients in (one[2], other[2]):
        for ours, theirs in zip(*gradients, strict=True):
            torch.testing.assert_close(ours, theirs, rtol=1e-3, atol=1e-5)
    assert one[1] - one[0] == pytest.approx(other[1] - other[0], rel=1e-3)
    assert_close(
        dict(zip(kept.gradient(detector), other[2][1], strict=True)), kept.gradient(detector), rtol=1e-3, atol=1e-5
    )


def test_online_ewc_decays_the_old_importance():
    method, detector = method_for({"algorithm": "ewc", "form": "online", "decay": 0.5}), detector_for(TASKS[0])
    expected = None
    for number in (1, 2, 3):
        train(detector, method, TASKS, numbers=[number])
        new = fisher(detector, task_of(TASKS[number - 1]), "true")
        expected = {n: new[n] + (0.5 * expected[n] if expected else 0) for n in new}
    state = method.state()
    assert_close({n: state[f"importance.{n}"] for n in expected}, expected, rtol=1e-4, atol=1e-9)
    assert_close({n: state[f"centre.{n}"] for n in expected}, weights(detector))


def test_ewc_adds_half_lambda_times_the_penalty():
    method, detector = method_for({"algorithm": "ewc", "lambda": 8}), detector_for(TASKS[0])
    train(detector, method, TASKS, numbers=[1])
    f, centre = fisher(detector, task_of(TASKS[0]), "true"), weights(detector)
    with torch.no_grad():
        for p in detector.parameters():
            p += 0.1
    loss = method.loss(detector, TASKS[0].batch(torch.arange(4)), None, torch.tensor(1.0))
    expected = 1 + 4 * sum((f[n] * (p - centre[n]).square()).sum() for n, p in detector.named_parameters())
    torch.testing.assert_close(loss, expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_si_equals_its_path_integral(optimizer):
    """Every step of both tasks by hand: autograd of the cross-entropy alone, the actual move, eq. 4 and 5."""
    training = SGD.model_copy(update={"optimizer": optimizer})
    values = {"algorithm": "si", "c": 0.5, "xi": 0.01}
    method, detector, twin = method_for(values), detector_for(TASKS[0]), detector_for(TASKS[0])
    omega_sum, centre, record = None, None, []

    class Recorded(type(method)):
        def step(self, detector, optimizer, batch, output):
            before = weights(detector)
            super().step(detector, optimizer, batch, output)
            record.append((batch, before, weights(detector)))

    method.__class__ = Recorded
    for number in (1, 2):
        start, record[:] = weights(detector), []
        train(detector, method, TASKS, training, numbers=[number])
        omega = {n: torch.zeros_like(w) for n, w in start.items()}
        for batch, before, after in record:
            twin.load_state_dict(before, strict=False)
            gradients = torch.autograd.grad(
                F.cross_entropy(twin(batch.features).logits, batch.labels), list(twin.parameters())
            )
            for n, g in zip(before, gradients, strict=True):
                omega[n] -= g * (after[n] - before[n])
            if optimizer == "sgd":  # the step itself: eq. 4's loss, by hand
                for n, g in zip(before, gradients, strict=True):
                    if omega_sum:
                        g = g + 0.5 * 2 * omega_sum[n] * (before[n] - centre[n])
                    torch.testing.assert_close(after[n], before[n] - 0.05 * g, rtol=1e-4, atol=1e-6)
        new = {n: o.clamp_min(0) / ((weights(detector)[n] - start[n]).square() + 0.01) for n, o in omega.items()}
        omega_sum = {n: new[n] + (omega_sum[n] if omega_sum else 0) for n in new}
        centre = weights(detector)
        state = method.state()
        assert_close({n: state[f"importance.{n}"] for n in new}, omega_sum, rtol=1e-3, atol=1e-5)
    assert sum(o.sum() for o in omega_sum.values()) > 0.01


def test_mas_equals_a_backward_pass_for_each_sample_summed_over_tasks():
    method, detector = method_for({"algorithm": "mas"}), detector_for(TASKS[0])
    expected = None
    for number in (1, 2):
        train(detector, method, TASKS, numbers=[number])
        new = loop(detector, TASKS[number - 1], lambda z, _: z.square().sum(), torch.abs)
        expected = {n: new[n] + (expected[n] if expected else 0) for n in new}
    state = method.state()
    assert_close({n: state[f"importance.{n}"] for n in expected}, expected, rtol=1e-4, atol=1e-7)


def test_mas_needs_no_labels():
    states = []
    for labels in (TASKS[0].labels, 1 - TASKS[0].labels):
        method, detector = method_for({"algorithm": "mas"}), detector_for(TASKS[0])
        method.end_task(detector, task_of(type(TASKS[0])(TASKS[0].ids, labels, TASKS[0].features)))
        states.append(method.state())
    assert_close(*states, rtol=0, atol=0)


@pytest.mark.parametrize(
    "values",
    [
        {"algorithm": "ewc", "lambda": 100},
        {"algorithm": "ewc", "lambda": 100, "form": "online"},
        {"algorithm": "si", "c": 1},
        {"algorithm": "mas", "lambda": 10},
    ],
)
def test_a_strong_penalty_keeps_important_weights(values):
    """Weighted by the first task's Fisher information, the weights move less than in fine-tuning."""
    training = Training(epochs=10, batch_size=16, learning_rate=0.01, optimizer="sgd", momentum=0.0)

    def moved(values):
        method, detector = method_for(values), detector_for(TASKS[0])
        train(detector, method, TASKS, training, numbers=[1])
        before, needed = weights(detector), fisher(detector, task_of(TASKS[0]), "true")
        train(detector, method, TASKS, training, numbers=[2])
        return sum(float((needed[n] * (w - before[n]).square()).sum()) for n, w in weights(detector).items())

    assert moved(values) < 0.5 * moved({"algorithm": "finetune"})
