"""Radian Weight Modification.

Zhang, Yi, Wang, Zhang, Zeng, Tao: What to Remember: Self-Adaptive Continual Learning for Audio Deepfake Detection.
AAAI 2024, arXiv:2312.09651.
"""

import math

import torch
from torch import Tensor

from rawm.detectors.detector import Detector, Output
from rawm.methods.method import Method, Task, class_mask
from rawm.methods.parts.regularized import Regularizer
from rawm.tasks.samples import Batch

THETA_MIN = 0.02  # radians from 0 and from pi / 2


def radian_ratio(logits: Tensor, labels: Tensor, compact: Tensor) -> float:
    """beta = tan(theta), theta = pi/4 + 1/2 sum_i g_i asin(p_i), kept THETA_MIN away from 0 and pi/2.

    Args:
        logits: (B, classes).
        labels: (B,) class indices; p_i is the confidence in the true class.
        compact: (classes,) bool; g_i = +1 for a compact class, -1 otherwise.
    """
    confidence = torch.softmax(logits.detach().double(), dim=1).gather(1, labels[:, None])[:, 0].clamp(0, 1).cpu()
    sign = torch.where(compact[labels.cpu()], 1.0, -1.0).double()
    theta = math.pi / 4 + 0.5 * float((sign * torch.asin(confidence)).sum())
    return math.tan(min(max(theta, THETA_MIN), math.pi / 2 - THETA_MIN))


class RWM(Method):
    """As RAWM, but beta = tan(theta) follows the detector's confidence in each sample, not the class counts alone.

    `compact: measured` takes for compact the classes whose embeddings lie closer together than the classes' average:
    mean cosine distance within a class, over the training samples of all tasks seen.

    Deviations:
        theta is clamped, since the sum over a minibatch leaves (0, pi/2) for any but the smallest ones. Otherwise
        as RAWM's.
    """

    paper = "Zhang et al. 2024, arXiv:2312.09651"
    memory = "d² + d k a layer"

    def __init__(self, settings, classes: tuple[str, ...]):
        super().__init__(settings, classes)
        self._regularizer = Regularizer(settings)
        self._measured = settings.compact == "measured"
        self._compact = class_mask([] if self._measured else settings.compact, classes)
        self._unit_sum: Tensor | None = None  # (classes, e): sum of the embeddings at unit length
        self._count = torch.zeros(len(classes), dtype=torch.float64)

    def begin_task(self, detector: Detector, task: Task) -> None:
        self._regularizer.begin_task(detector, task)

    def loss(self, detector: Detector, batch: Batch, output: Output, cross_entropy: Tensor) -> Tensor:
        return self._regularizer.loss(batch, output.logits, cross_entropy)

    def step(self, detector: Detector, optimizer: torch.optim.Optimizer, batch: Batch, output: Output) -> None:
        self._regularizer.step(optimizer, radian_ratio(output.logits, batch.labels, self._compact))

    def end_task(self, detector: Detector, task: Task) -> None:
        self._regularizer.end_task(detector, task)
        if self._measured:
            self._measure(detector, task)

    @torch.no_grad()
    def _measure(self, detector: Detector, task: Task) -> None:
        for batch in task.inputs():
            embedding = detector(batch.features, batch.lengths).embedding.cpu().double()
            unit = torch.nn.functional.normalize(embedding, dim=1)
            if self._unit_sum is None:
                self._unit_sum = torch.zeros(len(self.classes), unit.shape[1], dtype=torch.float64)
            self._unit_sum.index_add_(0, batch.labels.cpu(), unit)
            self._count += torch.bincount(batch.labels.cpu(), minlength=len(self.classes))
        self._choose()

    def _choose(self) -> None:
        # Mean cosine similarity over all pairs of a class is |sum of unit vectors|^2 / n^2.
        seen = self._count > 0
        distance = 1 - self._unit_sum.square().sum(1) / self._count.clamp_min(1).square()
        self._compact = seen & (distance < distance[seen].mean())

    def state(self) -> dict[str, Tensor]:
        measured = {} if self._unit_sum is None else {"compact.unit_sum": self._unit_sum, "compact.count": self._count}
        return self._regularizer.layers.state() | measured

    def load(self, state: dict[str, Tensor]) -> None:
        self._regularizer.layers.load(state)
        if "compact.unit_sum" in state:
            self._unit_sum, self._count = state["compact.unit_sum"].clone(), state["compact.count"].clone()
            self._choose()
