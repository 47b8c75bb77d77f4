"""Elastic Weight Consolidation.

Kirkpatrick, Pascanu, Rabinowitz et al.: Overcoming catastrophic forgetting in neural networks. PNAS 114(13), 2017,
doi:10.1073/pnas.1611835114. Online form: Schwarz, Luketina, Czarnecki et al.: Progress & Compress. ICML 2018,
arXiv:1805.06370, doi:10.48550/arXiv.1805.06370.
"""

from functools import partial

import torch
from torch import Tensor

from rawm.config import methods as config
from rawm.detectors.detector import Detector, Output
from rawm.methods.method import Method, Task
from rawm.methods.parts.importance import Named, QuadraticPenalty, log_probability, sum_over_samples
from rawm.tasks.samples import Batch


def fisher(detector: Detector, task: Task, labels: str) -> Named:
    """Diagonal of the Fisher information: mean over samples of the squared gradient of log p(y|x) of each sample.

    Args:
        labels: "true" takes y from the data (the empirical Fisher), "model" the expectation over the detector's
            predictions (the Fisher information itself).
    """
    if labels == "true":
        total = sum_over_samples(detector, task.inputs(), log_probability, torch.square)
    else:
        total = {}
        for y in range(detector.output.out_features):
            part = sum_over_samples(detector, task.inputs(), partial(_weighted_log_probability, y=y), torch.square)
            total = {name: total[name] + value if total else value for name, value in part.items()}
    return {name: value / len(task.train) for name, value in total.items()}


def _weighted_log_probability(logits: Tensor, _: Tensor, y: int) -> Tensor:
    """sqrt(p) log p(y|x) with sqrt(p) held constant: its squared gradient is p (d log p)^2."""
    log_p = torch.log_softmax(logits, dim=0)[y]
    return log_p * (log_p.detach() / 2).exp()


class EWC(Method[config.EWC]):
    """Cross-entropy + lambda / 2 sum F (theta - theta*)^2 (eq. 3).

    `form: separate` has one such penalty for each finished task. Their sum is one quadratic, so the memory does not
    grow with the number of tasks; its gradient is the sum of theirs. `form: online` has one penalty around the last
    weights, whose importance is multiplied by `decay` before each task's is added (Schwarz et al., eq. 9).

    Deviations:
        F is over the task's training samples, each with its own gradient, in evaluation mode. By default its labels are
        those of the data (`labels: true`, the empirical Fisher information); `labels: model` is the Fisher information
        itself.
    """

    paper = "Kirkpatrick et al. 2017, doi:10.1073/pnas.1611835114; online: Schwarz et al. 2018, arXiv:1805.06370"
    memory = "2 p"
    remembers = ("penalty",)

    def __init__(self, settings: config.EWC, classes: tuple[str, ...]):
        super().__init__(settings, classes)
        self.penalty = QuadraticPenalty()

    def begin_task(self, detector: Detector, task: Task) -> None:
        self.penalty.begin_task(detector, task.device)

    def loss(self, detector: Detector, batch: Batch, output: Output, cross_entropy: Tensor) -> Tensor:
        if not self.penalty.importance or self.settings.lambda_ == 0:
            return cross_entropy
        return cross_entropy + self.settings.lambda_ / 2 * self.penalty.value(detector)

    def end_task(self, detector: Detector, task: Task) -> None:
        importance = fisher(detector, task, self.settings.labels)
        if self.settings.form == "separate":
            self.penalty.merge(importance, detector)
        else:
            self.penalty.accumulate(importance, detector, self.settings.decay)
