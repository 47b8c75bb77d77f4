"""Projectors: closed forms and properties from linear algebra."""

import numpy as np
import pytest
import scipy.linalg
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from rawm.methods.parts import projection

EYE = torch.eye(12, dtype=torch.float64)


def inputs(n, d=12, rank=None, seed=0):
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(n, rank or d, generator=generator, dtype=torch.float64)
    return x if rank is None else x @ torch.randn(rank, d, generator=generator, dtype=torch.float64)


def keep(projector):
    """P (d, d)."""
    return projector.apply(EYE, 0.0)


def used(projector):
    """Q (d, d)."""
    return projector.apply(EYE, 1.0) - projector.apply(EYE, 0.0)


@given(n=st.integers(1, 40), alpha=st.floats(1e-3, 10), seed=st.integers(0, 999))
@settings(max_examples=50, deadline=None)
def test_rls_closed_form_is_the_recursion(n, alpha, seed):
    x = inputs(n, seed=seed)
    closed = keep(projection.rls(*projection.eigen(x.T @ x), alpha))
    torch.testing.assert_close(closed, projection.rls_recursion(EYE, x, alpha), atol=1e-10, rtol=1e-8)


def test_rls_is_symmetric_between_0_and_1_and_shrinks_with_every_task():
    c, previous = torch.zeros(12, 12, dtype=torch.float64), EYE
    for task in range(4):
        x = inputs(5, seed=task)
        c = c + x.T @ x
        p = keep(projection.rls(*projection.eigen(c), 0.5))
        values = torch.linalg.eigvalsh(p)
        torch.testing.assert_close(p, p.T, atol=1e-14, rtol=0)
        assert values.min() >= -1e-12 and values.max() <= 1 + 1e-12
        assert torch.linalg.eigvalsh(previous - p).min() > -1e-12
        previous = p


@given(n=st.integers(1, 40), energy=st.floats(0.1, 1), gain=st.floats(-1, 3), seed=st.integers(0, 999))
@settings(max_examples=50, deadline=None)
def test_spectral_parts_are_orthogonal_projections(n, energy, gain, seed):
    x = inputs(n, seed=seed)
    projector = projection.spectral(*projection.eigen(x.T @ x), energy)
    p, q = keep(projector), used(projector)
    torch.testing.assert_close(p + q, EYE, atol=1e-10, rtol=0)
    torch.testing.assert_close(p @ p, p, atol=1e-10, rtol=0)
    torch.testing.assert_close(p @ q, torch.zeros_like(p), atol=1e-10, rtol=0)
    torch.testing.assert_close(projector.apply(EYE, gain), p + gain * q, atol=1e-10, rtol=0)


def test_spectral_with_gain_1_changes_no_bit():
    update = torch.randn(7, 12)
    projector = projection.spectral(*projection.eigen(inputs(30).T @ inputs(30)), 0.9).to(update)
    assert torch.equal(projector.apply(update, 1.0), update)


@pytest.mark.parametrize("rank", [1, 5, 12])
def test_all_energy_protects_exactly_the_span_of_the_inputs(rank):
    x = inputs(50, rank=rank)
    projector = projection.spectral(*projection.eigen(x.T @ x), 1.0)
    assert projector.basis.shape == (12, rank)
    torch.testing.assert_close(projector.apply(x, 0.0), torch.zeros_like(x), atol=1e-9, rtol=0)
    angles = scipy.linalg.subspace_angles(projector.basis.numpy(), scipy.linalg.orth(x.T.numpy()))
    assert np.abs(angles).max() < 1e-6


def test_the_rank_is_the_smallest_that_holds_the_energy():
    x = inputs(100)
    values, _ = projection.eigen(x.T @ x)
    for energy in (0.3, 0.7, 0.95, 0.999):
        k = projection.rank_for_energy(values, energy)
        assert values[:k].sum() >= energy * values.sum() > values[: k - 1].sum()


