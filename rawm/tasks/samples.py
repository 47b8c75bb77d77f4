"""Features with labels, in minibatches."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import torch
from torch import Tensor

from rawm.features.frames import Frames

BLOCK, NUMBERS = 256, 2**23  # most utterances, and most numbers of frame-level features, that are summed at a time


class Batch(NamedTuple):
    """A minibatch.

    Attributes:
        features: (B, d), or padded frames (B, T, d) with `lengths` (B,).
        labels: (B,) int64 class indices.
        rows: (B,) int64, index of each one in its `Samples`.
    """

    features: Tensor
    labels: Tensor
    lengths: Tensor | None
    rows: Tensor

    def to(self, device: torch.device | str) -> "Batch":
        """Copy the minibatch to a device."""
        lengths = self.lengths if self.lengths is None else self.lengths.to(device)
        return Batch(self.features.to(device), self.labels.to(device), lengths, self.rows.to(device))


@dataclass(frozen=True)
class Samples:
    """Utterances of one split of a task.

    Attributes:
        ids: utterance ids.
        labels: (N,) int64 class indices.
        features: (N, d) float32 of pooled front-ends, or frames, which are read on access.
        crop: most frames of an utterance in a minibatch of random order, cut at a random place; None = all frames.
    """

    ids: list[str]
    labels: Tensor
    features: Tensor | Frames
    crop: int | None = None

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def pooled(self) -> bool:
        return isinstance(self.features, Tensor)

    @property
    def n_features(self) -> int:
        return self.features.shape[1] if isinstance(self.features, Tensor) else self.features.dim

    def resident(self, device: torch.device) -> "Samples":
        """Copy the samples to an accelerator if they take at most half of its free memory; else return them as is."""
        size = self.features.nbytes if isinstance(self.features, Tensor) else self.features.n_bytes
        if device.type == "cpu" or size > free_memory(device) / 2:
            return self
        return replace(self, labels=self.labels.to(device), features=self.features.to(device))

    def batch(self, rows: Tensor, generator: torch.Generator | None = None) -> Batch:
        """Read the samples at `rows` (B,) int64; a generator draws where they are cropped."""
        if isinstance(self.features, Tensor):
            return Batch(self.features[rows], self.labels[rows], None, rows)
        lengths, first = self.features.lengths[rows], None
        if self.crop is not None and generator is not None:
            room = (lengths - self.crop).clamp_min(0)
            first = (torch.rand(len(rows), generator=generator, dtype=torch.float64) * (room + 1)).long()
            lengths = lengths.clamp_max(self.crop)
        return Batch(self.features.padded(rows, first, lengths), self.labels[rows], lengths, rows)

    def batches(self, size: int, generator: torch.Generator | None = None) -> Iterator[Batch]:
        """Yield minibatches in stored order, or in a random order by `generator`; the last may be smaller."""
        n = len(self)
        order = torch.arange(n) if generator is None else torch.randperm(n, generator=generator)
        for rows in order.split(size):
            yield self.batch(rows, generator)

    def by_length(self, n_frames: int) -> Iterator[Batch]:
        """Yield all samples, not cropped, in minibatches of similar lengths.

        Args:
            n_frames: most frames of a minibatch, padding included; a longer utterance is a minibatch of its own.

        Raises:
            ValueError: the features are pooled.
        """
        if isinstance(self.features, Tensor):
            raise ValueError("pooled features have no lengths; use batches()")
        lengths = self.features.lengths
        rows: list[int] = []
        for row in torch.argsort(lengths, stable=True).tolist():
            if rows and (len(rows) + 1) * int(lengths[row]) > n_frames:
                yield self.batch(torch.tensor(rows))
                rows = []
            rows.append(row)
        if rows:
            yield self.batch(torch.tensor(rows))

    def mean_std(self) -> tuple[Tensor, Tensor]:
        """Mean and standard deviation (d,) over all vectors or frames, float32; accumulated in float64."""
        count = 0
        total = square = torch.zeros(self.n_features, dtype=torch.float64, device=self.labels.device)
        for block in self._blocks():
            x = block.double()
            count, total, square = count + len(x), total + x.sum(0), square + x.square().sum(0)
        mean = total / count
        std = (square / count - mean.square()).clamp_min(0).sqrt()
        return mean.float(), std.float()

    def _blocks(self) -> Iterator[Tensor]:
        """Yield all vectors or frames (n, d); blocks do not grow with the number and the length of utterances."""
        if isinstance(self.features, Tensor):
            yield from self.features.split(BLOCK)
        else:
            yield from self.features.blocks(BLOCK, max(1, NUMBERS // self.n_features))


def concatenate(parts: Sequence[Samples]) -> Samples:
    """Concatenate the samples of several splits or tasks, which are all pooled or all frames."""
    ids = [name for part in parts for name in part.ids]
    labels = torch.cat([part.labels for part in parts])
    vectors = [part.features for part in parts if isinstance(part.features, Tensor)]
    frames = [part.features for part in parts if isinstance(part.features, Frames)]
    if vectors and frames:
        raise ValueError("vectors and frames cannot be concatenated")
    return Samples(ids, labels, torch.cat(vectors) if vectors else Frames.chain(frames))


def free_memory(device: torch.device) -> int:
    """Free bytes of an accelerator; 0 for other devices."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    if device.type == "mps":
        return torch.mps.recommended_max_memory() - torch.mps.driver_allocated_memory()
    return 0
