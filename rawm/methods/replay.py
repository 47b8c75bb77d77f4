"""Experience replay.

Rolnick, Ahuja, Schwarz, Lillicrap, Wayne: Experience Replay for Continual Learning. NeurIPS 2019, arXiv:1811.11682,
doi:10.48550/arXiv.1811.11682.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

from rawm.config import methods as config
from rawm.detectors.detector import Detector, Output
from rawm.methods.method import Method, Task
from rawm.methods.parts.buffer import Buffer
from rawm.tasks.samples import Batch


class Replay(Method[config.Replay]):
    """Half of each step's samples are new, half are drawn from a buffer of old tasks: (CE(new) + CE(old)) / 2.

    Deviations:
        The paper learns by actor-critic; this is its replay for classification, as the field uses it. The buffer is
        filled when a task ends, so that it holds old tasks only. The loop's class weights apply to the new half.
    """

    paper = "Rolnick et al. 2019, arXiv:1811.11682"
    memory = "M d"
    keeps_samples = True
    remembers = ("buffer",)

    def __init__(self, settings: config.Replay, classes: tuple[str, ...]):
        super().__init__(settings, classes)
        self.buffer = Buffer(settings.capacity, "none" if settings.balance == "reservoir" else "task_class")
        self._generator = torch.Generator()

    def begin_task(self, detector: Detector, task: Task) -> None:
        self._generator = task.generator("replay")

    def loss(self, detector: Detector, batch: Batch, output: Output, cross_entropy: Tensor) -> Tensor:
        if not len(self.buffer):
            return cross_entropy
        old = self.buffer.draw(len(batch.labels), self._generator).to(batch.features.device)
        replayed = F.cross_entropy(detector(old.features, old.lengths).logits, old.labels)
        return (cross_entropy + replayed) / 2

    def end_task(self, detector: Detector, task: Task) -> None:
        self.buffer.add(task)
