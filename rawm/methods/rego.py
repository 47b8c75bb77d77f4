"""Region-Based Optimization.

Chen, Yi, Fan, Tao, Ren, Zeng, Zhang, Yan, Gu, Xue, Wang, Lv, Zhang: Region-Based Optimization in Continual Learning
for Audio Deepfake Detection. AAAI 2025, arXiv:2412.11551, doi:10.48550/arXiv.2412.11551.
"""

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from rawm.detectors.detector import Detector, Output
from rawm.detectors.scoring import evaluating
from rawm.methods.method import Method, Task, class_mask
from rawm.methods.parts.class_ratio import class_ratio
from rawm.methods.parts.importance import Named, sum_over_samples
from rawm.tasks.samples import Batch


class RegO(Method):
    """Each parameter moves by how much old tasks need it for genuine (`compact`) and for fake speech.

    A parameter is important for one of the two where its Fisher information, over the samples of those classes, is
    above the `alpha` quantile of its tensor. With o the old task's gradient, restricted to a region of a tensor:

    - needed for neither: moves freely;
    - for genuine only: only the part of the move that is parallel to o;
    - for fake only: only the part that is orthogonal to o;
    - for both: the orthogonal part + beta times the parallel one, beta = (N_genuine + 1) / (N_fake + 1).

    Ebbinghaus release: what was important S times, the last time t tasks ago, is retained by exp(-t / S); below
    `gamma` the parameter is free again.

    Deviations:
        o is the mean gradient of the previous task's loss at its end, not that of the last minibatch. The move of the
        optimizer is split, not the gradient it is given. Fisher information is over samples. The paper does not define
        the strength S of a memory; here it is the number of tasks that found the parameter important.
    """

    paper = "Chen et al. 2025, arXiv:2412.11551"
    memory = "5 p"

    def __init__(self, settings, classes: tuple[str, ...]):
        super().__init__(settings, classes)
        self._compact = class_mask(settings.compact, classes)
        self._old: Named = {}  # gradient of the previous task
        # For each side, parameter -> how often it was important, and how many tasks ago the last time was.
        self._strength: dict[str, Named] = {"compact": {}, "other": {}}
        self._age: dict[str, Named] = {"compact": {}, "other": {}}
        self._needed: dict[str, Named] = {}

    def begin_task(self, detector: Detector, task: Task) -> None:
        if self._old:
            self._old = {name: value.to(task.device) for name, value in self._old.items()}
            self._needed = {side: self._retained(side, task.device) for side in self._strength}

    def _retained(self, side: str, device: torch.device) -> Named:
        """Parameter -> bool: important, and not released yet."""
        retained = {}
        for name, strength in self._strength[side].items():
            kept = torch.exp(-self._age[side][name] / strength.clamp_min(1))
            retained[name] = ((strength > 0) & (kept >= self.settings.gamma)).to(device)
        return retained

    @torch.no_grad()
    def step(self, detector: Detector, optimizer: torch.optim.Optimizer, batch: Batch, output: Output) -> None:
        if not self._needed:
            optimizer.step()
            return
        before = {name: p.clone() for name, p in detector.named_parameters()}
        optimizer.step()
        beta = class_ratio(batch.labels, self._compact)
        for name, parameter in detector.named_parameters():
            genuine, fake = self._needed["compact"][name], self._needed["other"][name]
            move, old = parameter - before[name], self._old[name]
            moved = torch.where(genuine | fake, 0.0, move)
            moved += parallel(move, old, genuine & ~fake)
            both = genuine & fake
            moved += torch.where(fake, move, 0.0) - parallel(move, old, fake & ~genuine)
            moved -= (1 - beta) * parallel(move, old, both)
            parameter.copy_(before[name] + moved)

    def end_task(self, detector: Detector, task: Task) -> None:
        self._old = self._gradient(detector, task)
        for side, mask in (("compact", self._compact), ("other", ~self._compact)):
            rows = torch.nonzero(mask[task.train.labels])[:, 0]
            important = self._important(detector, task, rows) if len(rows) else {}
            for name, parameter in detector.named_parameters():
                found = important.get(name, torch.zeros(parameter.shape, dtype=torch.bool))
                strength = self._strength[side].get(name, torch.zeros(parameter.shape))
                age = self._age[side].get(name, torch.zeros(parameter.shape))
                self._strength[side][name] = strength + found
                self._age[side][name] = torch.where(found, 0.0, age + 1)

    def _important(self, detector: Detector, task: Task, rows: Tensor) -> dict[str, Tensor]:
        """Parameter -> bool: Fisher information over the samples at `rows` above the alpha quantile of its tensor."""
        batches = (task.train.batch(part).to(task.device) for part in rows.split(task.batch_size))
        log_p = lambda logits, y: torch.log_softmax(logits, 0).gather(0, y[None])[0]  # noqa: E731
        important = {}
        for name, value in sum_over_samples(detector, batches, log_p, torch.square).items():
            flat = value.flatten().cpu()
            threshold = flat.kthvalue(max(1, math.ceil(self.settings.alpha * len(flat)))).values
            important[name] = value.cpu() > threshold
        return important

    def _gradient(self, detector: Detector, task: Task) -> Named:
        """Mean gradient of the task's cross-entropy."""
        detector.zero_grad(set_to_none=True)
        detector.requires_grad_(True)
        with evaluating(detector):
            for batch in task.inputs():
                logits = detector(batch.features, batch.lengths).logits
                (F.cross_entropy(logits, batch.labels, reduction="sum") / len(task.train)).backward()
        gradients = {name: p.grad.detach().clone() for name, p in detector.named_parameters()}
        detector.zero_grad(set_to_none=True)
        return gradients

    def state(self) -> dict[str, Tensor]:
        state = {f"gradient.{name}": value for name, value in self._old.items()}
        for kind, memory in (("strength", self._strength), ("age", self._age)):
            for side, values in memory.items():
                state |= {f"{kind}.{side}.{name}": value for name, value in values.items()}
        return state

    def load(self, state: dict[str, Tensor]) -> None:
        memories = {"strength": self._strength, "age": self._age}
        for key, value in state.items():
            kind, _, rest = key.partition(".")
            if kind == "gradient":
                self._old[rest] = value.clone()
            else:
                side, _, name = rest.partition(".")
                memories[kind][side][name] = value.clone()


def parallel(move: Tensor, old: Tensor, region: Tensor) -> Tensor:
    """The part of `move` that is parallel to `old`, both restricted to a region (bool) of a tensor; 0 elsewhere."""
    direction = torch.where(region, old, 0.0)
    length = direction.square().sum()
    return direction * ((direction * move).sum() / length) if length > 0 else torch.zeros_like(move)
