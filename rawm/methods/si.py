"""Synaptic Intelligence.

Zenke, Poole, Ganguli: Continual Learning Through Synaptic Intelligence. ICML 2017, arXiv:1703.04200,
doi:10.48550/arXiv.1703.04200.
"""

import torch
from torch import Tensor

from rawm.config import methods as config
from rawm.detectors.detector import Detector, Output
from rawm.methods.method import Method, Task
from rawm.methods.parts.importance import Named, QuadraticPenalty
from rawm.tasks.samples import Batch


class SI(Method[config.SI]):
    """Cross-entropy + c sum Omega (theta - theta*)^2 (eq. 4); Omega is each parameter's contribution to old losses.

    omega = -sum over the task's steps of gradient x step; Omega <- Omega + omega / (total move^2 + xi) (eq. 5). The
    gradient is that of the cross-entropy alone.

    Deviations:
        A negative omega, of a parameter whose moves raised a task's loss, counts as 0. The authors' code clips the
        accumulated importance at 0 instead of each task's.
    """

    paper = "Zenke et al. 2017, arXiv:1703.04200"
    memory = "2 p"
    remembers = ("penalty",)
    integrates = ("_omega",)

    def __init__(self, settings: config.SI, classes: tuple[str, ...]):
        super().__init__(settings, classes)
        self.penalty = QuadraticPenalty()
        self._omega: Named = {}
        self._start: Named = {}

    def begin_task(self, detector: Detector, task: Task) -> None:
        self.penalty.begin_task(detector, task.device)
        self._start = {name: p.detach().clone() for name, p in detector.named_parameters()}
        self._omega = {name: torch.zeros_like(value) for name, value in self._start.items()}

    def loss(self, detector: Detector, batch: Batch, output: Output, cross_entropy: Tensor) -> Tensor:
        if not self.penalty.importance or self.settings.c == 0:
            return cross_entropy
        return cross_entropy + self.settings.c * self.penalty.value(detector)

    @torch.no_grad()
    def step(self, detector: Detector, optimizer: torch.optim.Optimizer, batch: Batch, output: Output) -> None:
        parameters = dict(detector.named_parameters())
        gradients = {name: p.grad.clone() for name, p in parameters.items() if p.grad is not None}
        if self.penalty.importance and self.settings.c:
            for name, penalty in self.penalty.gradient(detector).items():
                gradients[name] -= self.settings.c * penalty
        before = {name: p.clone() for name, p in parameters.items()}
        optimizer.step()
        for name, gradient in gradients.items():
            self._omega[name] -= gradient * (parameters[name] - before[name])

    def end_task(self, detector: Detector, task: Task) -> None:
        moved = {name: (p.detach() - self._start[name]).square() for name, p in detector.named_parameters()}
        importance = {name: self._omega[name].clamp_min(0) / (moved[name] + self.settings.xi) for name in moved}
        self.penalty.accumulate(importance, detector)
