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

    The mean and standard deviation of the first task's training features are part of the detector and never change
    afterwards: a later task must not alter what an earlier one sees.
    """

    def __init__(self, n_features: int):
        super().__init__()
        self.register_buffer("input_mean", torch.zeros(n_features))
        self.register_buffer("input_std", torch.ones(n_features))
        self.register_buffer("expansion", None)

    def standardise(self, mean: Tensor, std: Tensor) -> None:
        """Fix the input standardisation (n_features,); features that do not vary are left unscaled."""
        self.input_mean.copy_(mean)
        self.input_std.copy_(torch.where(std > 1e-6, std, torch.ones_like(std)))

    def forward(self, features: Tensor, lengths: Tensor | None = None) -> Output:
        """Features (B, d), or padded frames (B, T, d) with their lengths (B,)."""
        embedding = self.embed((features - self.input_mean) / self.input_std, lengths)
        return Output(embedding, self.output(self.output_inputs(embedding)))

    def expand(self, weights: Tensor) -> None:
        """Put fixed features ReLU(embedding weights), with weights (e, E), before the output, which is made anew."""
        self.expansion = weights
        self.output = nn.Linear(weights.shape[1], self.output.out_features).to(weights)

    def output_inputs(self, embedding: Tensor) -> Tensor:
        """What the output layer is given for an embedding (B, e): itself, or (B, E) once expanded."""
        return embedding if self.expansion is None else torch.relu(embedding @ self.expansion)


def pool_mean_std(frames: Tensor, lengths: Tensor) -> Tensor:
    """Mean and standard deviation over time (B, 2 d) of padded frames (B, T, d); padding does not count."""
    mask = (torch.arange(frames.shape[1], device=frames.device) < lengths[:, None])[..., None].to(frames.dtype)
    count = lengths[:, None].to(frames.dtype)
    mean = (frames * mask).sum(1) / count
    variance = ((frames - mean[:, None]).square() * mask).sum(1) / count
    return torch.cat([mean, (variance + 1e-8).sqrt()], dim=1)
