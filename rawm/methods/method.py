"""The contract of a continual-learning method."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar, Generic, Protocol, TypeVar

import torch
from torch import Tensor

from rawm.config import methods as config
from rawm.detectors.detector import Detector, Output
from rawm.seeding import derive
from rawm.tasks.samples import Batch, Samples

Settings = TypeVar("Settings", bound=config.Method)


@dataclass(frozen=True)
class Task:
    """The current task, as a method sees it.

    Attributes:
        number: 1 for the first task.
        train: the task's training samples; of all tasks so far for a method that `uses_old_data`.
        batch_size: minibatch size of the training loop.
        seed: seed for everything the method draws at random during this task.
        device: the detector's device.
    """

    number: int
    train: Samples
    batch_size: int
    seed: int
    device: torch.device

    def generator(self, purpose: str) -> torch.Generator:
        """A random generator for one purpose; drawing from it leaves the training loop's generators unchanged."""
        return torch.Generator().manual_seed(derive(self.seed, purpose))

    def inputs(self) -> Iterator[Batch]:
        """Minibatches of the training samples, on the device, in a fixed random order."""
        generator = torch.Generator().manual_seed(self.seed)
        return (batch.to(self.device) for batch in self.train.batches(self.batch_size, generator))


class Part(Protocol):
    """A part of a method with a state of its own, e.g. a buffer."""

    def state(self) -> dict[str, Tensor]:
        """Tensors to save, by name; empty before the first task."""
        ...

    def load(self, state: dict[str, Tensor]) -> None:
        """Restore what `state` returned; ignore names that are not this part's."""
        ...


class Method(Generic[Settings]):
    """Base of all methods: plain training. A subclass overrides the moments that it changes.

    The training loop calls a method at five moments: `begin_task`, `samples`, `loss`, `step` and `end_task`. Between
    tasks, possibly in another process, the attributes named in `remembers` are saved and loaded. Where classes grow,
    the detector has outputs that were not there when they were saved: what belongs to these is `widened`.

    Attributes:
        paper: source of the method, for docs/methods.md.
        memory: numbers kept from task to task beside the detector: p = parameters, d = inputs of a layer, k = rank,
            M = samples kept, n = all samples so far, T = tasks so far, e = embedding size.
        uses_old_data: it receives the training samples of all tasks seen so far.
        keeps_samples: its memory holds training samples of old tasks.
        freezes_body: after the first task only the output layer changes.
        remembers: names of the attributes kept from task to task. Each is a tensor or None, a dict of tensors, or a
            `Part`. In memory.safetensors, a tensor has the attribute's name, an entry of a dict `attribute.key`, and
            a part's tensors the names that the part gives them.
        integrates: names of the attributes (dicts of tensors) that add up over the steps of a task. With
            `checkpoint: best_dev` they go back to the best epoch together with the weights.
    """

    paper: ClassVar[str] = ""
    memory: ClassVar[str] = "0"
    uses_old_data: ClassVar[bool] = False
    keeps_samples: ClassVar[bool] = False
    freezes_body: ClassVar[bool] = False
    remembers: ClassVar[tuple[str, ...]] = ()
    integrates: ClassVar[tuple[str, ...]] = ()

    def __init__(self, settings: Settings, classes: tuple[str, ...]):
        self.settings = settings
        self.classes = classes

    def begin_task(self, detector: Detector, task: Task) -> None:
        """Prepare for a task, before the optimizer is made: copy the old detector, freeze parameters."""

    def samples(self, task: Task) -> Samples | None:
        """The samples to train on; None when the task is learned without gradients, in `end_task`."""
        return task.train

    def loss(self, detector: Detector, batch: Batch, output: Output, cross_entropy: Tensor) -> Tensor:
        """The scalar to minimise, given the cross-entropy of the minibatch."""
        return cross_entropy

    def step(self, detector: Detector, optimizer: torch.optim.Optimizer, batch: Batch, output: Output) -> None:
        """Update the weights; the gradients of the loss are in place."""
        optimizer.step()

    def end_task(self, detector: Detector, task: Task) -> None:
        """Collect what to remember of this task, after the last step."""

    def integrals(self) -> dict[str, dict[str, Tensor]]:
        """Copies of the attributes named in `integrates`, as they are after the steps so far."""
        return {name: {key: value.clone() for key, value in getattr(self, name).items()} for name in self.integrates}

    def restore(self, integrals: dict[str, dict[str, Tensor]]) -> None:
        """Go back to what `integrals` returned."""
        for name, values in integrals.items():
            setattr(self, name, values)

    def state(self) -> dict[str, Tensor]:
        """The attributes named in `remembers`, as one flat dict; written to memory.safetensors."""
        state: dict[str, Tensor] = {}
        for name in self.remembers:
            value: Tensor | dict[str, Tensor] | Part | None = getattr(self, name)
            if isinstance(value, Tensor):
                state[name] = value
            elif isinstance(value, dict):
                state |= {f"{name}.{key}": tensor for key, tensor in value.items()}
            elif value is not None:
                state |= value.state()
        return state

    def load(self, state: dict[str, Tensor]) -> None:
        """Restore what `state` returned, in a method that has seen no task yet."""
        for name in self.remembers:
            value: Tensor | dict[str, Tensor] | Part | None = getattr(self, name)
            if value is None or isinstance(value, Tensor):
                if name in state:
                    setattr(self, name, state[name].clone())
            elif isinstance(value, dict):
                value.update(entries(state, f"{name}."))
            else:
                value.load(state)


def entries(state: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """Copies of the tensors whose names start with `prefix`, without it."""
    return {name.removeprefix(prefix): value.clone() for name, value in state.items() if name.startswith(prefix)}


def widened(remembered: Tensor, shape: Sequence[int], value: float = 0.0) -> Tensor:
    """Append `value` to a tensor up to a shape: for the outputs of classes that were not known when it was kept."""
    if remembered.shape == torch.Size(shape):
        return remembered
    wide = remembered.new_full(tuple(shape), value)
    wide[tuple(slice(size) for size in remembered.shape)] = remembered
    return wide


def freeze_all_but(detector: torch.nn.Module, kept: set[int]) -> None:
    """Let only the parameters with these ids learn; stop the running statistics of normalisation layers."""
    for parameter in detector.parameters():
        parameter.requires_grad_(id(parameter) in kept)
    for module in detector.modules():
        if isinstance(module, torch.nn.modules.batchnorm._BatchNorm):
            module.eval()


def class_mask(names: list[str], classes: tuple[str, ...]) -> Tensor:
    """(classes,) bool: which classes are among `names`."""
    return torch.tensor([name in names for name in classes])
