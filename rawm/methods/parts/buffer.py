"""Samples of old tasks that a method may keep."""

from typing import Literal

import torch
from torch import Tensor

from rawm.features.frames import Frames
from rawm.methods.method import Task
from rawm.seeding import derive
from rawm.tasks.samples import Batch, Samples

Balance = Literal["none", "task", "class", "task_class"]


class Buffer:
    """At most `capacity` training samples of the tasks seen so far.

    Every sample gets a random key when it is seen, a hash of its id and the run's seed, and those with the smallest
    keys stay. With `balance: none` that is a uniform sample of everything seen, as reservoir sampling gives (Vitter
    1985, doi:10.1145/3147.3165), whatever the order in which samples came. With a balance, the room is shared out
    evenly among tasks, classes, or classes of tasks; what a small group leaves is given to the others. Where
    minibatches are cut from longer utterances (`crop_frames`), one random cut of an utterance is kept, and no more.

    Args:
        capacity: M, in utterances.
        balance: what the room is shared out among.
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
            extra: tensors (N, ...) with a row for each of them, kept beside, e.g. logits.
        """
        if self.capacity == 0:
            return
        new = task.train
        keys = torch.tensor([derive(task.seed, "buffer", name) for name in new.ids], dtype=torch.int64)
        kept, old = self._samples, len(self)
        keys = torch.cat([self._keys, keys])
        tasks = torch.cat([self._tasks, torch.full((len(new),), task.number)])
        labels = new.labels if kept is None else torch.cat([kept.labels, new.labels])
        rows = self._chosen(keys, tasks, labels)
        parts = [kept.features[i] if i < old else self._cut(new, i - old, int(keys[i])) for i in rows.tolist()]
        features = torch.stack(parts) if new.pooled else Frames.pack(parts)
        self._samples = Samples([str(key) for key in keys[rows].tolist()], labels[rows], features)
        for name, values in extra.items():
            values = torch.cat([self._extra[name], values.cpu()]) if old else values.cpu()
            self._extra[name] = values[rows]
        self._keys, self._tasks = keys[rows], tasks[rows]

    @staticmethod
    def _cut(new: Samples, row: int, key: int) -> Tensor:
        """What is kept of a sample: its vector, or its frames from the place that its key gives."""
        features = new.features[row]
        if new.pooled or new.crop is None:
            return features
        first = key % max(1, len(features) - new.crop + 1)
        return features[first : first + new.crop]

    def _chosen(self, keys: Tensor, tasks: Tensor, labels: Tensor) -> Tensor:
        """Rows that stay, in the order of their keys."""
        group = torch.zeros_like(keys)
        if self._balance in ("task", "task_class"):
            group = group + tasks * (int(labels.max()) + 1)
        if self._balance in ("class", "task_class"):
            group = group + labels
        order = torch.argsort(keys)
        members = sorted((order[group[order] == value] for value in group.unique()), key=len)
        rows, room = [], self.capacity
        for position, member in enumerate(members):
            share = member[: room // (len(members) - position)]
            rows.append(share)
            room -= len(share)
        rows = torch.cat(rows)
        return rows[torch.argsort(keys[rows])]

    @property
    def samples(self) -> Samples | None:
        """All that is kept; None where there is nothing."""
        return self._samples

    def by_task(self) -> list[Samples]:
        """The samples of each task, in the order of the tasks."""
        if self._samples is None:
            return []
        parts = []
        for number in self._tasks.unique():
            rows = torch.nonzero(self._tasks == number)[:, 0]
            kept = self._samples.features
            features = kept[rows] if self._samples.pooled else kept.take(rows)
            parts.append(Samples([self._samples.ids[row] for row in rows], self._samples.labels[rows], features))
        return parts

    def draw(self, count: int, generator: torch.Generator) -> Batch:
        """`count` different samples at random, or all where there are fewer."""
        return self._samples.batch(torch.randperm(len(self), generator=generator)[:count])

    def extra(self, name: str, batch: Batch) -> Tensor:
        """What was kept beside the samples of a drawn minibatch."""
        return self._extra[name][batch.rows.cpu()].to(batch.features.device)

    def state(self) -> dict[str, Tensor]:
        """Features one after another, with the number of frames of each where they are frames."""
        if self._samples is None:
            return {}
        kept = {"keys": self._keys, "tasks": self._tasks, "labels": self._samples.labels}
        if self._samples.pooled:
            kept["features"] = self._samples.features
        else:
            kept["features"], kept["lengths"] = self._samples.features.tables[0], self._samples.features.lengths
        return {f"buffer.{name}": value for name, value in (kept | self._extra).items()}

    def load(self, state: dict[str, Tensor]) -> None:
        """Take up a saved state."""
        kept = {k.removeprefix("buffer."): v.clone() for k, v in state.items() if k.startswith("buffer.")}
        if not kept:
            return
        self._keys, self._tasks, labels = kept.pop("keys"), kept.pop("tasks"), kept.pop("labels")
        features = kept.pop("features")
        if "lengths" in kept:
            features = Frames.of_table(features, kept.pop("lengths"))
        self._samples = Samples([str(key) for key in self._keys.tolist()], labels, features)
        self._extra = kept
