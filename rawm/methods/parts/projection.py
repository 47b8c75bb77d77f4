"""Projectors of weight updates: which directions may change, and which directions old inputs used.

Pure tensor maths in float64: no layers, no files, no device names. Notation of the papers: a weight matrix W
(out x in) has inputs a (in; a constant 1 is appended where the layer has a bias, so that the bias is protected too);
C = sum of a a^T over the inputs to be protected. An update dW is replaced by dW R with

    R = P + gain Q

P keeps the directions that old inputs did not use, Q those they used; gain = 0 protects fully (OWM), and in the
spectral form gain = 1 is plain fine-tuning. P and Q are functions of C and share its eigenvectors U, so R is a multiple
of the identity, corrected in the k used directions. An update is never multiplied with a d x d matrix.

References:
    [1] Zeng, Chen, Cui, Yu: Continual learning of context-dependent processing in neural networks. Nature Machine
        Intelligence 1, 2019 (OWM).
    [2] Zhang, Yi, Tao, Wang, Zhang: Do You Remember? Overcoming Catastrophic Forgetting for Fake Audio Detection.
        ICML 2023 (RAWM).
    [3] Saha, Garg, Roy: Gradient Projection Memory for Continual Learning. ICLR 2021, arXiv:2103.09762 (GPM).
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from rawm.config.methods import OWM, Projection, Regularized

#: (C of the finished task, C of all tasks, both (d, d); projector so far or None) -> projector.
Rule = Callable[[Tensor, Tensor, "Projector | None"], "Projector"]


def eigen(statistics: Tensor) -> tuple[Tensor, Tensor]:
    """Eigenvalues (d,), largest first and never negative, and eigenvectors (d, d) in columns, of C (d, d)."""
    values, vectors = torch.linalg.eigh(statistics.double())
    return values.flip(0).clamp_min(0), vectors.flip(1)


def rank_for_energy(eigenvalues: Tensor, energy: float, held: float = 0.0) -> int:
    """Smallest k with which `held` and the k largest eigenvalues hold the share `energy` of held + trace; 0 for C = 0.

    With energy = 1, k counts every eigenvalue above rounding, so that no used direction is left out.

    Args:
        eigenvalues: (d,), largest first.
        held: energy that other directions hold already.
    """
    if energy >= 1:
        floor = max(held, float(eigenvalues[0])) * len(eigenvalues) * torch.finfo(eigenvalues.dtype).eps
        return int((eigenvalues > floor).sum())
    total = held + eigenvalues.sum()
    sums = held + torch.cumsum(eigenvalues, 0)
    return int((sums < energy * total).sum()) + int(held < energy * total)


@dataclass(frozen=True)
class Projector:
    """R(gain) = scale I - U diag(taken - gain given) U^T.

    Attributes:
        basis: U (d, k), orthonormal columns.
        taken: (k,) share that P removes along each direction.
        given: (k,) share that Q restores along each direction, times gain.
        scale: () factor of all directions outside of U; 1 except for the published RAWM pair.
    """

    basis: Tensor
    taken: Tensor
    given: Tensor
    scale: Tensor

    def removed(self, gain: float) -> Tensor:
        """(k,) share that R(gain) removes along each direction; exactly 0 where gain = 1 and taken = given."""
        return self.taken - gain * self.given

    @property
    def gives_all_back(self) -> bool:
        """Whether R(1) is exactly the identity: Q restores all that P removes, as in `spectral` and `rls`."""
        return bool((self.taken == self.given).all() and self.scale == 1)

    def apply(self, update: Tensor, gain: float) -> Tensor:
        """Return dW R(gain) (out, d); costs 2 out d k multiplications."""
        return self.scale * update - ((update @ self.basis) * self.removed(gain)) @ self.basis.T

    def to(self, like: Tensor) -> "Projector":
        """The same projector in the type and on the device of `like`."""
        return Projector(*(value.to(like) for value in (self.basis, self.taken, self.given, self.scale)))

    def tensors(self) -> dict[str, Tensor]:
        """The projector's tensors by name, for `from_tensors`."""
        return {name: getattr(self, name) for name in ("basis", "taken", "given", "scale")}


def from_tensors(tensors: dict[str, Tensor]) -> Projector:
    """Build a projector from its `tensors`; other names are ignored."""
    return Projector(*(tensors[name] for name in ("basis", "taken", "given", "scale")))


