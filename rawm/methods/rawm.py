"""Regularized Adaptive Weight Modification.

Zhang, Yi, Tao, Wang, Zhang: Do You Remember? Overcoming Catastrophic Forgetting for Fake Audio Detection. ICML 2023,
PMLR 202, arXiv:2308.03300.
"""

import torch
from torch import Tensor

from rawm.detectors.detector import Detector, Output
from rawm.methods.method import Method, Task, class_mask
from rawm.methods.parts.class_ratio import class_ratio
from rawm.methods.parts.regularized import Regularizer
from rawm.tasks.samples import Batch


class RAWM(Method):
    """dW <- dW (P + m beta Q): free where the past has not been, scaled by the class ratio beta where it has.

    Genuine speech is similar across corpora and fake speech is not, so minibatches with more genuine speech may write
    more where the past has written. Plain reading of `variant: spectral`: m beta = 0 is OWM, m beta = 1 is plain
    fine-tuning, and RAWM moves between the two from minibatch to minibatch.

    Deviations:
        The class ratio counts `compact` classes against the others, which for genuine and fake is the paper's. The
        fixed scale m is ours (the paper has m = 1 after normalising both projectors). `variant: spectral` has
        P = I - U U^T and Q = U U^T; `variant: paper` has the published formula, see
        `rawm.methods.parts.projection.paper`. The optimizer's step is projected, not the gradient (`apply_to: gradient`
        is the paper's). Statistics are taken once per finished task; layers' bias is protected too.
    """

    paper = "Zhang et al. 2023, arXiv:2308.03300"
    memory = "d² + d k a layer"

    def __init__(self, settings, classes: tuple[str, ...]):
        super().__init__(settings, classes)
        self._regularizer = Regularizer(settings)
        self._compact = class_mask(settings.compact, classes)
        self._task_ratio = 1.0

    def begin_task(self, detector: Detector, task: Task) -> None:
        self._regularizer.begin_task(detector, task)
        self._task_ratio = class_ratio(task.train.labels, self._compact)

    def loss(self, detector: Detector, batch: Batch, output: Output, cross_entropy: Tensor) -> Tensor:
        return self._regularizer.loss(batch, output.logits, cross_entropy)

    def step(self, detector: Detector, optimizer: torch.optim.Optimizer, batch: Batch, output: Output) -> None:
        self._regularizer.step(optimizer, self._beta(batch))

    def _beta(self, batch: Batch) -> float:
        if self.settings.balance == "constant":
            return self.settings.beta
        return self._task_ratio if self.settings.balance == "task" else class_ratio(batch.labels, self._compact)

    def end_task(self, detector: Detector, task: Task) -> None:
        self._regularizer.end_task(detector, task)

    def state(self) -> dict[str, Tensor]:
        return self._regularizer.layers.state()

    def load(self, state: dict[str, Tensor]) -> None:
        self._regularizer.layers.load(state)
