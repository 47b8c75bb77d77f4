"""Gradient Projection Memory.

Saha, Garg, Roy: Gradient Projection Memory for Continual Learning. ICLR 2021, arXiv:2103.09762.
"""

import torch

from rawm.config import methods as config
from rawm.detectors.detector import Detector, Output
from rawm.methods.method import Method, Task
from rawm.methods.parts import projection
from rawm.methods.parts.projected_layers import ProjectedLayers
from rawm.tasks.samples import Batch


class GPM(Method[config.GPM]):
    """Project every gradient onto the complement of the directions that earlier tasks need: G <- G - G U U^T (eq. 7).

    After each task, U is extended by the fewest directions with which it holds the share `energy` of the energy of that
    task's inputs to the layer (eq. 8 and 9). U only grows.

    Deviations:
        All training inputs are counted, where the paper draws some samples. `energy` is the same for all tasks and
        layers. Biases are protected too, as a constant input; the paper's networks have none. Normalisation layers and
        other parameters without a projector are fixed after the first task. With plain SGD, the paper's optimizer, the
        weights move within the complement. Adam and weight decay leave it: see OWM, which projects the optimizer's
        step.
    """

    paper = "Saha et al. 2021, arXiv:2103.09762"
    memory = "d² + d k per layer"
    remembers = ("layers",)

    def __init__(self, settings: config.GPM, classes: tuple[str, ...]):
        super().__init__(settings, classes)
        self.layers = ProjectedLayers(
            lambda task, total, previous: projection.residual(task, settings.energy, previous), batch_means=False
        )

    def begin_task(self, detector: Detector, task: Task) -> None:
        self.layers.begin_task(detector)

    def step(self, detector: Detector, optimizer: torch.optim.Optimizer, batch: Batch, output: Output) -> None:
        """Project the gradient of every layer, G <- G (I - U U^T), then let the optimizer step."""
        self.layers.step(optimizer, 0.0, apply_to="gradient")

    def end_task(self, detector: Detector, task: Task) -> None:
        self.layers.learn(detector, task.inputs())
