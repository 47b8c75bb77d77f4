"""The layers of a detector with their projectors: collect layer inputs, read and write weights as matrices."""

from collections.abc import Callable, Iterable, Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from rawm.detectors.detector import Detector
from rawm.detectors.scoring import evaluating
from rawm.errors import Diverged
from rawm.methods.method import entries, freeze_all_but
from rawm.methods.parts.projection import Projector, Rule, from_tensors
from rawm.tasks.samples import Batch

Layer = nn.Linear | nn.Conv1d | nn.Conv2d


def protectable(detector: nn.Module) -> dict[str, Layer]:
    """Name -> layer, for every linear or ungrouped convolutional layer."""
    return {
        name: module
        for name, module in detector.named_modules()
        if isinstance(module, nn.Linear)
        or (isinstance(module, nn.Conv1d | nn.Conv2d) and module.groups == 1 and module.padding_mode == "zeros")
    }


def layer_inputs(layer: Layer, x: Tensor) -> Tensor:
    """The vectors a (n, d) that a layer multiplies its weight matrix with, for the layer's input x.

    For a convolution they are unfolded patches (channels x kernel); a constant 1 is appended where there is a bias.
    """
    if isinstance(layer, nn.Linear):
        a = x.reshape(-1, x.shape[-1])
    else:
        if isinstance(layer, nn.Conv1d):
            x = x.unsqueeze(2)  # one row of height 1
        padding = _symmetric_padding(layer)
        kernel, dilation, stride = (_two_sided(size, 1) for size in (layer.kernel_size, layer.dilation, layer.stride))
        patches = F.unfold(x, kernel, dilation=dilation, padding=_two_sided(padding, 0), stride=stride)
        a = patches.transpose(1, 2).reshape(-1, patches.shape[1])
    return a if layer.bias is None else torch.cat([a, a.new_ones(len(a), 1)], dim=1)


def _two_sided(size: tuple[int, ...], height: int) -> tuple[int, ...]:
    """A convolution's size for two axes; for a one-dimensional one the first axis has size `height`."""
    return size if len(size) == 2 else (height, *size)


