"""Samples in memory: features with labels, in minibatches."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor


class Batch(NamedTuple):
    """A minibatch.

    Attributes:
        features: (B, d), or padded frames (B, T, d) with `lengths` (B,).
        labels: (B,) int64 class indices.
        rows: (B,) int64, where in its `Samples` each one stands.
    """

    features: Tensor
    labels: Tensor
    lengths: Tensor | None
    rows: Tensor

    def to(self, device: torch.device | str) -> "Batch":
        """The same minibatch on a device."""
        return Batch(*(value if value is None else value.to(device) for value in self))


@dataclass(frozen=True)
class Samples:
    """Utterances of one split of a task.

    Attributes:
        ids: utterance ids.
        labels: (N,) int64 class indices.
        features: (N, d) float32 of pooled front-ends, or a sequence of N frame matrices (T_i, d), read when asked for.
    """

    ids: list[str]
    labels: Tensor
    features: Tensor | Sequence[Tensor]

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def pooled(self) -> bool:
        return isinstance(self.features, Tensor)

    @property
    def n_features(self) -> int:
        return self.features.shape[1] if isinstance(self.features, Tensor) else self.features[0].shape[1]

    def batch(self, rows: Tensor) -> Batch:
        """The samples at `rows` (B,) int64."""
        if isinstance(self.features, Tensor):
            return Batch(self.features[rows], self.labels[rows], None, rows)
        frames = [self.features[row] for row in rows.tolist()]
        lengths = torch.tensor([len(f) for f in frames])
        return Batch(torch.nn.utils.rnn.pad_sequence(frames, batch_first=True), self.labels[rows], lengths, rows)

    def batches(self, size: int, generator: torch.Generator | None = None) -> Iterator[Batch]:
        """Minibatches in stored order, or in the random order that `generator` gives; the last may be smaller."""
        n = len(self)
        order = torch.arange(n) if generator is None else torch.randperm(n, generator=generator)
        for rows in order.split(size):
            yield self.batch(rows)

    def mean_std(self) -> tuple[Tensor, Tensor]:
        """Mean and standard deviation (d,) over all vectors or frames, in float64 inside."""
        count, total, square = 0, 0.0, 0.0
        for start in range(0, len(self), 256):
            rows = range(start, min(start + 256, len(self)))
            x = torch.cat([self.features[row].reshape(-1, self.n_features) for row in rows]).double()
            count, total, square = count + len(x), total + x.sum(0), square + x.square().sum(0)
        mean = total / count
        std = (square / count - mean.square()).clamp_min(0).sqrt()
        return mean.float(), std.float()


def concatenate(parts: Sequence[Samples]) -> Samples:
    """All samples of several splits or tasks as one."""
    ids = [name for part in parts for name in part.ids]
    labels = torch.cat([part.labels for part in parts])
    if all(part.pooled for part in parts):
        return Samples(ids, labels, torch.cat([part.features for part in parts]))
    return Samples(ids, labels, _Chain([part.features for part in parts]))


class _Chain(Sequence):
    """Several sequences one after another, without copying."""

    def __init__(self, parts: Sequence[Sequence[Tensor]]):
        self._parts = parts
        self._where = [(p, i) for p, part in enumerate(parts) for i in range(len(part))]

    def __len__(self) -> int:
        return len(self._where)

    def __getitem__(self, index: int) -> Tensor:
        part, row = self._where[index]
        return self._parts[part][row]
