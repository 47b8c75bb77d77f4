"""Orthogonal Weights Modification.

Zeng, Chen, Cui, Yu: Continual learning of context-dependent processing in neural networks. Nature Machine
Intelligence 1, 364-372, 2019, doi:10.1038/s42256-019-0080-x.
"""

import torch

from rawm.config import methods as config
from rawm.detectors.detector import Detector, Output
from rawm.methods.method import Method, Task
from rawm.methods.parts import projection
from rawm.methods.parts.projected_layers import ProjectedLayers
from rawm.tasks.samples import Batch


class OWM(Method[config.OWM]):
    """Project every update onto the directions that inputs of earlier tasks did not use: dW <- dW P (eq. 4).

    Deviations:
        The optimizer's step is projected, not the gradient, since Adam, momentum and weight decay would turn a
        projected gradient back (`apply_to: gradient` is the paper's). The projector is `spectral` by default, and its
        directions accumulate as GPM's do (`accumulate: residual`); `projector: rls` is the paper's, with a constant
        alpha. Statistics are taken once per finished task, over every training input (`statistics: batch_mean` is the
        paper's), not during training. Biases are protected too, as a constant input. Normalisation layers, with their
        running statistics, and other parameters without a projector are fixed after the first task.
    """

    paper = "Zeng et al. 2019, doi:10.1038/s42256-019-0080-x"
    memory = "d² + d k per layer"
    remembers = ("layers",)

    def __init__(self, settings: config.OWM, classes: tuple[str, ...]):
        super().__init__(settings, classes)
        self.layers = ProjectedLayers(projection.rule(settings), settings.statistics == "batch_mean")

    def begin_task(self, detector: Detector, task: Task) -> None:
        self.layers.begin_task(detector)

    def step(self, detector: Detector, optimizer: torch.optim.Optimizer, batch: Batch, output: Output) -> None:
        """Let the optimizer step, then W <- before + (W - before) P in every layer: R(gain) with gain 0."""
        self.layers.step(optimizer, 0.0, self.settings.apply_to)

    def end_task(self, detector: Detector, task: Task) -> None:
        self.layers.learn(detector, task.inputs())
