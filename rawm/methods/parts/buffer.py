"""Samples of old tasks that a method may keep."""

from typing import Literal

import torch
from torch import Tensor

from rawm.features.frames import Frames
from rawm.methods.method import Task, entries, widened
from rawm.seeding import derive
from rawm.tasks.samples import Batch, Samples

Balance = Literal["none", "task", "class", "task_class"]


class Buffer:
    """At most `capacity` training samples of the tasks seen so far.

    Every sample gets a random key, a hash of its id and the run's seed, and those with the smallest keys are kept. With
    `balance: none` they are a uniform sample of everything seen, as reservoir sampling gives (Vitter 1985,
    doi:10.1145/3147.3165), in whatever order the samples came. With a balance, the capacity is shared out evenly among
    tasks, classes, or classes of tasks; what a small group does not fill goes to the others. Where minibatches are
    crops of longer utterances (`crop_frames`), one random crop of each utterance is kept.

    Args:
        capacity: M, in utterances.
        balance: the groups that share the capacity.
    """

    def __init__(self, capacity: int, balance: Balance):
        self.capacity = capacity
        self._balance = balance
        self._samples: Samples | None = None
        self._keys = self._tasks = torch.zeros(0, dtype=torch.int64)
        self._extra: dict[str, Tensor] = {}

    def __len__(self) -> int:
        return len(self._keys)

    def add(self, task: Task, **extra: Tensor) -> None:
        """Offer a finished task's training samples.

        Args:
            extra: tensors (N, ...) with a row for each sample, to keep with it, e.g. logits. Where rows are longer
                than those of earlier tasks, since classes grow, NaN stands for what these do not have.
        """
        if self.capacity == 0:
            return
        new, old, n_old = task.train, self._samples, len(self)
        new_keys = torch.tensor([derive(task.seed, "buffer", name) for name in new.ids], dtype=torch.int64)
        keys = torch.cat([self._keys, new_keys])
        tasks = torch.cat([self._tasks, torch.full((len(new),), task.number)])
        labels = new.labels if old is None else torch.cat([old.labels, new.labels])
        rows = self._chosen(keys, tasks, labels)
        kept = [] if old is None else [old.features[i] for i in range(n_old)]
        parts = [kept[i] if i < n_old else self._crop(new, i - n_old, int(keys[i])) for i in rows.tolist()]
        features = torch.stack(parts) if new.pooled else Frames.pack(parts)
        self._samples = Samples([str(key) for key in keys[rows].tolist()], labels[rows], features)
        for name, values in extra.items():
            values = values.cpu()
            if n_old:
                earlier = widened(self._extra[name], (n_old, *values.shape[1:]), torch.nan)
                values = torch.cat([earlier, values])
            self._extra[name] = values[rows]
        self._keys, self._tasks = keys[rows], tasks[rows]

    @staticmethod
    def _crop(new: Samples, row: int, key: int) -> Tensor:
        """The part of a sample to keep: its vector, or its frames from a place that its key determines."""
        features = new.features[row]
        if new.pooled or new.crop is None:
            return features
        first = key % max(1, len(features) - new.crop + 1)
        return features[first : first + new.crop]

    def _chosen(self, keys: Tensor, tasks: Tensor, labels: Tensor) -> Tensor:
        """Rows to keep, in the order of their keys."""
        group = torch.zeros_like(keys)
        if self._balance in ("task", "task_class"):
            group = group + tasks * (int(labels.max()) + 1)
        if self._balance in ("class", "task_class"):
            group = group + labels
        order = torch.argsort(keys)
        groups = sorted((order[group[order] == value] for value in group.unique()), key=len)
        shares, left = [], self.capacity
        for position, members in enumerate(groups):
            share = members[: left // (len(groups) - position)]
            shares.append(share)
            left -= len(share)
        rows = torch.cat(shares)
        return rows[torch.argsort(keys[rows])]

    @property
    def samples(self) -> Samples | None:
        """All samples kept; None where there are none."""
        return self._samples

    def by_task(self) -> list[Samples]:
        """The samples of each task, in the order of the tasks."""
        if self._samples is None:
            return []
        parts = []
        for number in self._tasks.unique():
            rows = torch.nonzero(self._tasks == number)[:, 0]
            kept = self._samples.features
            features = kept[rows] if isinstance(kept, Tensor) else kept.take(rows)
            ids = [self._samples.ids[row] for row in rows.tolist()]
            parts.append(Samples(ids, self._samples.labels[rows], features))
        return parts

    def draw(self, count: int, generator: torch.Generator) -> Batch:
        """`count` different samples at random, or all where there are fewer; the buffer must not be empty."""
        assert self._samples is not None
        return self._samples.batch(torch.randperm(len(self), generator=generator)[:count])

    def extra(self, name: str, batch: Batch) -> Tensor:
        """The extra values kept with the samples of a drawn minibatch."""
        return self._extra[name][batch.rows.cpu()].to(batch.features.device)

    def state(self) -> dict[str, Tensor]:
        """The samples with their keys and extra values; frames are concatenated, with the number of frames of each."""
        if self._samples is None:
            return {}
        kept, features = (
            {"keys": self._keys, "tasks": self._tasks, "labels": self._samples.labels},
            self._samples.features,
        )
        if isinstance(features, Tensor):
            kept["features"] = features
        else:
            kept["features"], kept["lengths"] = features.tables[0], features.lengths
        return {f"buffer.{name}": value for name, value in (kept | self._extra).items()}

    def load(self, state: dict[str, Tensor]) -> None:
        """Restore a saved state."""
        kept = entries(state, "buffer.")
        if not kept:
            return
        self._keys, self._tasks, labels = kept.pop("keys"), kept.pop("tasks"), kept.pop("labels")
        features = kept.pop("features")
        if "lengths" in kept:
            features = Frames.of_table(features, kept.pop("lengths"))
        self._samples = Samples([str(key) for key in self._keys.tolist()], labels, features)
        self._extra = kept
