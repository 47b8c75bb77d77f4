"""Projectors for the layers of a detector: which inputs they saw, and how their update is projected."""

from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from rawm.detectors.detector import Detector
from rawm.projection import Projector, eigen, from_tensors
from rawm.samples import Batch

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
    """The vectors a (n, d) that a layer multiplies its weights with, for an input x as the layer is given it.

    A convolution's are its unfolded patches (channels x kernel); a constant 1 is appended where there is a bias.
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
    """A convolution's size for two axes; a one-dimensional one gets `height` for the first."""
    return size if len(size) == 2 else (height, *size)


def _symmetric_padding(layer: nn.Conv1d | nn.Conv2d) -> tuple[int, ...]:
    """Zeros on each side of each axis, also where the layer says `same` or `valid` (kernels of odd length)."""
    if layer.padding == "valid":
        return (0,) * len(layer.kernel_size)
    if layer.padding == "same":
        return tuple(d * (k - 1) // 2 for d, k in zip(layer.dilation, layer.kernel_size, strict=True))
    return layer.padding


def matrix(weight: Tensor, bias: Tensor | None) -> Tensor:
    """Weight and bias (or their gradients, or updates) as one matrix (out, d), as `layer_inputs` needs it."""
    flat = weight.reshape(weight.shape[0], -1)
    return flat if bias is None else torch.cat([flat, bias[:, None]], dim=1)


class ProtectedLayers:
    """Statistics C and projectors of all linear and convolutional layers of one detector.

    Args:
        make: C (d, d) float64 -> projector.
        batch_means: accumulate the mean input of each minibatch, as the papers do, instead of every input.

    C accumulates over tasks, so the memory does not grow with their number: d x d numbers a layer for C, and the
    projector (d x rank, spectral).
    """

    def __init__(self, make: Callable[[Tensor], Projector], batch_means: bool):
        self._make = make
        self._batch_means = batch_means
        self._statistics: dict[str, Tensor] = {}
        self._eigenvalues: dict[str, Tensor] = {}
        self._projectors: dict[str, Projector] = {}
        self._active: dict[str, Projector] = {}

    def activate(self, detector: Detector) -> None:
        """Prepare for a task: projectors to the weights' type and device; freeze what no projector protects.

        Parameters outside the protected layers (normalisation, attention biases) and running statistics would change
        what old inputs give, so they stand still after the first task.
        """
        self._active = {}
        if not self._projectors:
            return
        layers = protectable(detector)
        for name, projector in self._projectors.items():
            self._active[name] = projector.to(layers[name].weight)
        protected = {id(p) for name in self._active for p in layers[name].parameters(recurse=False)}
        for parameter in detector.parameters():
            parameter.requires_grad_(id(parameter) in protected)
        for module in detector.modules():
            if isinstance(module, nn.modules.batchnorm._BatchNorm):
                module.eval()

    @torch.no_grad()
    def move(self, detector: Detector, optimizer: torch.optim.Optimizer, apply_to: str, gain: float) -> None:
        """Let the optimizer step, with what changes in each layer, dW, replaced by dW R(gain).

        Args:
            apply_to: "step" projects what the optimizer did; "gradient" projects the gradient it is given, as the
                released code of the papers does (with plain SGD both agree).
        """
        layers = {name: layer for name, layer in protectable(detector).items() if name in self._active}
        if apply_to == "gradient":
            for name, layer in layers.items():
                if layer.weight.grad is not None:
                    bias = None if layer.bias is None else layer.bias.grad
                    gradient = matrix(layer.weight.grad, bias)
                    _add(layer.weight.grad, bias, self._active[name].apply(gradient, gain) - gradient)
            optimizer.step()
            return
        before = {name: matrix(layer.weight, layer.bias).clone() for name, layer in layers.items()}
        optimizer.step()
        for name, layer in layers.items():
            update = matrix(layer.weight, layer.bias) - before[name]
            # Added as a difference, so that R = 1 leaves every bit of the optimizer's result.
            _add(layer.weight, layer.bias, self._active[name].apply(update, gain) - update)

    @torch.no_grad()
    def learn(self, detector: Detector, batches: Iterable[Batch]) -> None:
        """Add the inputs that the layers see in `batches` to C, and remake the projectors."""
        layers = protectable(detector)
        hooks = [
            layer.register_forward_pre_hook(lambda _, args, name=name, layer=layer: self._add(name, layer, args[0]))
            for name, layer in layers.items()
        ]
        modes = {module: module.training for module in detector.modules()}
        detector.eval()
        try:
            for batch in batches:
                detector(batch.features, batch.lengths)
        finally:
            for hook in hooks:
                hook.remove()
            for module, mode in modes.items():
                module.training = mode
        for name in layers:
            self._eigenvalues[name] = eigen(self._statistics[name])[0]
            self._projectors[name] = self._make(self._statistics[name])

    def _add(self, name: str, layer: Layer, x: Tensor) -> None:
        a = layer_inputs(layer, x.detach()).cpu().double()
        if self._batch_means:
            a = a.mean(0, keepdim=True)
        self._statistics[name] = self._statistics.get(name, 0) + a.T @ a

    def state(self) -> dict[str, Tensor]:
        state = {}
        for name, statistics in self._statistics.items():
            state[f"{name}.statistics"] = statistics
            state[f"{name}.eigenvalues"] = self._eigenvalues[name]
            state |= {f"{name}.{key}": value for key, value in self._projectors[name].tensors().items()}
        return state

    def load(self, state: dict[str, Tensor]) -> None:
        """Take up a saved state."""
        for key, value in state.items():
            name, _, what = key.rpartition(".")
            if what == "statistics":
                self._statistics[name] = value
                self._eigenvalues[name] = state[f"{name}.eigenvalues"]
                prefix = f"{name}."
                self._projectors[name] = from_tensors(
                    {key.removeprefix(prefix): tensor for key, tensor in state.items() if key.startswith(prefix)}
                )


def _add(weight: Tensor, bias: Tensor | None, change: Tensor) -> None:
    """Add a matrix as `matrix` gives it to weight and bias, in place."""
    n = change.shape[1] - (bias is not None)
    weight.add_(change[:, :n].reshape(weight.shape))
    if bias is not None:
        bias.add_(change[:, n])