def _symmetric_padding(layer: nn.Conv1d | nn.Conv2d) -> tuple[int, ...]:
    """Zeros on each side of each axis, also where the layer says `same` or `valid` (kernels of odd length)."""
    if layer.padding == "valid":
        return (0,) * len(layer.kernel_size)
    if layer.padding == "same":
        return tuple(d * (k - 1) // 2 for d, k in zip(layer.dilation, layer.kernel_size, strict=True))
    assert isinstance(layer.padding, tuple)
    return layer.padding


def matrix(weight: Tensor, bias: Tensor | None) -> Tensor:
    """Weight and bias, or their gradients, as one matrix (out, d) with the bias in the last column."""
    flat = weight.reshape(weight.shape[0], -1)
    return flat if bias is None else torch.cat([flat, bias[:, None]], dim=1)


def _without_padding(batch: Batch) -> Iterator[tuple[Tensor, Tensor | None]]:
    """Features and lengths of a minibatch of vectors, or of each utterance's frames in turn, without padding.

    Padding must not count, and all patches of a minibatch of utterances would need gigabytes.
    """
    if batch.lengths is None:
        yield batch.features, None
        return
    for frames, length in zip(batch.features, batch.lengths, strict=True):
        yield frames[None, : int(length)], length[None]


class ProjectedLayer:
    """One layer during a task, and its projector.

    The coordinates U^T W^T of the weights along the projector's directions are held from step to step, and each step
    puts the weights back to where these allow, so that rounding does not add up along protected directions.
    """

    def __init__(self, layer: Layer, projector: Projector):
        self._weight, self._bias = layer.weight, layer.bias
        self._projector = projector.to(layer.weight)
        self._gives_all_back = projector.gives_all_back
        self._shrinks = bool(projector.scale != 1)
        self._rows = self._projector.basis.T.contiguous()  # U^T (k, d)
        # (k, 1) share of a step that gain 0 keeps, and what the gain adds to it.
        self._kept = (1 - self._projector.taken / self._projector.scale)[:, None]
        self._returned = (self._projector.given / self._projector.scale)[:, None]
        self._held: Tensor | None = None  # (k, out): U^T W^T after the last projected step; None = not known
        self._before: list[Tensor] = []

    def _parameters(self) -> list[Tensor]:
        return [self._weight] if self._bias is None else [self._weight, self._bias]

    def _coordinates(self) -> Tensor:
        """U^T W^T (k, out), for W (out, d) with the bias in its last column."""
        columns = self._weight.flatten(1).T
        if self._bias is None:
            return self._rows @ columns
        return torch.addmm(torch.outer(self._rows[:, -1], self._bias), self._rows[:, :-1], columns)

    def keeps_step(self, gain: float) -> bool:
        """Whether R(gain) is exactly the identity; the optimizer's step is then left alone, bit for bit."""
        return gain == 1 and self._gives_all_back

    def before_step(self, gain: float) -> None:
        """Store the weights, or their coordinates, that projecting the coming step needs."""
        if self.keeps_step(gain):
            self._held = None
            return
        if self._held is None:
            self._held = self._coordinates()
        self._before = [value.clone() for value in self._parameters()] if self._shrinks else []

    def after_step(self, gain: float) -> None:
        """W <- before + (W - before) R(gain), for the weights W that the optimizer left."""
        if self._held is None:
            return
        for value, before in zip(self._parameters(), self._before, strict=False):
            value.copy_(before + self._projector.scale * (value - before))
        now = self._coordinates()
        self._held = torch.lerp(self._held, now, torch.add(self._kept, self._returned, alpha=gain))
        surplus = (now - self._held).T
        weight = self._weight.view(len(surplus), -1)
        if self._bias is None:
            weight.addmm_(surplus, self._rows, alpha=-1)
        else:
            weight.addmm_(surplus, self._rows[:, :-1], alpha=-1)
            self._bias.addmv_(surplus, self._rows[:, -1], alpha=-1)

    def project_gradient(self, gain: float) -> None:
        """Replace the gradient G (out, d) by G R(gain)."""
        weight, bias = self._weight.grad, None if self._bias is None else self._bias.grad
        if weight is None or self.keeps_step(gain):
            return
        values = self._projector.apply(matrix(weight, bias), gain)
        if bias is not None:
            bias.copy_(values[:, -1])
            values = values[:, :-1]
        weight.copy_(values.reshape(weight.shape))


class ProjectedLayers:
    """Input statistics C and projectors of all linear and convolutional layers of one detector.

    C accumulates over tasks, so the memory does not grow with their number: d x d numbers a layer for C, and d x rank
    for the projector.

    Args:
        rule: makes the projector of a layer from its input statistics.
        batch_means: accumulate the mean input of each minibatch, as the papers do, instead of every input.
    """

    def __init__(self, rule: Rule, batch_means: bool):
        self._rule = rule
        self._batch_means = batch_means
        self._statistics: dict[str, Tensor] = {}
        self._eigenvalues: dict[str, Tensor] = {}
        self._projectors: dict[str, Projector] = {}
        self._layers: list[ProjectedLayer] = []

    def begin_task(self, detector: nn.Module) -> None:
        """Attach the projectors to the detector's layers; freeze all other parameters. Does nothing in the first task.

        Parameters outside of these layers (normalisation, attention biases) and running statistics would change the
        outputs for old inputs, so they stay fixed after the first task.
        """
        self._layers = []
        if self._projectors:
            layers = protectable(detector)
            self._layers = [ProjectedLayer(layers[name], projector) for name, projector in self._projectors.items()]
            freeze_all_but(detector, {id(p) for name in self._projectors for p in layers[name].parameters(False)})

    @torch.no_grad()
    def step(self, optimizer: torch.optim.Optimizer, gain: float, apply_to: str) -> None:
        """Let the optimizer step; in every layer, W <- before + (W - before) R(gain).

        Args:
            apply_to: "step"; or "gradient" to project the gradient that the optimizer is given instead.
        """
        if apply_to == "gradient":
            for layer in self._layers:
                layer.project_gradient(gain)
            optimizer.step()
            return
        for layer in self._layers:
            layer.before_step(gain)
        optimizer.step()
        for layer in self._layers:
            layer.after_step(gain)

    @torch.no_grad()
    def learn(self, detector: Detector, batches: Iterable[Batch]) -> None:
        """Add the layers' inputs in `batches`, those of a finished task, to C, and compute the projectors.

        A layer that the detector never calls as a module (inside of torch's own attention) has no inputs here: it gets
        no projector, and so is frozen from the next task on.
        """
        task: dict[str, Tensor] = {}  # C of this task
        means: dict[str, tuple[Tensor, int]] = {}  # of the current minibatch: sum of a layer's inputs, their number

        def add(name: str, a: Tensor) -> None:
            task[name] = task.get(name, 0) + (a.T @ a).cpu()

        def collect(name: str, layer: Layer) -> Callable[[nn.Module, tuple[Tensor]], None]:
            def hook(_: nn.Module, arguments: tuple[Tensor]) -> None:
                a = layer_inputs(layer, arguments[0].detach()).double()
                if self._batch_means:
                    total, count = means.get(name, (torch.zeros((), dtype=a.dtype, device=a.device), 0))
                    means[name] = total + a.sum(0, keepdim=True), count + len(a)
                else:
                    add(name, a)

            return hook

        hooks = [layer.register_forward_pre_hook(collect(name, layer)) for name, layer in protectable(detector).items()]
        try:
            with evaluating(detector):
                for batch in batches:
                    for features, lengths in _without_padding(batch):
                        detector(features, lengths)
                    for name, (total, count) in means.items():
                        add(name, total / count)
                    means.clear()
        finally:
            for hook in hooks:
                hook.remove()
        for name, statistics in task.items():
            if not bool(statistics.isfinite().all()):
                raise Diverged(f"layer {name}: training diverged, its inputs overflow; lower training.learning_rate")
            total = self._statistics.get(name, 0) + statistics
            self._projectors[name] = self._rule(statistics, total, self._projectors.get(name))
            self._statistics[name] = total
            self._eigenvalues[name] = torch.linalg.eigvalsh(total).flip(0).clamp_min(0)

    def state(self) -> dict[str, Tensor]:
        """C, its eigenvalues and the projector of each layer, as `layer.tensor`."""
        state = {}
        for name, statistics in self._statistics.items():
            state[f"{name}.statistics"] = statistics
            state[f"{name}.eigenvalues"] = self._eigenvalues[name]
            state |= {f"{name}.{key}": value for key, value in self._projectors[name].tensors().items()}
        return state

    def load(self, state: dict[str, Tensor]) -> None:
        """Restore a saved state."""
        for name in [key.removesuffix(".statistics") for key in state if key.endswith(".statistics")]:
            self._statistics[name] = state[f"{name}.statistics"]
            self._eigenvalues[name] = state[f"{name}.eigenvalues"]
            self._projectors[name] = from_tensors(entries(state, f"{name}."))
