"""Elastic Weight Consolidation.

Kirkpatrick, Pascanu, Rabinowitz et al.: Overcoming catastrophic forgetting in neural networks. PNAS 114(13), 2017,
doi:10.1073/pnas.1611835114. Online form: Schwarz, Luketina, Czarnecki et al.: Progress & Compress. ICML 2018,
arXiv:1805.06370, doi:10.48550/arXiv.1805.06370.
"""

import torch
from torch import Tensor

from rawm.detectors.detector import Detector, Output
from rawm.methods.method import Method, Task
from rawm.methods.parts.importance import Named, QuadraticPenalty, sum_over_samples
from rawm.tasks.samples import Batch


def fisher(detector: Detector, task: Task, labels: str) -> Named:
    """Diagonal of the Fisher information: mean over samples of the squared gradient of log p(y|x) of each.

    Args:
        labels: "true" takes y from the data (the empirical Fisher), "model" the expectation over what the detector
            predicts (the Fisher information itself).
    """

    def true(logits: Tensor, y: Tensor) -> Tensor:
        return torch.log_softmax(logits, dim=0).gather(0, y[None])[0]

    def predicted(logits: Tensor, y: int) -> Tensor:
        log_p = torch.log_softmax(logits, dim=0)[y]
        return log_p * (log_p.detach() / 2).exp()  # the square of sqrt(p) d log p is p (d log p)^2

    if labels == "true":
        total = sum_over_samples(detector, task.inputs(), true, torch.square)
    else:
        classes = range(detector.output.out_features)
        scalars = [lambda logits, _, y=y: predicted(logits, y) for y in classes]
        parts = [sum_over_samples(detector, task.inputs(), scalar, torch.square) for scalar in scalars]
        total = {name: sum(part[name] for part in parts) for name in parts[0]}
    return {name: value / len(task.train) for name, value in total.items()}


class EWC(Method):
    """Cross-entropy + lambda / 2 sum F (theta - theta*)^2 (eq. 3).

    `form: separate` has one such penalty a finished task. Their sum is again a quadratic, so that the memory does not
    grow with the tasks; its gradient is the sum of theirs. `form: online` has one penalty around the last weights,
    whose importance is multiplied by `decay` before each task's is added (Schwarz et al., eq. 9).

    Deviations:
        F is over the task's training samples, each with its own gradient, in evaluation mode.
    """

    paper = "Kirkpatrick et al. 2017, doi:10.1073/pnas.1611835114; online: Schwarz et al. 2018, arXiv:1805.06370"
    memory = "2 p"

    def __init__(self, settings, classes: tuple[str, ...]):
        super().__init__(settings, classes)
        self._penalty = QuadraticPenalty()

    def begin_task(self, detector: Detector, task: Task) -> None:
        self._penalty.to(task.device)

    def loss(self, detector: Detector, batch: Batch, output: Output, cross_entropy: Tensor) -> Tensor:
        if not self._penalty.importance or self.settings.lambda_ == 0:
            return cross_entropy
        return cross_entropy + self.settings.lambda_ / 2 * self._penalty.value(detector)

    def end_task(self, detector: Detector, task: Task) -> None:
        importance = fisher(detector, task, self.settings.labels)
        if self.settings.form == "separate":
            self._penalty.merge(importance, detector)
        else:
            self._penalty.accumulate(importance, detector, self.settings.decay)

    def state(self) -> dict[str, Tensor]:
        return self._penalty.state()

    def load(self, state: dict[str, Tensor]) -> None:
        self._penalty.load(state)
