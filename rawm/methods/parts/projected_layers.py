"""Projectors for the layers of a detector: which inputs they saw, and how their update is projected."""

from collections.abc import Callable, Iterable, Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from rawm.detectors.detector import Detector
from rawm.detectors.scoring import evaluating
from rawm.methods.method import freeze_all_but
from rawm.methods.parts.projection import Projector, eigen, from_tensors
from rawm.tasks.samples import Batch

Layer = nn.Linear | nn.Conv1d | nn.Conv2d
SETTLE_EVERY = 64  # steps; what is taken back stays small against the weights, so that nothing is lost in rounding


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


def _without_padding(batch: Batch) -> Iterator[tuple[Tensor, Tensor | None]]:
    """What a detector is given for vectors, or for one utterance's frames after another.

    Padding must not count, and all patches of a minibatch of utterances would need gigabytes.
    """
    if batch.lengths is None:
        yield batch.features, None
        return
    for frames, length in zip(batch.features, batch.lengths, strict=True):
        yield frames[None, : int(length)], length[None]


class ProjectedLayers:
    """Statistics C and projectors of all linear and convolutional layers of one detector.

    Args:
        make: eigenvalues (d,) and eigenvectors (d, d) of C -> projector.
        batch_means: accumulate the mean input of each minibatch, as the papers do, instead of every input.

    C accumulates over tasks, so the memory does not grow with their number: d x d numbers a layer for C, and d x rank
    for the projector.
    """

    def __init__(self, make: Callable[[Tensor, Tensor], Projector], batch_means: bool):
        self._make = make
        self._batch_means = batch_means
        self._statistics: dict[str, Tensor] = {}
        self._eigenvalues: dict[str, Tensor] = {}
        self._projectors: dict[str, Projector] = {}
        self._active: dict[str, _Active] = {}

    def activate(self, detector: Detector) -> None:
        """Prepare for a task: projectors to the weights' type and device; freeze what no projector protects.

        Parameters outside the protected layers (normalisation, attention biases) and running statistics would change
        what old inputs give, so they stand still after the first task.
        """
        self._close()
        if not self._projectors:
            return
        layers = protectable(detector)
        self._active = {name: _Active(layers[name], projector) for name, projector in self._projectors.items()}
        self._hook = detector.register_state_dict_pre_hook(lambda *_: self.settle())
        protected = {id(p) for name in self._active for p in layers[name].parameters(recurse=False)}
        freeze_all_but(detector, protected)

    @torch.no_grad()
    def move(self, optimizer: torch.optim.Optimizer, apply_to: str, gain: float) -> None:
        """Let the optimizer step, with what changes in each layer, dW, replaced by dW R(gain).

        Args:
            apply_to: "step" projects what the optimizer did; "gradient" projects the gradient it is given, as the
                released code of the papers does (with plain SGD both agree).
        """
        if apply_to == "gradient":
            for layer in self._active.values():
                layer.project_gradient(gain)
            optimizer.step()
            return
        for layer in self._active.values():
            layer.before_step()
        optimizer.step()
        decays = any(group["weight_decay"] for group in optimizer.param_groups)
        for layer in self._active.values():
            layer.after_step(gain, decays)

    def settle(self) -> None:
        """Make the stored weights of all layers the effective ones; asking the detector for them does it too."""
        for layer in self._active.values():
            layer.settle()

    def _close(self) -> None:
        for layer in self._active.values():
            layer.close()
        if self._active:
            self._hook.remove()
        self._active = {}

    @torch.no_grad()
    def learn(self, detector: Detector, batches: Iterable[Batch]) -> None:
        """Add the inputs that the layers see in `batches` to C, and remake the projectors.

        A layer that the detector never calls as a module (inside of torch's own attention) sees nothing here: it gets
        no projector, and so stands still from the next task on.
        """
        self._close()
        means: dict[str, tuple[Tensor, int]] = {}  # of the minibatch at hand: sum of a layer's inputs, and their number

        def see(name: str, layer: Layer, x: Tensor) -> None:
            a = layer_inputs(layer, x.detach()).double()
            if self._batch_means:
                total, count = means.get(name, (0, 0))
                means[name] = total + a.sum(0, keepdim=True), count + len(a)
            else:
                self._add(name, a)

        hooks = [
            layer.register_forward_pre_hook(lambda _, args, name=name, layer=layer: see(name, layer, args[0]))
            for name, layer in protectable(detector).items()
        ]
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
        """C, its eigenvalues and the projector of each layer."""
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


