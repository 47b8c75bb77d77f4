"""The contract of a continual-learning method."""

from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from rawm.detectors.detector import Detector, Output
from rawm.seeding import derive
from rawm.tasks.samples import Batch, Samples


@dataclass(frozen=True)
class Task:
    """What a method may know of the task at hand.

    Attributes:
        number: 1 for the first task.
        train: the task's training samples; of all tasks so far for a method that `uses_old_data`.
        batch_size: of the loop.
        seed: for whatever the method draws at random during this task.
        device: where the detector is.
    """

    number: int
    train: Samples
    batch_size: int
    seed: int
    device: torch.device

    def generator(self, purpose: str) -> torch.Generator:
        """A random generator of the method's own for one purpose, so that the loop's is left alone."""
        return torch.Generator().manual_seed(derive(self.seed, purpose))

    def inputs(self):
        """Minibatches of the training samples, on the device, in a random order of their own."""
        generator = torch.Generator().manual_seed(self.seed)
        return (batch.to(self.device) for batch in self.train.batches(self.batch_size, generator))


class Method:
    """Base of all methods: plain training. A subclass overrides what it changes.

    Attributes:
        paper: where the method is from, for docs/methods.md.
        memory: numbers kept from task to task beside the detector: p = parameters, d = inputs of a layer, k = rank,
            M = samples kept, n = all samples so far, T = tasks so far, e = embedding size.
        uses_old_data: it is given the training samples of all tasks seen so far.
        keeps_samples: its memory holds training samples of old tasks.
        freezes_body: after the first task only the output layer changes.
    """

    paper: ClassVar[str] = ""
    memory: ClassVar[str] = "0"
    uses_old_data: ClassVar[bool] = False
    keeps_samples: ClassVar[bool] = False
    freezes_body: ClassVar[bool] = False

    def __init__(self, settings: Any, classes: tuple[str, ...]):
        self.settings = settings
        self.classes = classes

    def begin_task(self, detector: Detector, task: Task) -> None:
        """Before the optimizer is made: remember the old detector, freeze parameters."""

    def samples(self, task: Task) -> Samples | None:
        """What the loop trains on; None where the task is learned without gradients, in `end_task`."""
        return task.train

    def loss(self, detector: Detector, batch: Batch, output: Output, cross_entropy: Tensor) -> Tensor:
        """The scalar to minimise, given the cross-entropy of the minibatch."""
        return cross_entropy

    def step(self, detector: Detector, optimizer: torch.optim.Optimizer, batch: Batch, output: Output) -> None:
        """Move the weights; the gradients of the loss are ready."""
        optimizer.step()

    def end_task(self, detector: Detector, task: Task) -> None:
        """After the last step: gather what must be remembered of this task."""

    def state(self) -> dict[str, Tensor]:
        """What is carried to the next task, as flat names -> tensors; written to memory.safetensors."""
        return {}

    def load(self, state: dict[str, Tensor]) -> None:
        """Take up what `state` gave, in another process."""


def freeze_all_but(detector: Detector, kept: set[int]) -> None:
    """Let only the parameters with these ids learn; normalisation layers keep their statistics too."""
    for parameter in detector.parameters():
        parameter.requires_grad_(id(parameter) in kept)
    for module in detector.modules():
        if isinstance(module, torch.nn.modules.batchnorm._BatchNorm):
            module.eval()


def class_mask(names: list[str], classes: tuple[str, ...]) -> Tensor:
    """(classes,) bool: which classes are among `names`."""
    return torch.tensor([name in names for name in classes])
