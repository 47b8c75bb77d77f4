"""Greedy Sampler and Dumb Learner.

Prabhu, Torr, Dokania: GDumb: A Simple Approach that Questions Our Progress in Continual Learning. ECCV 2020,
doi:10.1007/978-3-030-58536-5_31.
"""

from collections.abc import Callable

from rawm.config import methods as config
from rawm.detectors.detector import Detector
from rawm.methods.method import Method, Task
from rawm.methods.parts.buffer import Buffer
from rawm.tasks.samples import Samples


class GDumb(Method[config.GDumb]):
    """Keep a buffer with equally many samples of each class; for each task train from new weights on it alone.

    Deviations:
        The sampler chooses among a whole task at once instead of sample by sample, which gives the same balance. The
        optimizer is the study's; the paper's learner has a cosine schedule and CutMix.
    """

    paper = "Prabhu et al. 2020, doi:10.1007/978-3-030-58536-5_31"
    memory = "M d"
    keeps_samples = True
    remembers = ("buffer",)

    def __init__(self, settings: config.GDumb, classes: tuple[str, ...]):
        super().__init__(settings, classes)
        self.buffer = Buffer(settings.capacity, "class")

    def begin_task(self, detector: Detector, task: Task) -> None:
        self.buffer.add(task)
        if task.number > 1:
            for module in detector.modules():
                reset: Callable[[], None] | None = getattr(module, "reset_parameters", None)
                if reset is not None:
                    reset()

    def samples(self, task: Task) -> Samples | None:
        return self.buffer.samples
