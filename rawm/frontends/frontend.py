"""The interface of front-ends."""

from typing import Protocol, runtime_checkable

import torch
from torch import Tensor


class FrontEnd(Protocol):
    """Waveform -> features.

    Attributes:
        dim: size d of a frame or vector.
        pooled: whether an utterance gives one vector instead of frames.
        sample_rate: Hz of the waveforms.
        min_samples: fewest samples that a waveform may have.
        max_seconds: seconds from the start of a file that are used; None = all.
    """

    dim: int
    pooled: bool
    sample_rate: int
    min_samples: int
    max_seconds: float | None

    def __call__(self, waveform: Tensor) -> Tensor:
        """Compute the features of one waveform.

        Args:
            waveform: (n,) float32 in [-1, 1] at `sample_rate`, n >= `min_samples`.

        Returns:
            frames (T, d), or one vector (d,) where `pooled`; float32 on the CPU.

        Raises:
            ValueError: the waveform has another shape, or is too short.
        """
        ...


@runtime_checkable
class NeuralFrontEnd(FrontEnd, Protocol):
    """A front-end that computes batches of waveforms, on any device.

    Attributes:
        batch_seconds: seconds of audio computed together, padding included.
    """

    batch_seconds: float

    def to(self, device: str | torch.device) -> "NeuralFrontEnd":
        """Compute on this device from now on."""
        ...

    def many(self, waveforms: list[Tensor]) -> list[Tensor]:
        """Compute the features of each waveform; the same as one by one but for rounding."""
        ...
