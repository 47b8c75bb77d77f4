"""Region-Based Optimization.

Chen, Yi, Fan, Tao, Ren, Zeng, Zhang, Yan, Gu, Xue, Wang, Lv, Zhang: Region-Based Optimization in Continual Learning
for Audio Deepfake Detection. AAAI 2025, arXiv:2412.11551, doi:10.48550/arXiv.2412.11551.
"""

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from rawm.config import methods as config
from rawm.detectors.detector import Detector, Output
from rawm.detectors.scoring import evaluating
from rawm.methods.method import Method, Task, class_mask
from rawm.methods.parts.class_ratio import class_ratio
from rawm.methods.parts.importance import Named, log_probability, sum_over_samples
from rawm.tasks.samples import Batch

SIDES = ("compact", "other")


class RegO(Method[config.RegO]):
    """Restrict each parameter's move by its importance to old tasks, for genuine (`compact`) and for fake speech.

    A parameter is important for one of the two where its Fisher information, over the samples of those classes, is
    above the `alpha` quantile of its tensor. With o the old task's gradient, restricted to a region of a tensor:

    - important for neither: the whole move;
    - for genuine only: the part of the move that is parallel to o;
    - for fake only: the part that is orthogonal to o;
    - for both: the orthogonal part + beta times the parallel one, beta = (N_genuine + 1) / (N_fake + 1).

    Ebbinghaus release: a parameter that was important S times, the last time t tasks ago, is retained by exp(-t / S);
    below `gamma` it is free again.

    Deviations:
        o is the mean gradient of the previous task's loss at its end, not that of the last minibatch. The optimizer's
        move is split, not the gradient. Fisher information is over samples. The paper takes the parallel part over the
        whole tensor and masks it afterwards; for both, it has beta times the parallel part + (1 - beta) times the
        orthogonal one, beta = N_genuine / (N_genuine + N_fake). The paper does not define the strength S of a memory;
        here it is the number of tasks in which the parameter was important.
    """

    paper = "Chen et al. 2025, arXiv:2412.11551"
    memory = "5 p"
    remembers = ("gradient", "strength", "age")

    def __init__(self, settings: config.RegO, classes: tuple[str, ...]):
        super().__init__(settings, classes)
        self._compact = class_mask(settings.compact, classes)
        self.gradient: Named = {}  # o: parameter -> gradient of the previous task
        self.strength: Named = {}  # S: "side.parameter" -> number of tasks in which it was important for that side
        self.age: Named = {}  # t: "side.parameter" -> tasks since the last of them
        self._retained: Named = {}  # "side.parameter" -> bool: important, and not released yet

    def begin_task(self, detector: Detector, task: Task) -> None:
        if self.gradient:
            self.gradient = {name: value.to(task.device) for name, value in self.gradient.items()}
            self._retained = {name: value.to(task.device) for name, value in self.retained().items()}

    def retained(self) -> Named:
        """ "side.parameter" -> bool: important for that side, and not released yet."""
        retained = {}
        for name, strength in self.strength.items():
            retention = torch.exp(-self.age[name] / strength.clamp_min(1))
            retained[name] = (strength > 0) & (retention >= self.settings.gamma)
        return retained

    @torch.no_grad()
    def step(self, detector: Detector, optimizer: torch.optim.Optimizer, batch: Batch, output: Output) -> None:
        if not self._retained:
            optimizer.step()
            return
        before = {name: p.clone() for name, p in detector.named_parameters()}
        optimizer.step()
        beta = class_ratio(batch.labels, self._compact)
        for name, parameter in detector.named_parameters():
            genuine, fake = (self._retained[f"{side}.{name}"] for side in SIDES)
            move, old = parameter - before[name], self.gradient[name]
            moved = torch.where(genuine | fake, 0.0, move)
            moved += parallel(move, old, genuine & ~fake)
            both = genuine & fake
            moved += torch.where(fake, move, 0.0) - parallel(move, old, fake & ~genuine)
            moved -= (1 - beta) * parallel(move, old, both)
            parameter.copy_(before[name] + moved)

    def end_task(self, detector: Detector, task: Task) -> None:
        self.gradient = task_gradient(detector, task)
        for side, mask in zip(SIDES, (self._compact, ~self._compact), strict=True):
            rows = torch.nonzero(mask[task.train.labels])[:, 0]
            important = self._important(detector, task, rows) if len(rows) else {}
            for name, parameter in detector.named_parameters():
                now = important.get(name, torch.zeros(parameter.shape, dtype=torch.bool))
                key, zeros = f"{side}.{name}", torch.zeros(parameter.shape)
                self.strength[key] = self.strength.get(key, zeros) + now
                self.age[key] = torch.where(now, 0.0, self.age.get(key, zeros) + 1)

    def _important(self, detector: Detector, task: Task, rows: Tensor) -> Named:
        """Parameter -> bool: Fisher information over the samples at `rows` above the alpha quantile of its tensor."""
        batches = (task.train.batch(part).to(task.device) for part in rows.split(task.batch_size))
        important = {}
        for name, value in sum_over_samples(detector, batches, log_probability, torch.square).items():
            flat = value.flatten().cpu()
            threshold = flat.kthvalue(max(1, math.ceil(self.settings.alpha * len(flat)))).values
            important[name] = value.cpu() > threshold
        return important


def task_gradient(detector: Detector, task: Task) -> Named:
    """Parameter -> mean gradient of the task's cross-entropy, in evaluation mode."""
    detector.zero_grad(set_to_none=True)
    detector.requires_grad_(True)
    with evaluating(detector):
        for batch in task.inputs():
            logits = detector(batch.features, batch.lengths).logits
            (F.cross_entropy(logits, batch.labels, reduction="sum") / len(task.train)).backward()
    gradients = {name: p.grad.detach().clone() for name, p in detector.named_parameters() if p.grad is not None}
    detector.zero_grad(set_to_none=True)
    return gradients


def parallel(move: Tensor, old: Tensor, region: Tensor) -> Tensor:
    """The part of `move` that is parallel to `old`, both restricted to a region (bool) of a tensor; 0 elsewhere."""
    direction = torch.where(region, old, 0.0)
    length = direction.square().sum()
    return direction * ((direction * move).sum() / length) if length > 0 else torch.zeros_like(move)
