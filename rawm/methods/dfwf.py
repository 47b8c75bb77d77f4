"""Detecting Fake Without Forgetting.

Ma, Yi, Tao, Bai, Tian, Wang: Continual Learning for Fake Audio Detection. Interspeech 2021, arXiv:2104.07286,
doi:10.48550/arXiv.2104.07286.
"""

from torch import Tensor
from torch.nn import functional as F

from rawm.config import methods as config
from rawm.detectors.detector import Detector, Output
from rawm.methods.method import Method, Task, class_mask
from rawm.methods.parts.distillation import Teacher, soft_cross_entropy
from rawm.tasks.samples import Batch


class DFWF(Method[config.DFWF]):
    """LwF + alpha x positive-sample alignment: mean over genuine samples of 1 - cos(h_new, h_old), h = embedding.

    Genuine speech is similar across corpora, so its embeddings are kept close to those of the previous detector.

    Deviations:
        All tasks share one output layer. "Genuine" is any class that is configured as `compact`.
    """

    paper = "Ma et al. 2021, arXiv:2104.07286"
    memory = "0"

    def __init__(self, settings: config.DFWF, classes: tuple[str, ...]):
        super().__init__(settings, classes)
        self._compact = class_mask(settings.compact, classes)
        self._teacher: Teacher | None = None

    def begin_task(self, detector: Detector, task: Task) -> None:
        self._teacher = Teacher(detector, task, embeddings=True) if task.number > 1 else None
        self._compact = self._compact.to(task.device)

    def loss(self, detector: Detector, batch: Batch, output: Output, cross_entropy: Tensor) -> Tensor:
        if self._teacher is None:
            return cross_entropy
        loss, old = cross_entropy, self._teacher(batch)
        if self.settings.lambda_:
            distillation = soft_cross_entropy(output.logits, old.logits, self.settings.temperature)
            loss = loss + self.settings.lambda_ * distillation
        compact = self._compact[batch.labels]
        if self.settings.alpha and compact.any():
            similarity = F.cosine_similarity(output.embedding[compact], old.embedding[compact])
            loss = loss + self.settings.alpha * (1 - similarity).mean()
        return loss
