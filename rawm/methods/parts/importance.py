"""Importance of parameters to old tasks: per-sample gradients, and the quadratic penalty of EWC, SI and MAS."""

from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn
from torch.func import functional_call, grad, vmap

from rawm.detectors.detector import Detector
from rawm.detectors.scoring import evaluating
from rawm.methods.method import entries, widened
from rawm.tasks.samples import Batch

Named = dict[str, Tensor]
Scalar = Callable[[Tensor, Tensor], Tensor]  # (logits (classes,), label ()) -> scalar
Elementwise = Callable[[Tensor], Tensor]


def log_probability(logits: Tensor, label: Tensor) -> Tensor:
    """log p(y|x) of one sample: logits (classes,), label () -> scalar."""
    return torch.log_softmax(logits, dim=0).gather(0, label[None])[0]


def sum_over_samples(
    detector: Detector,
    batches: Iterable[Batch],
    scalar: Scalar,
    transform: Elementwise,
) -> Named:
    """Sum over samples of transform(gradient of scalar with respect to each parameter), in evaluation mode.

    The gradients are those of single samples, never of a minibatch's mean: the square of a mean is not the mean of
    squares.

    Args:
        scalar: (logits (classes,), label ()) -> scalar.
        transform: elementwise, with transform(a b) = transform(a) transform(b): torch.square or torch.abs.

    Returns:
        Parameter name -> tensor of its shape.
    """
    total = {name: torch.zeros_like(p) for name, p in detector.named_parameters()}
    linear = {name: module for name, module in detector.named_modules() if isinstance(module, nn.Linear)}
    only_linear = total.keys() == {f"{name}.{part}" for name, m in linear.items() for part, _ in m.named_parameters()}
    with evaluating(detector):
        for batch in batches:
            if only_linear and batch.features.dim() == 2:
                _add_outer_products(total, detector, linear, batch, scalar, transform)
            else:
                _add_gradients(total, detector, batch, scalar, transform)
    return total


def _add_gradients(total: Named, detector: Detector, batch: Batch, scalar: Scalar, transform: Elementwise) -> None:
    """Add the transformed gradient of each sample, for any kind of layers."""
    parameters = {name: p.detach() for name, p in detector.named_parameters()}
    buffers = dict(detector.named_buffers())

    def of_one(parameters: Named, features: Tensor, length: Tensor | None, label: Tensor) -> Tensor:
        lengths = None if length is None else length[None]
        output = functional_call(detector, parameters | buffers, (features[None], lengths))
        return scalar(output.logits[0], label)

    axes = (None, 0, None if batch.lengths is None else 0, 0)
    gradients = vmap(grad(of_one), axes)(parameters, batch.features, batch.lengths, batch.labels)
    for name, gradient in gradients.items():
        total[name] += transform(gradient).sum(0)


def _add_outer_products(
    total: Named,
    detector: Detector,
    linear: dict[str, nn.Linear],
    batch: Batch,
    scalar: Scalar,
    transform: Elementwise,
) -> None:
    """Add the same for linear layers on one vector per sample, without a weight matrix for each sample.

    A sample's gradient is g a^T, with g the gradient of the layer's output and a its input, so the sum over samples of
    transform(g a^T) is the product transform(G)^T transform(A).
    """
    inputs: Named = {}
    offsets: Named = {}  # zeros added to each layer's output: their gradient is that of the output

    def add_offset(name: str) -> Callable[[nn.Module, tuple[Tensor], Tensor], Tensor]:
        def hook(_: nn.Module, arguments: tuple[Tensor], output: Tensor) -> Tensor:
            inputs[name], offsets[name] = arguments[0].detach(), torch.zeros_like(output, requires_grad=True)
            return output + offsets[name]

        return hook

    hooks = [module.register_forward_hook(add_offset(name)) for name, module in linear.items()]
    try:
        with torch.enable_grad():
            value = vmap(scalar)(detector(batch.features, None).logits, batch.labels).sum()
    finally:
        for hook in hooks:
            hook.remove()
    gradients = torch.autograd.grad(value, list(offsets.values()))
    for name, gradient in zip(offsets, gradients, strict=True):
        g = transform(gradient)
        total[f"{name}.weight"] += g.T @ transform(inputs[name])
        if linear[name].bias is not None:
            total[f"{name}.bias"] += g.sum(0)


class QuadraticPenalty:
    """sum A (theta - mu)^2 over all parameters theta: A their importance, mu the centre."""

    def __init__(self) -> None:
        self.importance: Named = {}
        self.centre: Named = {}

    def begin_task(self, detector: Detector, device: torch.device) -> None:
        """Move to the detector's device; outputs that are new in the task have no importance."""
        shapes = {name: p.shape for name, p in detector.named_parameters()}
        self.importance = {n: widened(value, shapes[n]).to(device) for n, value in self.importance.items()}
        self.centre = {n: widened(value, shapes[n]).to(device) for n, value in self.centre.items()}

    def value(self, detector: Detector) -> Tensor:
        """The penalty, a scalar with gradient; needs an importance."""
        terms = [(self.importance[n] * (p - self.centre[n]).square()).sum() for n, p in detector.named_parameters()]
        return sum(terms[1:], start=terms[0])

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
        """Importance and centre, by parameter."""
        importance = {f"importance.{name}": value for name, value in self.importance.items()}
        return importance | {f"centre.{name}": value for name, value in self.centre.items()}

    def load(self, state: Named) -> None:
        """Restore a saved state."""
        self.importance = entries(state, "importance.")
        self.centre = entries(state, "centre.")
