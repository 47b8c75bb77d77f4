"""Distillation against the detector of the previous task, shared by LwF, DFWF, RAWM and RWM."""

import copy

import torch
from torch import Tensor
from torch.nn import functional as F

from rawm.detectors.detector import Detector, Output
from rawm.detectors.scoring import outputs
from rawm.methods.method import Task
from rawm.tasks.samples import Batch


def soft_cross_entropy(new: Tensor, old: Tensor, temperature: float) -> Tensor:
    """Mean over the minibatch of -softmax(z_old / tau) . log softmax(z_new / tau); logits (B, classes) -> scalar.

    Where the new detector has outputs for more classes than the old one, only those that both have are compared.
    Its gradient is that of the Kullback-Leibler divergence. LwF eq. 2; RAWM's regularisation loss.
    """
    target = torch.softmax(old / temperature, dim=1)
    return F.cross_entropy(new[:, : old.shape[1]] / temperature, target)


class Teacher:
    """The outputs of the previous task's detector on the current task's training samples.

    The detector is frozen and samples do not change, so each sample passes through it once and is looked up in every
    epoch. Where minibatches are crops of longer utterances, a frozen copy of the detector computes them each time.

    Args:
        embeddings: keep the embeddings too, not only the logits.
    """

    def __init__(self, detector: Detector, task: Task, embeddings: bool = False):
        self._teacher: Detector | Output
        if task.train.crop is None or task.train.pooled:
            self._teacher = outputs(detector, task.train, task.device, embeddings)
        else:
            self._teacher = copy.deepcopy(detector).eval().requires_grad_(False)

    def __call__(self, batch: Batch) -> Output:
        """Embeddings (B, e), if asked for, and logits (B, classes) of a minibatch of the task's training samples."""
        if isinstance(self._teacher, Detector):
            return self._teacher(batch.features, batch.lengths)
        return Output(self._teacher.embedding[batch.rows], self._teacher.logits[batch.rows])
