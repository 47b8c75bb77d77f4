"""What every detector is: input standardisation, an embedding and a linear output."""

from typing import NamedTuple

import torch
from torch import Tensor, nn


class Output(NamedTuple):
    """embedding (B, e) is the input of the last layer; logits (B, classes)."""

    embedding: Tensor
    logits: Tensor


class Detector(nn.Module):
    """Base of all detectors. A subclass defines `embed` (standardised features -> (B, e)) and `output` (nn.Linear).

    Frames reach `embed` with zeros for padding; it may not let padding change what it gives (see `valid`). Weights are
    those of nn.Linear and of ungrouped convolutions wherever possible, since projection methods protect these.

    The mean and standard deviation of the first task's training features are part of the detector and never change
    afterwards: a later task must not alter what an earlier one sees.
    """

    def __init__(self, n_features: int):
        super().__init__()
        self.register_buffer("input_mean", torch.zeros(n_features))
        self.register_buffer("input_std", torch.ones(n_features))

    def standardise(self, mean: Tensor, std: Tensor) -> None:
        """Fix the input standardisation (n_features,); features that do not vary are left unscaled."""
        self.input_mean.copy_(mean)
        self.input_std.copy_(torch.where(std > 1e-6, std, torch.ones_like(std)))

    def forward(self, features: Tensor, lengths: Tensor | None = None) -> Output:
        """Features (B, d), or padded frames (B, T, d) with their lengths (B,); what padding holds has no effect."""
        standardised = (features - self.input_mean) / self.input_std
        if lengths is not None:
            standardised = standardised.masked_fill(~valid(lengths, features.shape[1])[..., None], 0)
        embedding = self.embed(standardised, lengths)
        logits = self.output(embedding)
        return Output(embedding.to(features.dtype), logits.to(features.dtype))


def valid(lengths: Tensor, size: int) -> Tensor:
    """(B, size) bool: which of `size` frames are an utterance's own, and not padding."""
    return torch.arange(size, device=lengths.device) < lengths[:, None]


def max_pool(x: Tensor, lengths: Tensor, frames: int, features: int) -> tuple[Tensor, Tensor]:
    """Maxima of x (B, C, T, F) over windows of `frames` by `features`, and how many windows each utterance has.

    An utterance's last window holds the frames that are left; features that are left are dropped. Padding gives 0.
    """
    padding = torch.zeros_like(x[:, :1, :, :1]).masked_fill(~valid(lengths, x.shape[2])[:, None, :, None], -torch.inf)
    x = nn.functional.pad(x + padding, (0, 0, 0, -x.shape[2] % frames), value=-torch.inf)
    x = nn.functional.max_pool2d(x, (frames, features))
    lengths = (lengths + frames - 1) // frames
    return x.masked_fill(~valid(lengths, x.shape[2])[:, None, :, None], 0), lengths


class MaskedBatchNorm(nn.modules.batchnorm._BatchNorm):
    """Batch normalisation of channels (B, C, ...) over an utterance's own positions alone."""

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """Normalise x (B, C, ...), which must be 0 where `mask` is; so is the result.

        Args:
            mask: 1 or 0, (B, 1, ...), of the type of x; may have size 1 where x is larger.
        """
        shape = [1, -1] + [1] * (x.dim() - 2)
        mean, variance = self._statistics(x, mask) if self.training else (self.running_mean, self.running_var)
        scale = (variance + self.eps).rsqrt()
        if self.affine:
            scale = scale * self.weight
        shift = -mean * scale if not self.affine else self.bias - mean * scale
        return torch.addcmul(shift.view(shape) * mask, x, scale.view(shape))

    def _statistics(self, x: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and variance (C,) over the mask, which are added to the running ones too."""
        axes = [axis for axis in range(x.dim()) if axis != 1]
        count = mask.float().expand(x.shape[0], 1, *x.shape[2:]).sum()
        variance, mean = torch.var_mean(x.float(), axes, correction=0)
        ratio = x.numel() / x.shape[1] / count  # all positions over those that count
        variance, mean = ratio * variance - ratio * (ratio - 1) * mean.square(), ratio * mean
        with torch.no_grad():
            self.num_batches_tracked += 1
            self.running_mean.lerp_(mean, self.momentum)
            self.running_var.lerp_(variance * count / (count - 1).clamp_min(1), self.momentum)
        return mean, variance


def pool_mean_std(frames: Tensor, lengths: Tensor) -> Tensor:
    """Mean and standard deviation over time (B, 2 d) of padded frames (B, T, d); padding does not count."""
    mask = valid(lengths, frames.shape[1])[..., None].to(frames.dtype)
    count = lengths[:, None].to(frames.dtype)
    mean = (frames * mask).sum(1) / count
    variance = ((frames - mean[:, None]).square() * mask).sum(1) / count
    return torch.cat([mean, (variance + 1e-8).sqrt()], dim=1)
