"""Regularized Adaptive Weight Modification.

Zhang, Yi, Tao, Wang, Zhang: Do You Remember? Overcoming Catastrophic Forgetting for Fake Audio Detection. ICML 2023,
PMLR 202, arXiv:2308.03300.
"""

import torch
from torch import Tensor

from rawm.config import methods as config
from rawm.detectors.detector import Detector, Output
from rawm.methods.method import Method, Task, class_mask
from rawm.methods.parts import projection
from rawm.methods.parts.class_ratio import class_ratio
from rawm.methods.parts.distillation import Teacher, soft_cross_entropy
from rawm.methods.parts.projected_layers import ProjectedLayers
from rawm.tasks.samples import Batch


class RAWM(Method[config.RAWM]):
    """Project each step of the optimizer, and distil the detector of the previous task.

    After the first task, in every layer with weight matrix W (out, d; the bias is its last column):

        W <- before + (W - before) R,    R = P + m beta Q,    beta = (N_compact + 1) / (N_other + 1)

    `before` and W are the weights before and after the optimizer's step. P keeps the directions that inputs of earlier
    tasks did not use, Q those they used; beta counts the classes of the minibatch. The loss is
    (1 - eta) CE + eta distillation.

    Genuine speech is similar across corpora and fake speech is not, so minibatches with more genuine speech may change
    more along used directions. With `variant: spectral`, a step of m beta = 0 is OWM's and one of m beta = 1 is that of
    fine-tuning; RAWM moves between the two from minibatch to minibatch. By default m beta is at most 1 (`limit_gain`):
    a minibatch of 32 genuine samples has beta = 33, and its step along used directions would be up to 33 m times that
    of fine-tuning.

    Deviations:
        The class ratio counts `compact` classes against the others, which for genuine and fake is the paper's. The
        fixed scale m is ours (the paper has m = 1 after normalising both projectors), and so is the limit of m beta
        (`limit_gain: false` is the paper's). `variant: spectral` has P = I - U U^T and Q = U U^T, with directions that
        accumulate as GPM's do; `variant: paper` has the published formula, see `rawm.methods.parts.projection.paper`.
        The optimizer's step is projected, not the gradient (`apply_to: gradient` is the paper's). Statistics are taken
        once per finished task, over every training input (`statistics: batch_mean` is the paper's). Biases are
        protected too. Normalisation layers and other parameters without a projector are fixed after the first task.
    """

    paper = "Zhang et al. 2023, arXiv:2308.03300"
    memory = "d² + d k per layer"
    remembers = ("layers",)

    def __init__(self, settings: config.RAWM, classes: tuple[str, ...]):
        super().__init__(settings, classes)
        self.layers = ProjectedLayers(projection.rule(settings), settings.statistics == "batch_mean")
        self._teacher: Teacher | None = None
        self._compact = class_mask(settings.compact, classes)
        self._task_ratio = 1.0

    def begin_task(self, detector: Detector, task: Task) -> None:
        self._teacher = Teacher(detector, task) if task.number > 1 and self.settings.eta > 0 else None
        self._task_ratio = class_ratio(task.train.labels, self._compact)
        self.layers.begin_task(detector)

    def loss(self, detector: Detector, batch: Batch, output: Output, cross_entropy: Tensor) -> Tensor:
        if self._teacher is None:
            return cross_entropy
        distillation = soft_cross_entropy(output.logits, self._teacher(batch).logits, self.settings.temperature)
        return (1 - self.settings.eta) * cross_entropy + self.settings.eta * distillation

    def beta(self, batch: Batch) -> float:
        """The class ratio of the minibatch or of the task, or a constant, as `balance` says."""
        if self.settings.balance == "constant":
            return self.settings.beta
        return self._task_ratio if self.settings.balance == "task" else class_ratio(batch.labels, self._compact)

    def gain(self, batch: Batch) -> float:
        """Return m beta, at most 1 with `limit_gain`."""
        gain = self.settings.scale * self.beta(batch)
        return min(gain, 1.0) if self.settings.limit_gain else gain

    def step(self, detector: Detector, optimizer: torch.optim.Optimizer, batch: Batch, output: Output) -> None:
        """Let the optimizer step, then W <- before + (W - before) (P + gain Q) in every layer."""
        self.layers.step(optimizer, self.gain(batch), self.settings.apply_to)

    def end_task(self, detector: Detector, task: Task) -> None:
        self.layers.learn(detector, task.inputs())
