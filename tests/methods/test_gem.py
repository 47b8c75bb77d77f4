"""GEM and A-GEM: the projection of the gradient against quadratic programs solved by SciPy, and closed forms."""

import numpy as np
import pytest
import torch
from scipy.optimize import minimize
from support.problems import CPU, detector_for, gaussian_task, method_for
from torch.nn import functional as F

from rawm.methods import agem, gem
from rawm.methods.method import Task


def nearest(g, old, margin):
    """g + old^T v, where v solves the dual program of eq. 11, by SLSQP."""
    dual = lambda v: 0.5 * float(((old.T @ v + g) ** 2).sum())  # noqa: E731
    gradient = lambda v: old @ (old.T @ v + g)  # noqa: E731
    bounds = [(margin, None)] * len(old)
    result = minimize(
        dual, np.full(len(old), margin), jac=gradient, bounds=bounds, method="SLSQP", options={"ftol": 1e-16}
    )
    return g + old.T @ result.x


@pytest.mark.parametrize("margin", [0.0, 0.5])
@pytest.mark.parametrize("tasks", [1, 2, 5])
@pytest.mark.parametrize("seed", range(5))
def test_projection_equals_a_quadratic_program(tasks, seed, margin):
    generator = torch.Generator().manual_seed(seed)
    g = torch.randn(30, generator=generator, dtype=torch.float64)
    old = torch.randn(tasks, 30, generator=generator, dtype=torch.float64) - 0.3 * g
    result = gem.project(g, old, margin)
    np.testing.assert_allclose(result.numpy(), nearest(g.numpy(), old.numpy(), margin), atol=1e-5)
    assert (old @ result >= -1e-9).all()
    primal = minimize(
        lambda z: 0.5 * ((z - g.numpy()) ** 2).sum(),
        g.numpy(),
        jac=lambda z: z - g.numpy(),
        constraints={"type": "ineq", "fun": lambda z: old.numpy() @ z, "jac": lambda z: old.numpy()},
        method="SLSQP",
        options={"ftol": 1e-16, "maxiter": 1000},
    )
    if margin == 0:
        np.testing.assert_allclose(result.numpy(), primal.x, atol=1e-5)


def test_a_gradient_that_raises_no_old_loss_is_unchanged():
    g = torch.tensor([1.0, 2.0])
    assert torch.equal(gem.project(g, torch.eye(2), 0.5), g.double())
    assert torch.equal(agem.project(g, torch.tensor([1.0, 0.0])), g.double())


def test_equal_or_opposite_old_gradients_can_be_projected():
    g, old = torch.tensor([-1.0, 1.0]), torch.tensor([1.0, 0.0])
    torch.testing.assert_close(gem.project(g, torch.stack([old, old])), torch.tensor([0.0, 1.0]).double())
    torch.testing.assert_close(gem.project(g, torch.stack([old, -old])), torch.tensor([0.0, 1.0]).double())


@pytest.mark.parametrize("seed", range(5))
def test_agem_is_gem_with_one_old_task(seed):
    g, old = torch.randn(2, 40, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    result = agem.project(g, old)
    torch.testing.assert_close(result, gem.project(g, old[None]))
    product = g @ old
    torch.testing.assert_close(result, g if product >= 0 else g - product / old.square().sum() * old)


@pytest.mark.parametrize("algorithm", ["gem", "agem"])
def test_a_small_step_raises_no_old_loss(algorithm):
    """The gradient that the optimizer is given does not point against any old task's gradient."""
    tasks = [gaussian_task(number) for number in (1, 2, 3)]
    method, detector = method_for({"algorithm": algorithm, "capacity": 40}), detector_for(tasks[0])
    if algorithm == "agem":
        method.settings = method.settings.model_copy(update={"drawn": 40})  # all: its constraint is exact
    for number in (1, 2):
        method.end_task(detector, Task(number, tasks[number - 1], 16, number, CPU))
    method.begin_task(detector, Task(3, tasks[2], 16, 3, CPU))
    kept = method.buffer.by_task() if algorithm == "gem" else [method.buffer.samples]

    def old_losses():
        with torch.no_grad():
            return [float(F.cross_entropy(detector(s.features).logits, s.labels)) for s in kept]

    optimizer, raised = torch.optim.SGD(detector.parameters(), lr=1e-3), {"plain": 0, "method": 0}
    for kind in raised:
        for start in range(0, 60, 10):
            batch = tasks[2].batch(torch.arange(start, start + 10))
            state = {name: value.clone() for name, value in detector.state_dict().items()}
            before = old_losses()
            optimizer.zero_grad()
            output = detector(batch.features)
            F.cross_entropy(output.logits, batch.labels).backward()
            method.step(detector, optimizer, batch, output) if kind == "method" else optimizer.step()
            raised[kind] += sum(b > a + 1e-6 for a, b in zip(before, old_losses(), strict=True))
            detector.load_state_dict(state)
    assert raised["method"] == 0
    assert raised["plain"] > 0
