"""Which parameters old tasks need: per-sample gradients, and the quadratic penalty of EWC, SI and MAS."""

from collections.abc import Callable, Iterable

import torch
from torch import Tensor
from torch.func import functional_call, grad, vmap

from rawm.detectors.detector import Detector
from rawm.samples import Batch
from rawm.scoring import evaluating

Named = dict[str, Tensor]


def sum_over_samples(
    detector: Detector,
    batches: Iterable[Batch],
    scalar: Callable[[Tensor, Tensor], Tensor],
    what: Callable[[Tensor], Tensor],
) -> Named:
    """Sum over all samples of `what` of the gradient of `scalar` of that sample, in evaluation mode.

    The gradients are those of single samples, never of a minibatch's mean: the square of a mean is not the mean of
    squares.

    Args:
        scalar: (logits (classes,), label ()) -> scalar.
        what: element by element, e.g. torch.square.

    Returns:
        Parameter name -> tensor of its shape.
    """
    parameters = {name: p.detach() for name, p in detector.named_parameters()}
    buffers = dict(detector.named_buffers())

    def of_one(parameters: Named, features: Tensor, length: Tensor | None, label: Tensor) -> Tensor:
        lengths = None if length is None else length[None]
        output = functional_call(detector, parameters | buffers, (features[None], lengths))
        return scalar(output.logits[0], label)

    total = {name: torch.zeros_like(p) for name, p in parameters.items()}
    with evaluating(detector):
        for batch in batches:
            axes = (None, 0, None if batch.lengths is None else 0, 0)
            gradients = vmap(grad(of_one), axes)(parameters, batch.features, batch.lengths, batch.labels)
            for name, gradient in gradients.items():
                total[name] += what(gradient).sum(0)
    return total


class QuadraticPenalty:
    """sum A (theta - mu)^2 over all parameters theta: A their importance, mu where it holds them."""

    def __init__(self) -> None:
        self.importance: Named = {}
        self.centre: Named = {}

    def to(self, device: torch.device) -> None:
        """Move to the detector's device."""
        self.importance = {name: value.to(device) for name, value in self.importance.items()}
        self.centre = {name: value.to(device) for name, value in self.centre.items()}

    def value(self, detector: Detector) -> Tensor:
        """The sum, as a scalar with gradient; only once something was learned."""
        named = detector.named_parameters()
        return sum((self.importance[name] * (p - self.centre[name]).square()).sum() for name, p in named)

    def gradient(self, detector: Detector) -> Named:
        """2 A (theta - mu) for each parameter."""
        named = detector.named_parameters()
        return {name: 2 * self.importance[name] * (p.detach() - self.centre[name]) for name, p in named}

    def accumulate(self, importance: Named, detector: Detector, decay: float = 1.0) -> None:
        """A <- decay A + importance; mu <- the parameters as they are now."""
        old = self.importance
        self.importance = {name: decay * old[name] + new if old else new for name, new in importance.items()}
        self.centre = {name: p.detach().clone() for name, p in detector.named_parameters()}

    def merge(self, importance: Named, detector: Detector) -> None:
        """Add a second penalty, importance (theta - theta_now)^2, and keep the sum of both up to a constant.

        The sum of quadratics is a quadratic: A <- A + F, mu <- (A mu + F theta_now) / (A + F).
        """
        if not self.importance:
            return self.accumulate(importance, detector)
        for name, parameter in detector.named_parameters():
            total = self.importance[name] + importance[name]
            weight = torch.where(total > 0, importance[name] / total, torch.ones_like(total))
            self.centre[name] = torch.lerp(self.centre[name], parameter.detach(), weight)
            self.importance[name] = total

    def state(self) -> Named:
        """Both, by parameter."""
        importance = {f"importance.{name}": value for name, value in self.importance.items()}
        return importance | {f"centre.{name}": value for name, value in self.centre.items()}

    def load(self, state: Named) -> None:
        """Take up a saved state."""
        for key, value in state.items():
            kind, _, name = key.partition(".")
            {"importance": self.importance, "centre": self.centre}[kind][name] = value.clone()
