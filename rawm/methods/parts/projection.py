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
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from rawm.config.methods import Regularized


def eigen(statistics: Tensor) -> tuple[Tensor, Tensor]:
    """Eigenvalues (d,), largest first and never negative, and eigenvectors (d, d) in columns, of C (d, d)."""
    values, vectors = torch.linalg.eigh(statistics.double())
    return values.flip(0).clamp_min(0), vectors.flip(1)


def rank_for_energy(eigenvalues: Tensor, energy: float) -> int:
    """Smallest k whose k largest eigenvalues hold the share `energy` of the trace; 0 for an empty C.

    With energy = 1, k counts every eigenvalue above rounding (d eps s_1), so that no used direction is left out.
    """
    total = eigenvalues.sum()
    if total <= 0:
        return 0
    if energy >= 1:
        floor = eigenvalues[0] * len(eigenvalues) * torch.finfo(eigenvalues.dtype).eps
        return int((eigenvalues > floor).sum())
    reached = torch.cumsum(eigenvalues, 0) >= energy * total
    return int(reached.long().argmax()) + 1 if bool(reached.any()) else len(eigenvalues)


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
    k = rank_for_energy(values, energy)
    ones = torch.ones(k, dtype=torch.float64, device=values.device)
    return Projector(vectors[:, :k].contiguous(), ones, ones.clone(), ones.new_ones(()))


def rls(values: Tensor, vectors: Tensor, alpha: float) -> Projector:
    """P = alpha (C + alpha I)^-1, Q = I - P: the result of the recursion of [1], from P = I, over all inputs of C.

    Along an eigenvector of C with eigenvalue s, P keeps alpha / (s + alpha).
    """
    k = rank_for_energy(values, 1.0)
    taken = values[:k] / (values[:k] + alpha)
    return Projector(vectors[:, :k].contiguous(), taken, taken.clone(), taken.new_ones(()))


def of_variant(settings: Regularized) -> Callable[[Tensor, Tensor], Projector]:
    """The function (eigenvalues, eigenvectors) -> projector that RAWM's or RWM's settings choose."""
    if settings.variant == "paper":
        return lambda values, vectors: paper(values, vectors, settings.alpha, settings.rcond)
    return lambda values, vectors: spectral(values, vectors, settings.energy)


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
