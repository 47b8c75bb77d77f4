"""Distillation against the detector of the previous task, shared by LwF, RAWM and RWM."""

import copy

import torch
from torch import Tensor

from rawm.detectors.detector import Detector
from rawm.samples import Batch


def soft_cross_entropy(new: Tensor, old: Tensor, temperature: float) -> Tensor:
    """Mean over the minibatch of -softmax(z_old / tau) . log softmax(z_new / tau); logits (B, classes) -> scalar.

    Its gradient is that of the Kullback-Leibler divergence. LwF eq. 2; RAWM's regularisation loss.
    """
    target = torch.softmax(old / temperature, dim=1)
    return -(target * torch.log_softmax(new / temperature, dim=1)).sum(1).mean()


class Teacher:
    """A frozen copy of a detector."""

    def __init__(self, detector: Detector):
        self._detector = copy.deepcopy(detector).eval().requires_grad_(False)

    def logits(self, batch: Batch) -> Tensor:
        """(B, classes), without gradient."""
        with torch.no_grad():
            return self._detector(batch.features, batch.lengths).logits
