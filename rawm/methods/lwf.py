"""Learning without Forgetting.

Li, Hoiem: Learning without Forgetting. ECCV 2016, doi:10.1007/978-3-319-46493-0_37.
"""

from torch import Tensor

from rawm.config import methods as config
from rawm.detectors.detector import Detector, Output
from rawm.methods.method import Method, Task
from rawm.methods.parts.distillation import Teacher, soft_cross_entropy
from rawm.tasks.samples import Batch


class LwF(Method[config.LwF]):
    """Cross-entropy + lambda x distillation of the previous detector's outputs on the new task's data.

    Deviations:
        The paper gives each task its own output layer and warms it up first; here all tasks share one. Where classes
        grow, the outputs of the old classes are distilled.
    """

    paper = "Li & Hoiem 2016, doi:10.1007/978-3-319-46493-0_37"
    memory = "0"
    _teacher: Teacher | None = None

    def begin_task(self, detector: Detector, task: Task) -> None:
        self._teacher = Teacher(detector, task) if task.number > 1 else None

    def loss(self, detector: Detector, batch: Batch, output: Output, cross_entropy: Tensor) -> Tensor:
        if self._teacher is None or self.settings.lambda_ == 0:
            return cross_entropy
        distillation = soft_cross_entropy(output.logits, self._teacher(batch).logits, self.settings.temperature)
        return cross_entropy + self.settings.lambda_ * distillation
