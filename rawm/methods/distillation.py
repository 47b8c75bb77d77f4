"""Distillation against the detector of the previous task, shared by LwF, DFWF, RAWM and RWM."""

import torch
from torch import Tensor

from rawm.detectors.detector import Detector, Output
from rawm.methods.method import Task
from rawm.samples import Batch
from rawm.scoring import BATCH, evaluating


def soft_cross_entropy(new: Tensor, old: Tensor, temperature: float) -> Tensor:
    """Mean over the minibatch of -softmax(z_old / tau) . log softmax(z_new / tau); logits (B, classes) -> scalar.

    Its gradient is that of the Kullback-Leibler divergence. LwF eq. 2; RAWM's regularisation loss.
    """
    target = torch.softmax(old / temperature, dim=1)
    return -(target * torch.log_softmax(new / temperature, dim=1)).sum(1).mean()


@torch.no_grad()
def outputs(detector: Detector, task: Task) -> Output:
    """Embeddings (N, e) and logits (N, classes) of all training samples of a task, in evaluation mode."""
    with evaluating(detector):
        parts = [
            detector(batch.features, batch.lengths)
            for batch in (batch.to(task.device) for batch in task.train.batches(BATCH))
        ]
    return Output(*(torch.cat(tensors) for tensors in zip(*parts, strict=True)))


class Teacher:
    """What the detector said of a task's training samples before it was trained on them.

    Each sample is passed through the old detector once, and not again in every epoch: it is frozen, and the samples
    do not change.
    """

    def __init__(self, detector: Detector, task: Task):
        self._embedding, self._logits = outputs(detector, task)

    def logits(self, batch: Batch) -> Tensor:
        """(B, classes) of a minibatch of the task's training samples."""
        return self._logits[batch.rows]

    def embedding(self, batch: Batch) -> Tensor:
        """(B, e) of a minibatch of the task's training samples."""
        return self._embedding[batch.rows]
