"""Projectors: what a weight update may change, and what the past has used.

Pure tensor maths in float64: no layers, no files, no device names. Notation of the papers: a weight matrix W
(out x in) sees inputs a (in; a constant 1 is appended where the layer has a bias, so that the bias is protected too);
C = sum of a a^T over the inputs to be protected. An update dW is replaced by dW R with

    R = P + gain Q

P keeps what may change, Q what the past has used; gain = 0 protects fully (OWM), and in the spectral form gain = 1 is
plain fine-tuning.

References:
    [1] Zeng, Chen, Cui, Yu: Continual learning of context-dependent processing in neural networks. Nature Machine
        Intelligence 1, 2019 (OWM).
    [2] Zhang, Yi, Tao, Wang, Zhang: Do You Remember? Overcoming Catastrophic Forgetting for Fake Audio Detection.
        ICML 2023 (RAWM).
"""

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor


class Projector(Protocol):
    """Replaces an update dW (out, d) by dW R(gain) (out, d)."""

    def apply(self, update: Tensor, gain: float) -> Tensor: ...

    def to(self, like: Tensor) -> "Projector": ...

    def tensors(self) -> dict[str, Tensor]: ...


def eigen(statistics: Tensor) -> tuple[Tensor, Tensor]:
    """Eigenvalues (d,), largest first and never negative, and eigenvectors (d, d) in columns, of C (d, d)."""
    values, vectors = torch.linalg.eigh(statistics.double())
    return values.flip(0).clamp_min(0), vectors.flip(1)


def rank_for_energy(eigenvalues: Tensor, energy: float) -> int:
    """Least k whose k largest eigenvalues hold `energy` of the trace; 0 for an empty C.

    With energy = 1 every direction counts whose eigenvalue is above rounding (d eps s_1), so that nothing the past
    has used is left out.
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
class Spectral:
    """P = I - U U^T, Q = U U^T with U (d, k) the leading eigenvectors of C.

    Never stores d x d; applying it costs O(out d k). P and Q are orthogonal projections: P^2 = P, P Q = 0.
    """

    basis: Tensor

    def apply(self, update: Tensor, gain: float) -> Tensor:
        """Return dW - (1 - gain) (dW U) U^T. Exactly dW for gain = 1 (multiplied by 0, which changes no bit)."""
        return update - (1 - gain) * ((update @ self.basis) @ self.basis.T)

    def to(self, like: Tensor) -> "Spectral":
        """The same projector in the type and on the device of `like`."""
        return Spectral(self.basis.to(like))

    def tensors(self) -> dict[str, Tensor]:
        return {"basis": self.basis}


def spectral(statistics: Tensor, energy: float) -> Spectral:
    """The spectral projector that protects `energy` (0..1] of trace(C)."""
    values, vectors = eigen(statistics)
    return Spectral(vectors[:, : rank_for_energy(values, energy)].contiguous())


@dataclass(frozen=True)
class Dense:
    """P and Q as matrices (d, d)."""

    keep: Tensor
    used: Tensor

    def apply(self, update: Tensor, gain: float) -> Tensor:
        """Return dW (P + gain Q)."""
        return update @ (self.keep + gain * self.used)

    def to(self, like: Tensor) -> "Dense":
        """The same projector in the type and on the device of `like`."""
        return Dense(self.keep.to(like), self.used.to(like))

    def tensors(self) -> dict[str, Tensor]:
        return {"projector": self.keep, "used": self.used}


def from_tensors(tensors: dict[str, Tensor]) -> Projector:
    """The projector whose `tensors` these are (others beside them are ignored)."""
    if "basis" in tensors:
        return Spectral(tensors["basis"])
    return Dense(tensors["projector"], tensors["used"])


def rls_closed_form(statistics: Tensor, alpha: float) -> Tensor:
    """P = alpha (C + alpha I)^-1 (d, d): where the recursion of [1], started at I, ends after all inputs of C."""
    d = statistics.shape[0]
    ridge = alpha * torch.eye(d, dtype=torch.float64, device=statistics.device)
    inverse = torch.linalg.inv(statistics.double() + ridge)
    # One memory layout always: products of the same numbers laid out differently differ in their last bits.
    return (alpha * (inverse + inverse.T) / 2).contiguous()


def rls_recursion(projector: Tensor, inputs: Tensor, alpha: float) -> Tensor:
    """Update P (d, d) by inputs (n, d), one after another: k = P x / (alpha + x^T P x), P <- P - k x^T P [1, eq. 3].

    The denominator is a scalar. Used as the reference for `rls_closed_form`; training uses the closed form.
    """
    p = projector.double().clone()
    for x in inputs.double():
        px = p @ x
        p -= torch.outer(px, px) / (alpha + x @ px)
    return p


def rls(statistics: Tensor, alpha: float) -> Dense:
    """P by recursive least squares, Q = I - P."""
    p = rls_closed_form(statistics, alpha)
    return Dense(p, torch.eye(p.shape[0], dtype=p.dtype, device=p.device) - p)


def paper(statistics: Tensor, alpha: float, rcond: float) -> Dense:
    """The published RAWM pair [2]: P by recursive least squares, Q = I - P (P^T P)^-1 P^T, both over their norms.

    Deviations:
        For an invertible P, and every P of the recursion is invertible, Q as printed is exactly 0, and its normalised
        form is rounding noise of the size of P. Here (P^T P)^-1 is a truncated pseudo-inverse: directions whose
        singular value of P is below `rcond` times the largest count as used up, and Q projects on them. Where there
        is no such direction, Q = 0.
    """
    p = rls_closed_form(statistics, alpha)
    values, vectors = torch.linalg.eigh(p)
    used = vectors[:, values < rcond * values.max()]
    q = (used @ used.T).contiguous()
    norm = torch.linalg.matrix_norm(q)
    return Dense(p / torch.linalg.matrix_norm(p), q / norm if norm > 0 else q)
