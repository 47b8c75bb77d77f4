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
from rawm.methods.method import Method, Task, class_mask, widened
from rawm.methods.parts.importance import Named, log_probability, sum_over_samples
from rawm.tasks.samples import Batch

GENUINE, FAKE = 1, 2  # marks of an entry that is important for these samples; 3 = for both


class RegO(Method[config.RegO]):
    """Let each entry of a weight follow the part of the gradient that its importance to earlier tasks allows.

    The paper's equations 3 to 14. After a task, an entry is marked as important for genuine speech (the `compact`
    classes), and likewise for fake speech, where its Fisher information over those samples reaches the `alpha` quantile
    of its tensor. In later tasks g_p is the part of the gradient g that is parallel to the previous task's gradient o,
    over the whole tensor, and g_o = g - g_p; then an entry follows

        A, marked for neither:   g
        B, for genuine only:     g_p
        C, for fake only:        g_o
        D, for both:             beta g_p + (1 - beta) g_o,    beta = N_genuine / (N_genuine + N_fake)

    with the numbers of samples in the minibatch. Marks add up over tasks, and old ones are released: in task k a mark
    of t tasks ago counts exp(-t / k), and an entry whose marks sum up to no more than `gamma` is free.

    The paper's ablations are settings: `directions: orthogonal` is "w/o RAO", `by_class: false` "w/o IRL", `gamma: 0`
    "w/o EFM".

    Deviations and choices:
        t counts tasks back from the current one, as in a forgetting curve; the printed sum can also be read as counting
        from the first task, which would give older marks more weight. A task that does not mark an entry adds nothing,
        where the printed indicator includes 0. A mark is worth at least exp(-(k - 1) / k) > 0.36, so the printed
        gamma = 0.1 releases nothing. An entry belongs to genuine or fake speech if any earlier task marked it so.
        Entries without any Fisher information are not important, whatever the quantile. o is the mean gradient of the
        previous task's loss at its end, in evaluation mode; the paper does not say where it is taken. Without regions
        by class, important entries are those of all samples together and follow the rule of D.
    """

    paper = "Chen et al. 2025, arXiv:2412.11551"
    memory = "p + T p / 4"
    remembers = ("gradient", "marks")

    def __init__(self, settings: config.RegO, classes: tuple[str, ...]):
        super().__init__(settings, classes)
        self._compact = class_mask(settings.compact, classes)
        self.gradient: Named = {}  # o: parameter -> gradient of the previous task
        self.marks: Named = {}  # "task.parameter" -> uint8: 0, GENUINE, FAKE or both
        self._regions: Named = {}  # parameter -> int64: the marks that are not released

    def begin_task(self, detector: Detector, task: Task) -> None:
        shapes = {name: parameter.shape for name, parameter in detector.named_parameters()}
        self.gradient = {name: widened(value, shapes[name]).to(task.device) for name, value in self.gradient.items()}
        self.marks = {name: widened(value, shapes[name.split(".", 1)[1]]) for name, value in self.marks.items()}
        regions = self.regions(task.number) if self.gradient else {}
        self._regions = {name: value.to(task.device, torch.int64) for name, value in regions.items()}

    def regions(self, number: int) -> Named:
        """Parameter -> uint8: the marks of all earlier tasks that are not released in task `number`."""
        regions = {}
        for name in self.gradient:
            marks = [self.marks[f"{task}.{name}"] for task in range(1, number)]
            retention = sum(math.exp(-(number - task) / number) * (mark > 0) for task, mark in enumerate(marks, 1))
            regions[name] = torch.zeros_like(marks[0])
            for mark in marks:
                regions[name] |= mark
            regions[name] *= torch.as_tensor(retention > self.settings.gamma)
            if self.settings.directions == "orthogonal":
                regions[name].fill_(FAKE)
        return regions

    @torch.no_grad()
    def step(self, detector: Detector, optimizer: torch.optim.Optimizer, batch: Batch, output: Output) -> None:
        """Replace each entry of the gradient by the part that its region follows; then the optimizer's step."""
        if self._regions:
            beta = float(self._compact[batch.labels.cpu()].double().mean())
            for name, parameter in detector.named_parameters():
                if parameter.grad is not None:
                    whole, along = parameter.grad.new_tensor([[1, 0, 1, 1 - beta], [0, 1, -1, 2 * beta - 1]])
                    region = self._regions[name]
                    parallel = parallel_part(parameter.grad, self.gradient[name])
                    parameter.grad.mul_(whole[region]).add_(along[region] * parallel)
        optimizer.step()

    def end_task(self, detector: Detector, task: Task) -> None:
        self.gradient = task_gradient(detector, task)
        compact = self._compact[task.train.labels]
        sides = {GENUINE: compact, FAKE: ~compact} if self.settings.by_class else {GENUINE | FAKE: compact | ~compact}
        for name, parameter in detector.named_parameters():
            self.marks[f"{task.number}.{name}"] = torch.zeros(parameter.shape, dtype=torch.uint8)
        for mark, mask in sides.items():
            rows = torch.nonzero(mask)[:, 0]
            for name, important in (self._important(detector, task, rows) if len(rows) else {}).items():
                self.marks[f"{task.number}.{name}"] += mark * important.to(torch.uint8)

    def _important(self, detector: Detector, task: Task, rows: Tensor) -> Named:
        """Parameter -> bool: whether the Fisher information over the samples at `rows` reaches its alpha quantile."""
        batches = (task.train.batch(part).to(task.device) for part in rows.split(task.batch_size))
        important = {}
        for name, value in sum_over_samples(detector, batches, log_probability, torch.square).items():
            flat = value.flatten().cpu()
            threshold = flat.kthvalue(max(1, math.ceil(self.settings.alpha * len(flat)))).values
            important[name] = (value.cpu() >= threshold) & (value.cpu() > 0)
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


def parallel_part(gradient: Tensor, old: Tensor) -> Tensor:
    """The part of `gradient` that is parallel to `old`, of the same shape: (g . o / |o|^2) o; 0 where o = 0."""
    length = old.square().sum()
    return old * ((gradient * old).sum() / length) if length > 0 else torch.zeros_like(old)
