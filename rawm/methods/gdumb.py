"""Greedy Sampler and Dumb Learner.

Prabhu, Torr, Dokania: GDumb: A Simple Approach that Questions Our Progress in Continual Learning. ECCV 2020,
doi:10.1007/978-3-030-58536-5_31.
"""

from torch import Tensor

from rawm.detectors.detector import Detector
from rawm.methods.method import Method, Task
from rawm.methods.parts.buffer import Buffer
from rawm.tasks.samples import Samples


class GDumb(Method):
    """Keep a buffer with equally many samples of each class; for each task train from new weights on it alone.

    Deviations:
        The sampler chooses among a whole task at once instead of sample by sample, which gives the same balance. The
        optimizer is the study's; the paper's learner has a cosine schedule and CutMix.
    """

    paper = "Prabhu et al. 2020, doi:10.1007/978-3-030-58536-5_31"
    memory = "M d"
    keeps_samples = True

    def __init__(self, settings, classes: tuple[str, ...]):
        super().__init__(settings, classes)
        self._buffer = Buffer(settings.capacity, "class")

    def begin_task(self, detector: Detector, task: Task) -> None:
        self._buffer.add(task)
        if task.number > 1:
            for module in detector.modules():
                if hasattr(module, "reset_parameters"):
                    module.reset_parameters()

    def samples(self, task: Task) -> Samples:
        return self._buffer.samples

    def state(self) -> dict[str, Tensor]:
        return self._buffer.state()

    def load(self, state: dict[str, Tensor]) -> None:
        self._buffer.load(state)
