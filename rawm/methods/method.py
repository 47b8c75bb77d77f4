"""The contract of a continual-learning method."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from rawm.detectors.detector import Detector, Output
from rawm.samples import Batch, Samples


@dataclass(frozen=True)
class Task:
    """What a method may know of the task at hand.

    Attributes:
        number: 1 for the first task.
        train: the samples that the loop trains on.
        batch_size: of the loop.
        seed: for whatever the method draws at random during this task.
        device: where the detector is.
    """

    number: int
    train: Samples
    batch_size: int
    seed: int
    device: torch.device


class Method:
    """Base of all methods: plain training. A subclass overrides what it changes.

    `uses_old_data` methods are given the training samples of all tasks seen so far.
    """

    uses_old_data = False

    def __init__(self, settings: Any, classes: tuple[str, ...]):
        self.settings = settings
        self.classes = classes

    def begin_task(self, detector: Detector, task: Task) -> None:
        """Before the optimizer is made: remember the old detector, freeze parameters."""

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
