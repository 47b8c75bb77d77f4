"""Gradient Episodic Memory.

Lopez-Paz, Ranzato: Gradient Episodic Memory for Continual Learning. NeurIPS 2017, arXiv:1706.08840,
doi:10.48550/arXiv.1706.08840.
"""

import torch
from scipy.optimize import nnls
from torch import Tensor

from rawm.config import methods as config
from rawm.detectors.detector import Detector, Output
from rawm.methods.method import Method, Task
from rawm.methods.parts.buffer import Buffer
from rawm.methods.parts.gradients import flat_gradient, loss_gradient, set_gradient
from rawm.tasks.samples import Batch, Samples


def project(gradient: Tensor, old: Tensor, margin: float = 0.0) -> Tensor:
    """The gradient nearest to `gradient` (p,) that has no negative product with any row of `old` (tasks, p).

    Solves min 1/2 |z - g|^2 subject to old z >= 0 by its dual, min |old^T v + g|^2 over v >= margin (eq. 11), which
    is a non-negative least squares problem with one unknown for each old task. Computed in float64.
    """
    g, rows = gradient.double(), old.double()
    products = rows @ g
    if bool((products >= 0).all()) or not bool(products.isfinite().all()):
        return g  # a run that diverges is stopped by the training loop
    # An orthonormal basis of the rows' span makes the problem as small as the number of tasks.
    basis, triangle = torch.linalg.qr(rows.T)
    target = -(basis.T @ g + triangle @ torch.full((len(rows),), margin, dtype=g.dtype, device=g.device))
    v = torch.from_numpy(nnls(triangle.cpu().numpy(), target.cpu().numpy())[0]).to(g) + margin
    return g + rows.T @ v


class GEM(Method[config.GEM]):
    """Change the gradient as little as possible so that no old task's loss rises on the samples kept of it.

    Deviations:
        The buffer is shared out among the tasks seen so far, not reserved for a known number of tasks, and samples are
        chosen at random; the paper keeps the last ones.
    """

    paper = "Lopez-Paz & Ranzato 2017, arXiv:1706.08840"
    memory = "M d"
    keeps_samples = True
    remembers = ("buffer",)

    def __init__(self, settings: config.GEM, classes: tuple[str, ...]):
        super().__init__(settings, classes)
        self.buffer = Buffer(settings.capacity, "task")
        self._old: list[Batch] = []

    def begin_task(self, detector: Detector, task: Task) -> None:
        self._old = [everything(samples).to(task.device) for samples in self.buffer.by_task()]

    def step(self, detector: Detector, optimizer: torch.optim.Optimizer, batch: Batch, output: Output) -> None:
        if self._old:
            old = torch.stack([loss_gradient(detector, samples) for samples in self._old])
            set_gradient(detector, project(flat_gradient(detector), old, self.settings.margin))
        optimizer.step()

    def end_task(self, detector: Detector, task: Task) -> None:
        self.buffer.add(task)


def everything(samples: Samples) -> Batch:
    """All samples as one minibatch."""
    return samples.batch(torch.arange(len(samples)))
