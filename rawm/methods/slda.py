"""Streaming linear discriminant analysis.

Hayes, Kanan: Lifelong Machine Learning with Deep Streaming Linear Discriminant Analysis. CVPR Workshops 2020,
arXiv:1909.01520.
"""

import torch
from torch import Tensor

from rawm.config import methods as config
from rawm.detectors.detector import Detector
from rawm.detectors.scoring import outputs
from rawm.methods.method import Method, Task
from rawm.tasks.samples import Samples


class SLDA(Method[config.SLDA]):
    """The first task trains the detector; then its body is frozen, and the output layer is a linear discriminant.

    mu_c is the mean embedding of class c over all tasks, Sigma the covariance of the embeddings around the mean of
    their class, and Lambda = ((1 - shrinkage) Sigma + shrinkage I)^-1. Class c has the weights w_c = Lambda mu_c and
    the bias -1/2 mu_c . Lambda mu_c, without class priors. No sample is kept, and the order of the tasks has no effect.

    Deviations:
        The paper updates Sigma sample by sample, around the running mean of each class at that moment; here all samples
        are taken around the final mean of their class, from sums. A class without samples has the output 0.
    """

    paper = "Hayes & Kanan 2020, arXiv:1909.01520"
    memory = "e² + classes e"
    freezes_body = True
    remembers = ("moments", "sums", "counts")

    def __init__(self, settings: config.SLDA, classes: tuple[str, ...]):
        super().__init__(settings, classes)
        self.moments: Tensor | None = None  # (e, e) sum of h h^T over all samples
        self.sums: Tensor | None = None  # (classes, e) sum of h over the samples of each class
        self.counts = torch.zeros(len(classes), dtype=torch.float64)

    def samples(self, task: Task) -> Samples | None:
        return task.train if task.number == 1 else None

    @torch.no_grad()
    def end_task(self, detector: Detector, task: Task) -> None:
        detector.eval()
        h = outputs(detector, task.train, task.device).embedding.double().cpu()
        targets = torch.nn.functional.one_hot(task.train.labels, len(self.classes)).double()
        self.moments = h.T @ h + (0 if self.moments is None else self.moments)
        self.sums = targets.T @ h + (0 if self.sums is None else self.sums)
        self.counts = self.counts + targets.sum(0)
        weights, bias = discriminant(self.moments, self.sums, self.counts, self.settings.shrinkage)
        detector.output.weight.copy_(weights)
        detector.output.bias.copy_(bias)


def discriminant(moments: Tensor, sums: Tensor, counts: Tensor, shrinkage: float) -> tuple[Tensor, Tensor]:
    """Weights (classes, e) and biases (classes,) of the linear discriminant, from sums over samples.

    Args:
        moments: (e, e) sum of h h^T.
        sums: (classes, e) sum of h in each class.
        counts: (classes,) samples of each class.
    """
    means = sums / counts.clamp_min(1)[:, None]
    covariance = (moments - means.T @ sums) / counts.sum()
    regularised = (1 - shrinkage) * covariance + shrinkage * torch.eye(len(covariance), dtype=covariance.dtype)
    weights = torch.linalg.solve(regularised, means.T).T
    return weights, -0.5 * (weights * means).sum(1)
