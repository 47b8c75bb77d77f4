"""What RAWM and RWM share: the mix of two projectors, and the distillation against the previous detector."""

from typing import Any

import torch
from torch import Tensor

from rawm.detectors.detector import Detector
from rawm.methods.method import Task
from rawm.methods.parts import projection
from rawm.methods.parts.distillation import Teacher, soft_cross_entropy
from rawm.methods.parts.projected_layers import ProtectedLayers
from rawm.tasks.samples import Batch


class Regularizer:
    """Holds the projectors and the previous detector of one run; RAWM and RWM differ in beta alone."""

    def __init__(self, settings: Any):
        self.settings = settings
        self.layers = ProtectedLayers(self._projector, settings.statistics == "batch_mean")
        self._teacher: Teacher | None = None

    def _projector(self, values: Tensor, vectors: Tensor) -> projection.Projector:
        if self.settings.variant == "paper":
            return projection.paper(values, vectors, self.settings.alpha, self.settings.rcond)
        return projection.spectral(values, vectors, self.settings.energy)

    def begin_task(self, detector: Detector, task: Task) -> None:
        """Project from now on; take the detector as it stands for the teacher."""
        self._teacher = Teacher(detector, task) if task.number > 1 and self.settings.eta > 0 else None
        self.layers.activate(detector)

    def loss(self, batch: Batch, logits: Tensor, cross_entropy: Tensor) -> Tensor:
        """(1 - eta) CE + eta distillation; plain cross-entropy in the first task."""
        if self._teacher is None:
            return cross_entropy
        distillation = soft_cross_entropy(logits, self._teacher(batch).logits, self.settings.temperature)
        return (1 - self.settings.eta) * cross_entropy + self.settings.eta * distillation

    def step(self, optimizer: torch.optim.Optimizer, beta: float) -> None:
        """One step whose update is multiplied by R = P + m beta Q."""
        self.layers.move(optimizer, self.settings.apply_to, gain=self.settings.scale * beta)

    def end_task(self, detector: Detector, task: Task) -> None:
        """Learn what the finished task's inputs use."""
        self.layers.learn(detector, task.inputs())
