"""Memory Aware Synapses.

Aljundi, Babiloni, Elhoseiny, Rohrbach, Tuytelaars: Memory Aware Synapses: Learning what (not) to forget. ECCV 2018,
doi:10.1007/978-3-030-01219-9_9.
"""

import torch
from torch import Tensor

from rawm.config import methods as config
from rawm.detectors.detector import Detector, Output
from rawm.methods.method import Method, Task
from rawm.methods.parts.importance import QuadraticPenalty, sum_over_samples
from rawm.tasks.samples import Batch


class MAS(Method[config.MAS]):
    """Cross-entropy + lambda sum Omega (theta - theta*)^2 (eq. 4), Omega = mean |d ||f(x)||^2 / d theta| (eq. 3).

    f(x) are the logits. Omega needs no labels and adds up over the tasks.

    Deviations:
        None known; the paper averages over any unlabelled data, here over the task's training samples.
    """

    paper = "Aljundi et al. 2018, doi:10.1007/978-3-030-01219-9_9"
    memory = "2 p"
    remembers = ("penalty",)

    def __init__(self, settings: config.MAS, classes: tuple[str, ...]):
        super().__init__(settings, classes)
        self.penalty = QuadraticPenalty()

    def begin_task(self, detector: Detector, task: Task) -> None:
        self.penalty.begin_task(detector, task.device)

    def loss(self, detector: Detector, batch: Batch, output: Output, cross_entropy: Tensor) -> Tensor:
        if not self.penalty.importance or self.settings.lambda_ == 0:
            return cross_entropy
        return cross_entropy + self.settings.lambda_ * self.penalty.value(detector)

    def end_task(self, detector: Detector, task: Task) -> None:
        total = sum_over_samples(detector, task.inputs(), lambda logits, _: logits.square().sum(), torch.abs)
        self.penalty.accumulate({name: value / len(task.train) for name, value in total.items()}, detector)
