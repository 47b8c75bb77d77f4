"""Distillation against the detector of the previous task, shared by LwF, DFWF, RAWM and RWM."""

import copy

import torch
from torch import Tensor

from rawm.detectors.detector import Detector, Output
from rawm.detectors.scoring import outputs
from rawm.methods.method import Task
from rawm.tasks.samples import Batch


def soft_cross_entropy(new: Tensor, old: Tensor, temperature: float) -> Tensor:
    """Mean over the minibatch of -softmax(z_old / tau) . log softmax(z_new / tau); logits (B, classes) -> scalar.

    Its gradient is that of the Kullback-Leibler divergence. LwF eq. 2; RAWM's regularisation loss.
    """
    target = torch.softmax(old / temperature, dim=1)
    return -(target * torch.log_softmax(new / temperature, dim=1)).sum(1).mean()


class Teacher:
    """What the detector said of a task's training samples before it was trained on them.

    It is frozen and samples do not change, so each is passed through it once, and not again in every epoch. Where
    minibatches are cut from longer utterances, a frozen copy of the detector is asked for each of them instead.
    """

    def __init__(self, detector: Detector, task: Task):
        self._copy, self._known = None, None
        if task.train.crop is None or task.train.pooled:
            self._known = outputs(detector, task.train, task.device)
        else:
            self._copy = copy.deepcopy(detector).eval().requires_grad_(False)

    def __call__(self, batch: Batch) -> Output:
        """Embeddings (B, e) and logits (B, classes) of a minibatch of the task's training samples."""
        if self._copy is not None:
            return self._copy(batch.features, batch.lengths)
        return Output(self._known.embedding[batch.rows], self._known.logits[batch.rows])
