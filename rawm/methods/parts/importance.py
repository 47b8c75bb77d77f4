"""Which parameters old tasks need: per-sample gradients, and the quadratic penalty of EWC, SI and MAS."""

from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn
from torch.func import functional_call, grad, vmap

from rawm.detectors.detector import Detector
from rawm.detectors.scoring import evaluating
from rawm.tasks.samples import Batch

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
        what: element by element, with what(a b) = what(a) what(b): torch.square or torch.abs.

    Returns:
        Parameter name -> tensor of its shape.
    """
    total = {name: torch.zeros_like(p) for name, p in detector.named_parameters()}
    linear = {name: module for name, module in detector.named_modules() if isinstance(module, nn.Linear)}
    only_linear = total.keys() == {f"{name}.{part}" for name, m in linear.items() for part, _ in m.named_parameters()}
    with evaluating(detector):
        for batch in batches:
            if only_linear and batch.features.dim() == 2:
                _add_outer_products(total, detector, linear, batch, scalar, what)
            else:
                _add_gradients(total, detector, batch, scalar, what)
    return total


def _add_gradients(total: Named, detector: Detector, batch: Batch, scalar: Callable, what: Callable) -> None:
    """The gradient of each sample, whatever the layers are."""
    parameters = {name: p.detach() for name, p in detector.named_parameters()}
    buffers = dict(detector.named_buffers())

    def of_one(parameters: Named, features: Tensor, length: Tensor | None, label: Tensor) -> Tensor:
        lengths = None if length is None else length[None]
        output = functional_call(detector, parameters | buffers, (features[None], lengths))
        return scalar(output.logits[0], label)

    axes = (None, 0, None if batch.lengths is None else 0, 0)
    gradients = vmap(grad(of_one), axes)(parameters, batch.features, batch.lengths, batch.labels)
    for name, gradient in gradients.items():
        total[name] += what(gradient).sum(0)


def _add_outer_products(
    total: Named, detector: Detector, linear: dict[str, nn.Linear], batch: Batch, scalar: Callable, what: Callable
) -> None:
    """The same for linear layers on one vector a sample, without a weight matrix for each sample.

    A sample's gradient is g a^T there, with g that of the layer's output and a its input, so that the sum over samples
    of what(g a^T) is the product what(G)^T what(A).
    """
    inputs, outputs = {}, {}

    def tap(name: str, arguments: tuple[Tensor], output: Tensor) -> Tensor:
        inputs[name], outputs[name] = arguments[0].detach(), torch.zeros_like(output, requires_grad=True)
        return output + outputs[name]

    hooks = [m.register_forward_hook(lambda _, x, y, name=name: tap(name, x, y)) for name, m in linear.items()]
    try:
        with torch.enable_grad():
            value = vmap(scalar)(detector(batch.features, None).logits, batch.labels).sum()
    finally:
        for hook in hooks:
            hook.remove()
    gradients = torch.autograd.grad(value, list(outputs.values()))
    for name, gradient in zip(outputs, gradients, strict=True):
        g = what(gradient)
        total[f"{name}.weight"] += g.T @ what(inputs[name])
        if linear[name].bias is not None:
            total[f"{name}.bias"] += g.sum(0)


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
