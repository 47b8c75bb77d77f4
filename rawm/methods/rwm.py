"""Radian Weight Modification.

Zhang, Yi, Wang, Zhang, Zeng, Tao: What to Remember: Self-Adaptive Continual Learning for Audio Deepfake Detection.
AAAI 2024, arXiv:2312.09651.
"""

import math

import torch
from torch import Tensor

from rawm.config import methods as config
from rawm.detectors.detector import Detector, Output
from rawm.detectors.scoring import evaluating
from rawm.methods.method import Method, Task, class_mask, widened
from rawm.methods.parts import projection
from rawm.methods.parts.distillation import Teacher, soft_cross_entropy
from rawm.methods.parts.projected_layers import ProjectedLayers
from rawm.tasks.samples import Batch

THETA_MIN = 0.02  # radians from 0 and from pi / 2


def radian_ratio(logits: Tensor, labels: Tensor, compact: Tensor) -> float:
    """beta = tan(theta), theta = pi/4 + 1/2 sum_i g_i asin(p_i).

    p is the softmax over the samples of the minibatch of each one's logit of its own class, so sum_i p_i = 1, and theta
    lies in [0, pi/2] because asin is convex. It is kept THETA_MIN away from both ends, where tan is 0 or infinite.

    Args:
        logits: (B, classes).
        labels: (B,) class indices.
        compact: (classes,) bool; g_i = +1 for a compact class, -1 otherwise.
    """
    labels = labels.cpu()
    own = logits.detach().cpu().gather(1, labels[:, None])[:, 0].double()
    angles = torch.softmax(own, dim=0).clamp_max_(1).asin_()
    theta = math.pi / 4 + 0.5 * float(torch.where(compact[labels], angles, -angles).sum())
    return math.tan(min(max(theta, THETA_MIN), math.pi / 2 - THETA_MIN))


class RWM(Method[config.RWM]):
    """As RAWM, but with beta = tan(theta), which follows the detector's logits and not only the number of samples.

    Step and loss are RAWM's: W <- before + (W - before) R, R = P + m beta Q; (1 - eta) CE + eta distillation.

    `compact: measured` takes as compact the classes whose embeddings lie closer together than the average over
    classes: mean cosine distance within a class, over the training samples of all tasks seen, each embedded by the
    detector at the end of its task.

    Deviations:
        As RAWM's.
    """

    paper = "Zhang et al. 2024, arXiv:2312.09651"
    memory = "d² + d k per layer"
    remembers = ("layers", "unit_sum", "count")

    def __init__(self, settings: config.RWM, classes: tuple[str, ...]):
        super().__init__(settings, classes)
        self.layers = ProjectedLayers(projection.rule(settings), settings.statistics == "batch_mean")
        self._teacher: Teacher | None = None
        self.unit_sum: Tensor | None = None  # (classes, e): sum of the embeddings, each scaled to unit length
        self.count: Tensor | None = None  # (classes,): number of samples in `unit_sum`
        self._compact = self.compact()  # during a task

    def begin_task(self, detector: Detector, task: Task) -> None:
        self._teacher = Teacher(detector, task) if task.number > 1 and self.settings.eta > 0 else None
        self.layers.begin_task(detector)
        if self.unit_sum is not None and self.count is not None:
            self.unit_sum = widened(self.unit_sum, (len(self.classes), self.unit_sum.shape[1]))
            self.count = widened(self.count, (len(self.classes),))
        self._compact = self.compact()

    def loss(self, detector: Detector, batch: Batch, output: Output, cross_entropy: Tensor) -> Tensor:
        if self._teacher is None:
            return cross_entropy
        distillation = soft_cross_entropy(output.logits, self._teacher(batch).logits, self.settings.temperature)
        return (1 - self.settings.eta) * cross_entropy + self.settings.eta * distillation

    def gain(self, batch: Batch, output: Output) -> float:
        """Return m beta, at most 1 with `limit_gain`."""
        gain = self.settings.scale * radian_ratio(output.logits, batch.labels, self._compact)
        return min(gain, 1.0) if self.settings.limit_gain else gain

    def step(self, detector: Detector, optimizer: torch.optim.Optimizer, batch: Batch, output: Output) -> None:
        """Let the optimizer step, then W <- before + (W - before) (P + gain Q) in every layer, as RAWM does."""
        self.layers.step(optimizer, self.gain(batch, output), self.settings.apply_to)

    def compact(self) -> Tensor:
        """(classes,) bool: the compact classes, as configured or as measured so far."""
        if self.settings.compact != "measured":
            return class_mask(self.settings.compact, self.classes)
        if self.unit_sum is None or self.count is None:
            return class_mask([], self.classes)
        # The mean cosine similarity over all pairs of a class is |sum of unit vectors|^2 / n^2.
        seen = self.count > 0
        distance = 1 - self.unit_sum.square().sum(1) / self.count.clamp_min(1).square()
        return seen & (distance < distance[seen].mean())

    def end_task(self, detector: Detector, task: Task) -> None:
        self.layers.learn(detector, task.inputs())
        if self.settings.compact == "measured":
            self._measure(detector, task)

    @torch.no_grad()
    def _measure(self, detector: Detector, task: Task) -> None:
        for batch in task.inputs():
            with evaluating(detector):
                embedding = detector(batch.features, batch.lengths).embedding.cpu().double()
            unit = torch.nn.functional.normalize(embedding, dim=1)
            labels = batch.labels.cpu()
            if self.unit_sum is None or self.count is None:
                self.unit_sum = torch.zeros(len(self.classes), unit.shape[1], dtype=torch.float64)
                self.count = torch.zeros(len(self.classes), dtype=torch.float64)
            self.unit_sum.index_add_(0, labels, unit)
            self.count += torch.bincount(labels, minlength=len(self.classes))