@given(tasks=st.integers(1, 6), n=st.integers(1, 15), energy=st.floats(0.1, 1), seed=st.integers(0, 999))
@settings(max_examples=50, deadline=None)
def test_residual_directions_only_grow_and_protect_every_task(tasks, n, energy, seed):
    projector, seen = None, []
    for task in range(tasks):
        x = (1 + 4 * (task > 0)) * inputs(n, rank=min(n, 4), seed=seed + 1000 * task)
        seen.append(x.T @ x)
        before, projector = projector, projection.residual(seen[-1], energy, projector)
        p, q = keep(projector), used(projector)
        torch.testing.assert_close(p @ p, p, atol=1e-9, rtol=0)
        torch.testing.assert_close(p + q, EYE, atol=1e-9, rtol=0)
        for c in seen:
            assert float((projector.basis * (c @ projector.basis)).sum() / c.trace()) >= energy - 1e-9
        if before is not None:
            assert torch.linalg.eigvalsh(keep(before) - p).min() > -1e-9  # P never grows
            assert torch.equal(projector.basis[:, : before.basis.shape[1]], before.basis)


def test_residual_directions_are_the_fewest_and_those_of_the_sum_after_one_task():
    x, y = inputs(30, rank=5), inputs(30, rank=5, seed=1)
    first = projection.residual(x.T @ x, 0.9, None)
    assert torch.equal(first.basis, projection.spectral(*projection.eigen(x.T @ x), 0.9).basis)
    c = y.T @ y
    second = projection.residual(c, 0.9, first)
    fewer = second.basis[:, :-1]
    assert float((fewer * (c @ fewer)).sum()) < 0.9 * float(c.trace())


@pytest.mark.parametrize("energy", [0.7, 0.95, 0.999])
def test_residual_directions_are_those_of_gpm(energy):
    """Against the paper's algorithm: singular vectors of the inputs outside of the memory M, one task after another."""
    projector, memory = None, np.zeros((12, 0))
    for task in range(4):
        x = inputs(30, rank=6, seed=task)
        projector = projection.residual(x.T @ x, energy, projector)
        r = x.T.numpy()  # (d, n): one column a sample
        inside = memory @ (memory.T @ r)
        u, s, _ = np.linalg.svd(r - inside, full_matrices=False)
        held, k = (inside**2).sum(), 0
        while held < energy * (r**2).sum():
            held += s[k] ** 2
            k += 1
        memory = np.hstack([memory, u[:, :k]])
        assert projector.basis.shape == memory.shape
        np.testing.assert_allclose(projector.basis @ projector.basis.T, memory @ memory.T, atol=1e-8)


def test_without_inputs_nothing_is_protected():
    projector = projection.spectral(*projection.eigen(torch.zeros(12, 12)), 0.99)
    assert projector.basis.shape == (12, 0)
    assert torch.equal(projector.apply(EYE, 0.0), EYE)


def test_the_published_q_is_zero_for_an_invertible_p():
    x = inputs(4)
    values, vectors = projection.eigen(x.T @ x)
    p = keep(projection.rls(values, vectors, 1.0))
    printed = EYE - p @ torch.linalg.inv(p.T @ p) @ p.T
    assert torch.linalg.matrix_norm(printed) < 1e-8  # rounding noise, whatever it is divided by afterwards
    assert not projection.paper(values, vectors, 1.0, rcond=1e-3).given.any()


def test_the_papers_pair_has_unit_norms_and_q_projects_on_the_used_directions():
    x = 1000 * inputs(50, rank=3)
    values, vectors = projection.eigen(x.T @ x)
    pair = projection.paper(values, vectors, 1.0, rcond=1e-3)
    p = keep(projection.rls(values, vectors, 1.0))
    torch.testing.assert_close(keep(pair), p / torch.linalg.matrix_norm(p), atol=1e-10, rtol=0)
    assert torch.linalg.matrix_norm(used(pair)).item() == pytest.approx(1)
    q = used(pair) * 3**0.5
    torch.testing.assert_close(q @ q, q, atol=1e-9, rtol=0)
    torch.testing.assert_close(x @ q, x, atol=1e-6, rtol=1e-6)


def test_projectors_are_restored_from_their_tensors():
    pairs = projection.eigen(inputs(9).T @ inputs(9))
    for projector in (
        projection.spectral(*pairs, 0.9),
        projection.rls(*pairs, 1.0),
        projection.paper(*pairs, 1e-3, 1e-2),
    ):
        again = projection.from_tensors(projector.tensors())
        assert torch.equal(again.apply(EYE, 0.3), projector.apply(EYE, 0.3))