def spectral(values: Tensor, vectors: Tensor, energy: float) -> Projector:
    """P = I - U U^T, Q = U U^T, where U holds the share `energy` (0..1] of trace(C).

    P and Q are orthogonal projections: P^2 = P, P Q = 0, P + Q = I.
    """
    return _protecting(vectors[:, : rank_for_energy(values, energy)].contiguous())


def _protecting(basis: Tensor) -> Projector:
    """P = I - U U^T and Q = U U^T for the orthonormal columns of `basis` (d, k)."""
    ones = basis.new_ones(basis.shape[1])
    return Projector(basis, ones, ones.clone(), ones.new_ones(()))


def rls(values: Tensor, vectors: Tensor, alpha: float) -> Projector:
    """P = alpha (C + alpha I)^-1, Q = I - P: the result of the recursion of [1], from P = I, over all inputs of C.

    Along an eigenvector of C with eigenvalue s, P keeps alpha / (s + alpha).
    """
    k = rank_for_energy(values, 1.0)
    taken = values[:k] / (values[:k] + alpha)
    return Projector(vectors[:, :k].contiguous(), taken, taken.clone(), taken.new_ones(()))


def residual(statistics: Tensor, energy: float, previous: Projector | None) -> Projector:
    """Extend the protected directions by the fewest that bring this task's protected energy to the share `energy`.

    The basis of a gradient projection memory [3, eq. 6 to 9]: eigenvectors of the part of C that lies outside of the
    directions protected so far are added. The basis only grows, so no later task, however large its inputs, takes
    protection from an earlier one: tr(U^T C_t U) >= energy tr(C_t) holds for every task t seen.

    Args:
        statistics: C (d, d) of the finished task alone.
        previous: the projector of the tasks before; None after the first task.
    """
    statistics = statistics.double()
    if previous is None:
        return spectral(*eigen(statistics), energy)
    basis = previous.basis
    outside = _without(_without(statistics, basis).T, basis)
    values, vectors = eigen((outside + outside.T) / 2)
    held = float((basis * (statistics @ basis)).sum())
    k = min(rank_for_energy(values, energy, held), len(values) - basis.shape[1])
    new = torch.linalg.qr(_without(vectors[:, :k], basis)).Q  # eigenvectors are orthogonal but for rounding
    return _protecting(torch.cat([basis, new], dim=1))


def _without(x: Tensor, basis: Tensor) -> Tensor:
    """The part of the columns of x (d, n) that is orthogonal to the basis (d, k)."""
    return x - basis @ (basis.T @ x)


def rule(settings: Projection) -> Rule:
    """The function from input statistics to a projector that the settings of OWM, RAWM or RWM choose."""
    if isinstance(settings, Regularized) and settings.variant == "paper":
        return lambda task, total, previous: paper(*eigen(total), settings.alpha, settings.rcond)
    if isinstance(settings, OWM) and settings.projector == "rls":
        return lambda task, total, previous: rls(*eigen(total), settings.alpha)
    if settings.accumulate == "sum":
        return lambda task, total, previous: spectral(*eigen(total), settings.energy)
    return lambda task, total, previous: residual(task, settings.energy, previous)


def rls_recursion(projector: Tensor, inputs: Tensor, alpha: float) -> Tensor:
    """Update P (d, d) by inputs (n, d), one after another: k = P x / (alpha + x^T P x), P <- P - k x^T P [1, eq. 3].

    The denominator is a scalar. Training uses `rls`; this is its reference in tests.
    """
    p = projector.double().clone()
    for x in inputs.double():
        px = p @ x
        p -= torch.outer(px, px) / (alpha + x @ px)
    return p


def paper(values: Tensor, vectors: Tensor, alpha: float, rcond: float) -> Projector:
    """The published RAWM pair [2]: P by recursive least squares, Q = I - P (P^T P)^-1 P^T, both over their norms.

    Deviations:
        For an invertible P, and every P of the recursion is invertible, Q as printed is exactly 0, and its normalised
        form is rounding noise of the size of P. Here (P^T P)^-1 is a truncated pseudo-inverse: directions whose
        singular value of P is below `rcond` times the largest are dropped, and Q projects onto them. If there is no
        such direction, Q = 0.
    """
    ridge = rls(values, vectors, alpha)
    kept = 1 - ridge.taken  # the eigenvalues of P along U; 1 elsewhere
    elsewhere = len(values) - len(kept)
    largest = 1.0 if elsewhere else kept.max()
    used = (kept < rcond * largest).double()
    norm = (kept.square().sum() + elsewhere).sqrt()
    return Projector(ridge.basis, ridge.taken / norm, used / used.sum().clamp_min(1).sqrt(), 1 / norm)
