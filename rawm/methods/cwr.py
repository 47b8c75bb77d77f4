"""Copy Weights with Reinit, CWR*.

Lomonaco, Maltoni, Pellegrini: Rehearsal-Free Continual Learning over Small Non-I.I.D. Batches. CVPR Workshops 2020,
arXiv:1907.03799, doi:10.48550/arXiv.1907.03799.
"""

import torch
from torch import Tensor

from rawm.config import methods as config
from rawm.detectors.detector import Detector
from rawm.methods.method import Method, Task, freeze_all_but, widened
from rawm.methods.parts.projected_layers import matrix


class CWRStar(Method[config.CWRStar]):
    """After the first task only the output layer learns, and each class's weights are averaged over the tasks.

    Consolidated weights cw of class j (algorithm 1): cw_j <- (cw_j past + tw_j - mean(tw)) / (past + 1), where tw are
    the weights just trained, the mean is over the classes of the task, and past = sqrt(samples of j before / now).

    Deviations:
        The bias of the output layer counts as one more weight. mean(tw) is taken separately for each input weight;
        released code subtracts one scalar. Where a task has one class, nothing is subtracted: the difference would
        be 0.
    """

    paper = "Lomonaco et al. 2020, arXiv:1907.03799"
    memory = "classes e"
    freezes_body = True
    remembers = ("weights", "past")

    def __init__(self, settings: config.CWRStar, classes: tuple[str, ...]):
        super().__init__(settings, classes)
        self.weights: Tensor | None = None  # (classes, e + 1) consolidated, the bias in the last column
        self.past = torch.zeros(len(classes), dtype=torch.float64)  # samples of each class in earlier tasks

    @torch.no_grad()
    def begin_task(self, detector: Detector, task: Task) -> None:
        if self.weights is None:
            return
        self.weights = widened(self.weights, (len(self.classes), self.weights.shape[1]))
        self.past = widened(self.past, (len(self.classes),))
        freeze_all_but(detector, {id(p) for p in detector.output.parameters()})
        present = torch.bincount(task.train.labels, minlength=len(self.classes)) > 0
        write_output(detector, self.weights * present[:, None])

    @torch.no_grad()
    def end_task(self, detector: Detector, task: Task) -> None:
        trained = matrix(detector.output.weight, detector.output.bias).detach().cpu()
        if self.weights is None:
            self.weights = torch.zeros_like(trained)
        counts = torch.bincount(task.train.labels, minlength=len(self.classes)).double()
        mean = trained[counts > 0].mean(0)
        for j in torch.nonzero(counts > 0)[:, 0].tolist():
            past = float((self.past[j] / counts[j]).sqrt())
            centred = trained[j] - mean if int((counts > 0).sum()) > 1 else trained[j]
            self.weights[j] = (self.weights[j] * past + centred) / (past + 1)
        self.past += counts
        write_output(detector, self.weights)


def write_output(detector: Detector, weights: Tensor) -> None:
    """Set the output layer to weights (classes, e + 1) whose last column is the bias."""
    detector.output.weight.copy_(weights[:, :-1])
    detector.output.bias.copy_(weights[:, -1])
