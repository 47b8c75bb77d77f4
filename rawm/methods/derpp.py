"""Dark Experience Replay, with labels (DER++).

Buzzega, Boschini, Porrello, Abati, Calderara: Dark Experience for General Continual Learning: a Strong, Simple
Baseline. NeurIPS 2020, arXiv:2004.07211, doi:10.48550/arXiv.2004.07211.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

from rawm.config import methods as config
from rawm.detectors.detector import Detector, Output
from rawm.detectors.scoring import outputs
from rawm.methods.method import Method, Task, widened
from rawm.methods.parts.buffer import Buffer
from rawm.tasks.samples import Batch


class DERpp(Method[config.DERpp]):
    """CE(new) + a MSE(z, z_old) + b CE(replayed), on two independent draws from the buffer (eq. 6).

    Deviations:
        Samples enter the buffer when their task ends, with the detector's logits at that time; the paper stores them
        during training, with the logits of that step. The logits are of whole utterances, also where the buffer keeps
        only a crop. Where classes grow, outputs that the detector did not have when a sample was stored count 0.
    """

    paper = "Buzzega et al. 2020, arXiv:2004.07211"
    memory = "M d"
    keeps_samples = True
    remembers = ("buffer",)

    def __init__(self, settings: config.DERpp, classes: tuple[str, ...]):
        super().__init__(settings, classes)
        self.buffer = Buffer(settings.capacity, "none")
        self._generator = torch.Generator()

    def begin_task(self, detector: Detector, task: Task) -> None:
        self._generator = task.generator("replay")

    def loss(self, detector: Detector, batch: Batch, output: Output, cross_entropy: Tensor) -> Tensor:
        if not len(self.buffer):
            return cross_entropy
        loss = cross_entropy
        if self.settings.a:
            old = self._draw(batch)
            logits = detector(old.features, old.lengths).logits
            stored = widened(self.buffer.extra("logits", old), logits.shape, torch.nan)
            loss = loss + self.settings.a * F.mse_loss(logits, torch.where(stored.isnan(), logits, stored))
        if self.settings.b:
            old = self._draw(batch)
            loss = loss + self.settings.b * F.cross_entropy(detector(old.features, old.lengths).logits, old.labels)
        return loss

    def _draw(self, batch: Batch) -> Batch:
        return self.buffer.draw(len(batch.labels), self._generator).to(batch.features.device)

    def end_task(self, detector: Detector, task: Task) -> None:
        self.buffer.add(task, logits=outputs(detector, task.train, task.device).logits)
