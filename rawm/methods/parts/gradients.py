"""The gradient of all trainable parameters as one vector (p,): compute, read, replace."""

import torch
from torch import Tensor
from torch.nn import functional as F

from rawm.detectors.detector import Detector
from rawm.tasks.samples import Batch


def loss_gradient(detector: Detector, samples: Batch) -> Tensor:
    """(p,) gradient of the mean cross-entropy over some samples with respect to the trainable parameters."""
    parameters = [p for p in detector.parameters() if p.requires_grad]
    loss = F.cross_entropy(detector(samples.features, samples.lengths).logits, samples.labels)
    gradients = torch.autograd.grad(loss, parameters, allow_unused=True)
    pairs = zip(gradients, parameters, strict=True)
    return torch.cat([(torch.zeros_like(p) if g is None else g).flatten() for g, p in pairs])


def flat_gradient(detector: Detector) -> Tensor:
    """(p,) gradient that `backward` computed for the trainable parameters; zeros where there is none."""
    parameters = [p for p in detector.parameters() if p.requires_grad]
    return torch.cat([(torch.zeros_like(p) if p.grad is None else p.grad).flatten() for p in parameters])


def set_gradient(detector: Detector, flat: Tensor) -> None:
    """Set the `grad` of the trainable parameters to parts of a (p,) gradient."""
    start = 0
    for parameter in (p for p in detector.parameters() if p.requires_grad):
        parameter.grad = flat[start : start + parameter.numel()].view_as(parameter).to(parameter.dtype)
        start += parameter.numel()