class _Active:
    """One layer during a task: what its steps changed along the protected directions is taken back.

    Along those directions the effective weights, W U, are carried from step to step. What a step changed there is then
    one product away, without a copy of the weights; and what rounding adds in one step is taken away in the next, so
    that fully protected directions do not drift however long the training.

    Taking it back, W <- W - taken_back U^T, costs a second product and another pass over the weights. A wide linear
    layer does this every SETTLE_EVERY steps only, and until then its output is corrected instead: W x - taken_back
    (U^T x), which is the same number. An optimizer whose step depends on the weights (weight decay) must find them
    settled.
    """

    def __init__(self, layer: Layer, projector: Projector):
        self._layer = layer
        self._projector = projector.to(layer.weight)
        basis = self._projector.basis
        self._basis, self._bias_basis = (basis, None) if layer.bias is None else (basis[:-1], basis[-1])
        self._basis = self._basis.T.contiguous()  # (k, d)
        self._scaled = bool(self._projector.scale != 1)
        self._before: list[Tensor] = []
        self._along = self._coordinates()
        self._pending = torch.zeros_like(self._along)  # minus what is to be taken back, (k, out)
        self._steps = 0  # since the weights were settled
        self._rows = 0  # inputs in the last forward pass
        self._hook = layer.register_forward_hook(self._correct) if isinstance(layer, nn.Linear) else None

    def _weight(self) -> Tensor:
        return self._layer.weight.detach().view(self._layer.weight.shape[0], -1)

    def _coordinates(self) -> Tensor:
        """(W U)^T (k, out) of the weights as they are stored, bias included."""
        along = self._basis @ self._weight().T
        return along if self._bias_basis is None else along.addr_(self._bias_basis, self._layer.bias.detach())

    def _correct(self, layer: Layer, inputs: tuple[Tensor], output: Tensor) -> Tensor:
        self._rows = output.numel() // output.shape[-1]
        if not self._steps:
            return output
        along = F.linear(inputs[0], self._basis, self._bias_basis)
        return torch.addmm(output, along, self._pending) if output.dim() == 2 else output + along @ self._pending

    def before_step(self) -> None:
        """Keep the weights where R is not the identity outside of the protected directions."""
        if self._scaled:
            self._before = [p.detach().clone() for p in self._layer.parameters(recurse=False)]

    def after_step(self, gain: float, decays: bool) -> None:
        """W <- W_before + (W - W_before) R(gain)."""
        along = self._coordinates()
        change = along - self._along
        if self._scaled:
            for parameter, before in zip(self._layer.parameters(recurse=False), self._before, strict=True):
                parameter.copy_(before.lerp(parameter, self._projector.scale))
            along = self._along + self._projector.scale * change
        self._pending.addcmul_(change, self._projector.removed(gain)[:, None], value=-1)
        self._along = along
        self._steps += 1
        # Correcting the output costs more than correcting the weights where there are more inputs than outputs.
        immediately = self._hook is None or self._scaled or decays or self._rows > len(self._weight())
        if immediately or self._steps == SETTLE_EVERY:
            self.settle()

    @torch.no_grad()
    def settle(self) -> None:
        """Make the stored weights the effective ones."""
        if not self._steps:
            return
        self._weight().addmm_(self._pending.T, self._basis)
        if self._bias_basis is not None:
            self._layer.bias.addmv_(self._pending.T, self._bias_basis)
        self._along += self._pending
        self._pending.zero_()
        self._steps = 0

    def close(self) -> None:
        """Settle, and leave the layer alone from now on."""
        self.settle()
        if self._hook is not None:
            self._hook.remove()

    def project_gradient(self, gain: float) -> None:
        """Replace the gradient G that the optimizer is given by G R(gain)."""
        weight, bias = self._layer.weight.grad, None if self._layer.bias is None else self._layer.bias.grad
        if weight is None:
            return
        projected = self._projector.apply(matrix(weight, bias), gain)
        n = projected.shape[1] - (bias is not None)
        weight.copy_(projected[:, :n].reshape(weight.shape))
        if bias is not None:
            bias.copy_(projected[:, n])
