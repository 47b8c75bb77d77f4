"""The defects of the released code of RAWM, one test each, and our results beside them."""

import pytest
import torch
from support.problems import assert_every_layer_differs, detector_for, gaussian_task, method_for, train, weights
from support.released import Released, released_update
from torch import nn

from rawm.methods.parts import projection
from rawm.methods.parts.class_ratio import class_ratio

TASKS = [gaussian_task(number) for number in (1, 2)]
LABELS = ["genuine", "fake", "fake", "fake"]


def gradients(network, x):
    """The network with the gradients of some loss."""
    network.zero_grad()
    output = network(x)
    (output if isinstance(output, torch.Tensor) else output.logits).square().sum().backward()
    return {name: p.grad.clone() for name, p in network.named_parameters()}


def inputs(n=20, d=16, seed=0):
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize("experience", [0, 1])
def test_the_released_projection_changes_no_layer_of_an_mlp(experience):
    detector = detector_for(TASKS[0])
    x = TASKS[1].features
    before = gradients(detector, x)
    Released(x.shape[1]).before_step(detector, x.mean(0), LABELS, experience)
    after = {name: p.grad for name, p in detector.named_parameters()}
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_it_runs_only_for_a_bare_layer_in_dataparallel_and_a_counter_that_is_never_set():
    layer = nn.Module()
    layer.module = nn.Linear(8, 2)
    layer.forward = lambda x: layer.module(x)
    x = TASKS[0].features
    before = gradients(layer, x)
    rule = Released(8)
    rule.before_step(layer, x.mean(0), LABELS, experience=0)
    assert torch.equal(layer.module.weight.grad, before["module.weight"])
    rule.before_step(layer, x.mean(0), LABELS, experience=1)
    assert not torch.equal(layer.module.weight.grad, before["module.weight"])
    assert torch.equal(layer.module.bias.grad, before["module.bias"])  # never protected


def test_rawm_changes_every_layer_where_the_released_rule_changes_none():
    plain = weights(train(detector_for(TASKS[0]), method_for({"algorithm": "finetune"}), TASKS))
    values = {"algorithm": "rawm", "eta": 0, "scale": 0.1}
    assert_every_layer_differs(plain, weights(train(detector_for(TASKS[0]), method_for(values), TASKS)))


def test_p_never_sees_the_first_task():
    layer = nn.Module()
    layer.module = nn.Linear(8, 2)
    layer.forward = lambda x: layer.module(x)
    rule = Released(8)
    for _ in range(10):
        gradients(layer, TASKS[0].features)
        rule.before_step(layer, TASKS[0].features.mean(0), LABELS, experience=0)
    assert torch.equal(rule.p, torch.eye(8))


def test_element_wise_division_is_not_the_recursion():
    x = inputs()
    eye = torch.eye(16, dtype=torch.float64)
    released = eye
    for row in x:
        k = (released @ row)[:, None]
        released = released - (k @ (row[None] @ released)) / (1 + k @ row[None])
    closed = torch.linalg.inv(x.T @ x + eye)
    right = projection.rls_recursion(eye, x, 1.0)
    torch.testing.assert_close(right, closed, atol=1e-10, rtol=0)
    assert torch.linalg.matrix_norm(released - closed) > 1
    eigenvalues = torch.linalg.eigvals(released).real
    assert eigenvalues.min() < 0 or eigenvalues.max() > 1  # P of the recursion lies between 0 and I
    assert torch.linalg.matrix_norm(x @ released) > 10 * torch.linalg.matrix_norm(
        x @ right
    )  # old inputs are not protected


def test_q_of_an_invertible_p_is_zero_and_normalised_q_is_noise():
    x = inputs(n=4)
    eye = torch.eye(16, dtype=torch.float64)
    p = projection.rls_recursion(eye, x, 1.0)

    def q_of(p):
        return eye - p @ torch.linalg.inv(p.T @ p) @ p.T

    q = q_of(p)
    assert torch.linalg.matrix_norm(q) < 1e-10
    noise = torch.randn(16, 16, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    other = q_of(p * (1 + 1e-14 * noise))
    cosine = (q * other).sum() / torch.linalg.matrix_norm(q) / torch.linalg.matrix_norm(other)
    assert cosine.abs() < 0.5  # the last bit of P decides where the normalised Q points
    assert not projection.paper(*projection.eigen(x.T @ x), 1.0, rcond=1e-3).given.any()


@pytest.mark.parametrize("d", [16, 64, 256])
def test_dividing_p_by_its_norm_shrinks_the_step_with_the_width(d):
    gradient, eye = torch.randn(4, d, dtype=torch.float64), torch.eye(d, dtype=torch.float64)
    _, moved = released_update(eye, inputs(1, d)[0] / d, gradient, 0.0, 1.0)
    shrunk = torch.linalg.matrix_norm(moved) / torch.linalg.matrix_norm(gradient)
    assert shrunk == pytest.approx(d**-0.5, rel=0.1)


def test_without_protected_inputs_the_released_rule_divides_zero_by_zero():
    eye = torch.eye(16, dtype=torch.float64)
    _, moved = released_update(eye, torch.zeros(16, dtype=torch.float64), torch.ones(4, 16).double(), 1.0, 1.0)
    assert torch.isnan(moved).all()


@pytest.mark.parametrize("labels", [["genuine"] * 4, ["fake"] * 4])
def test_the_released_rule_fails_on_a_minibatch_of_one_class(labels):
    detector = detector_for(TASKS[0])
    x = TASKS[0].features
    gradients(detector, x)
    with pytest.raises(KeyError):
        Released(8).before_step(detector, x.mean(0), labels, experience=1)
    index = torch.tensor([("fake", "genuine").index(label) for label in labels])
    assert class_ratio(index, torch.tensor([False, True])) in (5.0, 0.2)
