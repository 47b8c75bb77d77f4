"""Orthogonal Weights Modification.

Zeng, Chen, Cui, Yu: Continual learning of context-dependent processing in neural networks. Nature Machine
Intelligence 1, 364-372, 2019, doi:10.1038/s42256-019-0080-x.
"""

import torch
from torch import Tensor

from rawm.detectors.detector import Detector, Output
from rawm.methods.method import Method, Task
from rawm.methods.parts import projection
from rawm.methods.parts.projected_layers import ProtectedLayers
from rawm.tasks.samples import Batch


class OWM(Method):
    """Every update is projected onto what the inputs of earlier tasks have not used: dW <- dW P (eq. 4).

    Deviations:
        The step of the optimizer is projected, not the gradient it is given, since Adam, momentum and weight decay
        would turn a projected gradient back (`apply_to: gradient` is the paper's). The projector is `spectral` by
        default; `projector: rls` is the paper's, with a constant alpha. Statistics are taken once per finished task,
        over every training input (`statistics: batch_mean` is the paper's), not during training.
    """

    paper = "Zeng et al. 2019, doi:10.1038/s42256-019-0080-x"
    memory = "d² + d k a layer"

    def __init__(self, settings, classes: tuple[str, ...]):
        super().__init__(settings, classes)
        self._layers = ProtectedLayers(self._projector, settings.statistics == "batch_mean")

    def _projector(self, values: Tensor, vectors: Tensor) -> projection.Projector:
        if self.settings.projector == "rls":
            return projection.rls(values, vectors, self.settings.alpha)
        return projection.spectral(values, vectors, self.settings.energy)

    def begin_task(self, detector: Detector, task: Task) -> None:
        self._layers.activate(detector)

    def step(self, detector: Detector, optimizer: torch.optim.Optimizer, batch: Batch, output: Output) -> None:
        self._layers.move(optimizer, self.settings.apply_to, gain=0.0)

    def end_task(self, detector: Detector, task: Task) -> None:
        self._layers.learn(detector, task.inputs())

    def state(self) -> dict[str, Tensor]:
        return self._layers.state()

    def load(self, state: dict[str, Tensor]) -> None:
        self._layers.load(state)
