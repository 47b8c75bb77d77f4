"""The layers of a detector with their projectors: collect layer inputs, read and write weights as matrices."""

from collections.abc import Callable, Iterable, Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from rawm.detectors.detector import Detector
from rawm.detectors.scoring import evaluating
from rawm.methods.method import entries, freeze_all_but
from rawm.methods.parts.projection import Projector, eigen, from_tensors
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

    The weights are kept in float64 beside the layer's own, so that the rounding of many steps does not add up along
    protected directions.
    """

    def __init__(self, layer: Layer, projector: Projector):
        self._layer = layer
        self._projector = projector.to(layer.weight)
        self._gives_all_back = projector.gives_all_back
        self._exact = matrix(layer.weight, layer.bias).detach().to(_wide(layer.weight))

    def keeps_step(self, gain: float) -> bool:
        """Whether R(gain) is exactly the identity; the optimizer's step is then left alone, bit for bit."""
        return gain == 1 and self._gives_all_back

    def weights(self) -> Tensor:
        """W (out, d) in float64, the bias in the last column."""
        stored = matrix(self._layer.weight, self._layer.bias).detach()
        return self._exact if torch.equal(self._exact.to(stored), stored) else stored.to(self._exact)

    def set_weights(self, weights: Tensor) -> None:
        """Overwrite the layer's weight and bias with W (out, d)."""
        self._exact = weights
        _split(weights, self._layer.weight, self._layer.bias)

    def project(self, update: Tensor, gain: float) -> Tensor:
        """The update (out, d) times R(gain); multiplied in the layer's own precision, which is exact enough for it."""
        return self._projector.apply(update.to(self._layer.weight), gain).to(update)

    def project_gradient(self, gain: float) -> None:
        """Replace the gradient G (out, d) by G R(gain)."""
        weight, bias = self._layer.weight.grad, None if self._layer.bias is None else self._layer.bias.grad
        if weight is not None:
            _split(self._projector.apply(matrix(weight, bias), gain), weight, bias)


def _wide(weight: Tensor) -> torch.dtype:
    """float64, where the device has it."""
    return torch.float32 if weight.device.type == "mps" else torch.float64


def _split(values: Tensor, weight: Tensor, bias: Tensor | None) -> None:
    """Copy a matrix (out, d) into a weight and a bias; the inverse of `matrix`."""
    if bias is not None:
        bias.copy_(values[:, -1])
        values = values[:, :-1]
    weight.copy_(values.reshape(weight.shape))


class ProjectedLayers:
    """Input statistics C and projectors of all linear and convolutional layers of one detector.

    C accumulates over tasks, so the memory does not grow with their number: d x d numbers a layer for C, and d x rank
    for the projector.

    Args:
        make: eigenvalues (d,) and eigenvectors (d, d) of C -> projector.
        batch_means: accumulate the mean input of each minibatch, as the papers do, instead of every input.
    """

    def __init__(self, make: Callable[[Tensor, Tensor], Projector], batch_means: bool):
        self._make = make
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

    def constrained(self, gain: float) -> list[ProjectedLayer]:
        """The layers whose R(gain) is not the identity; none in the first task."""
        return [layer for layer in self._layers if not layer.keeps_step(gain)]

    @torch.no_grad()
    def learn(self, detector: Detector, batches: Iterable[Batch]) -> None:
        """Add the layers' inputs in `batches` to C, and compute the projectors.

        A layer that the detector never calls as a module (inside of torch's own attention) has no inputs here: it gets
        no projector, and so is frozen from the next task on.
        """
        means: dict[str, tuple[Tensor, int]] = {}  # of the current minibatch: sum of a layer's inputs, their number

        def collect(name: str, layer: Layer) -> Callable[[nn.Module, tuple[Tensor]], None]:
            def hook(_: nn.Module, arguments: tuple[Tensor]) -> None:
                a = layer_inputs(layer, arguments[0].detach()).double()
                if self._batch_means:
                    total, count = means.get(name, (torch.zeros((), dtype=a.dtype, device=a.device), 0))
                    means[name] = total + a.sum(0, keepdim=True), count + len(a)
                else:
                    self._add(name, a)

            return hook

        hooks = [layer.register_forward_pre_hook(collect(name, layer)) for name, layer in protectable(detector).items()]
        try:
            with evaluating(detector):
                for batch in batches:
                    for features, lengths in _without_padding(batch):
                        detector(features, lengths)
                    for name, (total, count) in means.items():
                        self._add(name, total / count)
                    means.clear()
        finally:
            for hook in hooks:
                hook.remove()
        for name, statistics in self._statistics.items():
            values, vectors = eigen(statistics)
            self._eigenvalues[name] = values
            self._projectors[name] = self._make(values, vectors)

    def _add(self, name: str, a: Tensor) -> None:
        self._statistics[name] = self._statistics.get(name, 0) + (a.T @ a).cpu()

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
