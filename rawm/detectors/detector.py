"""The base of all detectors: input standardisation, an embedding and a linear output."""

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from rawm.detectors.random_features import RandomFeatures

FLOOR = 0.05  # least deviation of a feature, `floored`, as a share of the median
CLIP = 5.0  # most deviations from the mean, `clipped`


class Output(NamedTuple):
    """embedding (B, e) is the input of the last layer; logits (B, classes)."""

    embedding: Tensor
    logits: Tensor


class Detector(nn.Module):
    """Base of all detectors. A subclass defines `embed` and `output`.

    Where possible, weights are those of nn.Linear and of ungrouped convolutions, which projection methods protect.

    Mean and standard deviation of the input standardisation are part of the detector. They are those of the first
    task's training features and never change afterwards, so that a later task does not alter the detector's input for
    an earlier one; `per_task` gives this up.

    Attributes:
        standardisation: frozen, floored, clipped or per_task; see `rawm.config.detectors`.
        output: the last layer, embedding (B, e) -> logits (B, classes).
        input_mean, input_std: (n_features,) of the input standardisation.
    """

    output: nn.Linear
    input_mean: Tensor
    input_std: Tensor
    standardisation: str = "frozen"
    __call__: Callable[..., Output]

    def __init__(self, n_features: int):
        super().__init__()
        self.register_buffer("input_mean", torch.zeros(n_features))
        self.register_buffer("input_std", torch.ones(n_features))

    def standardise(self, mean: Tensor, std: Tensor) -> None:
        """Set the input standardisation (n_features,); features with a constant value are left unscaled.

        `floored`: a feature that hardly varies here, and may do so in a later task, is not blown up there. The median
        is that of the features that vary.
        """
        varies = std > 1e-6
        self.input_mean.copy_(mean)
        self.input_std.copy_(torch.where(varies, std, torch.ones_like(std)))
        if self.standardisation == "floored" and bool(varies.any()):
            self.input_std.clamp_(min=FLOOR * float(std[varies].median()))

    def standardised(self, features: Tensor) -> Tensor:
        """Features (..., n_features) as `embed` gets them."""
        values = (features - self.input_mean) / self.input_std
        return values.clamp(-CLIP, CLIP) if self.standardisation == "clipped" else values

    def remove_body(self) -> None:
        """Let the standardised input be the embedding; only detectors on one vector per utterance can do so."""
        raise NotImplementedError

    @torch.no_grad()
    def extend(self, n_classes: int) -> None:
        """Append outputs up to `n_classes` with new random weights; those that are there keep theirs."""
        old = self.output
        self.output = (
            old.extended(n_classes) if isinstance(old, RandomFeatures) else nn.Linear(old.in_features, n_classes)
        )
        self.output.to(old.weight)
        self.output.weight[: old.out_features] = old.weight
        self.output.bias[: old.out_features] = old.bias

    def embed(self, features: Tensor, lengths: Any) -> Tensor:
        """Embeddings (B, e) of standardised features.

        Args:
            features: (B, d), or frames (B, T, d) with zeros for padding.
            lengths: None, or the number of frames (B,); padding must not change the result (see `valid`).
        """
        raise NotImplementedError

    def forward(self, features: Tensor, lengths: Tensor | None = None) -> Output:
        """Features (B, d), or padded frames (B, T, d) with their lengths (B,); values of padding have no effect."""
        standardised = self.standardised(features)
        if lengths is not None:
            standardised = standardised.masked_fill(~valid(lengths, features.shape[1])[..., None], 0)
        embedding = self.embed(standardised, lengths)
        logits = self.output(embedding)
        return Output(embedding.to(features.dtype), logits.to(features.dtype))


def valid(lengths: Tensor, size: int) -> Tensor:
    """(B, size) bool: which of `size` frames belong to the utterance and are not padding."""
    return torch.arange(size, device=lengths.device) < lengths[:, None]


def max_pool(x: Tensor, lengths: Tensor, frames: int, features: int) -> tuple[Tensor, Tensor]:
    """Maxima of x (B, C, T, F) over windows of `frames` by `features`, and the number of windows of each utterance.

    An utterance's last window may be shorter; features that do not fill a window are dropped. Padding gives 0.
    """
    padding = torch.zeros_like(x[:, :1, :, :1]).masked_fill(~valid(lengths, x.shape[2])[:, None, :, None], -torch.inf)
    x = nn.functional.pad(x + padding, (0, 0, 0, -x.shape[2] % frames), value=-torch.inf)
    x = nn.functional.max_pool2d(x, (frames, features))
    lengths = (lengths + frames - 1) // frames
    return x.masked_fill(~valid(lengths, x.shape[2])[:, None, :, None], 0), lengths


class MaskedBatchNorm(nn.modules.batchnorm._BatchNorm):
    """Batch normalisation of channels (B, C, ...) over an utterance's own positions, without padding."""

    def forward(self, input: Tensor, mask: Tensor | None = None) -> Tensor:
        """Normalise (B, C, ...); input and result are 0 where `mask` is.

        Args:
            mask: 1 or 0, (B, 1, ...), of the type of the input; may have size 1 where that is larger. None = all ones.
        """
        if mask is None:
            mask = input.new_ones((1,) * input.dim())
        shape = [1, -1] + [1] * (input.dim() - 2)
        if self.training:
            mean, variance = self._statistics(input, mask)
        else:
            mean, variance = self._running()
        scale = (variance + self.eps).rsqrt()
        if self.affine:
            scale = scale * self.weight
        shift = -mean * scale if not self.affine else self.bias - mean * scale
        return torch.addcmul(shift.view(shape) * mask, input, scale.view(shape))

    def _running(self) -> tuple[Tensor, Tensor]:
        """Running mean and variance (C,), which every layer of this class keeps."""
        assert self.running_mean is not None and self.running_var is not None
        return self.running_mean, self.running_var

    def _statistics(self, x: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and variance (C,) over the mask; also updates the running ones."""
        axes = [axis for axis in range(x.dim()) if axis != 1]
        count = mask.float().expand(x.shape[0], 1, *x.shape[2:]).sum()
        variance, mean = torch.var_mean(x.float(), axes, correction=0)
        ratio = x.numel() / x.shape[1] / count  # all positions over those that count
        variance, mean = ratio * variance - ratio * (ratio - 1) * mean.square(), ratio * mean
        running_mean, running_var = self._running()
        assert self.num_batches_tracked is not None and self.momentum is not None
        with torch.no_grad():
            self.num_batches_tracked += 1
            running_mean.lerp_(mean, self.momentum)
            running_var.lerp_(variance * count / (count - 1).clamp_min(1), self.momentum)
        return mean, variance


def pool_mean_std(frames: Tensor, lengths: Tensor) -> Tensor:
    """Mean and standard deviation over time (B, 2 d) of padded frames (B, T, d); padding does not count."""
    mask = valid(lengths, frames.shape[1])[..., None].to(frames.dtype)
    count = lengths[:, None].to(frames.dtype)
    mean = (frames * mask).sum(1) / count
    variance = ((frames - mean[:, None]).square() * mask).sum(1) / count
    return torch.cat([mean, (variance + 1e-8).sqrt()], dim=1)
