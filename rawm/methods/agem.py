"""Averaged Gradient Episodic Memory.

Chaudhry, Ranzato, Rohrbach, Elhoseiny: Efficient Lifelong Learning with A-GEM. ICLR 2019, arXiv:1812.00420,
doi:10.48550/arXiv.1812.00420.
"""

import torch
from torch import Tensor

from rawm.config import methods as config
from rawm.detectors.detector import Detector, Output
from rawm.methods.method import Method, Task
from rawm.methods.parts.buffer import Buffer
from rawm.methods.parts.gradients import flat_gradient, loss_gradient, set_gradient
from rawm.tasks.samples import Batch


def project(gradient: Tensor, old: Tensor) -> Tensor:
    """Remove from `gradient` (p,) what points against `old` (p,): g - (g . o / o . o) o where g . o < 0 (eq. 11)."""
    g, o = gradient.double(), old.double()
    product = g @ o
    return g if product >= 0 else g - product / (o @ o) * o


class AGEM(Method[config.AGEM]):
    """As GEM, with a single constraint: the mean loss over samples drawn from all old tasks must not rise.

    Deviations:
        The buffer is shared out among the tasks seen so far.
    """

    paper = "Chaudhry et al. 2019, arXiv:1812.00420"
    memory = "M d"
    keeps_samples = True
    remembers = ("buffer",)

    def __init__(self, settings: config.AGEM, classes: tuple[str, ...]):
        super().__init__(settings, classes)
        self.buffer = Buffer(settings.capacity, "task")
        self._generator = torch.Generator()

    def begin_task(self, detector: Detector, task: Task) -> None:
        self._generator = task.generator("replay")

    def step(self, detector: Detector, optimizer: torch.optim.Optimizer, batch: Batch, output: Output) -> None:
        if len(self.buffer):
            drawn = self.buffer.draw(self.settings.drawn, self._generator).to(batch.features.device)
            set_gradient(detector, project(flat_gradient(detector), loss_gradient(detector, drawn)))
        optimizer.step()

    def end_task(self, detector: Detector, task: Task) -> None:
        self.buffer.add(task)
