"""Load the samples of a task: manifests + features -> train, dev and eval samples."""

from collections.abc import Sequence
from typing import Literal, overload

import torch

from rawm import manifest, paths
from rawm.config.study import Task
from rawm.errors import UserError
from rawm.features.store import FeatureStore
from rawm.seeding import pick
from rawm.study import Study, subsets
from rawm.study.augmentations import copy_id, stored_name
from rawm.tasks.samples import Samples, concatenate


@overload
def load_split(study: Study, number: int, split: Literal["train", "eval"], seed: int) -> Samples: ...
@overload
def load_split(study: Study, number: int, split: str, seed: int) -> Samples | None: ...
def load_split(study: Study, number: int, split: str, seed: int) -> Samples | None:
    """Load one split of task `number` (1, 2, ...), sorted by corpus and utterance id.

    The seed chooses the training subset. Dev and eval subsets are the same for every seed, so that runs are compared
    on the same data. Where the study has an augmentation, the changed copies of the chosen training utterances of each
    corpus follow them.

    Returns:
        the samples; None for the dev split of a task without development utterances.

    Raises:
        UserError: the subset asks for more utterances of a class than its corpora have, or the split is empty.
    """
    task = study.task(number)
    labels = {corpus: _labels(task, corpus, split) for corpus in task.corpora}
    chosen = _choose(study, task, split, labels, seed if split == "train" else 0)
    parts = []
    for corpus, label_of in labels.items():
        store = FeatureStore(paths.features(study.settings.frontend, corpus, split))
        ids = sorted(name for name in label_of if (corpus, name) in chosen)
        ids = [name for name in ids if store.has(name)]  # extraction skipped unreadable audio, as the corpus file says
        parts.append(_samples(store, ids, [label_of[name] for name in ids], study.classes))
        if study.augmentation is not None and split == "train":
            parts.append(_copies(study, corpus, ids, label_of))
    samples = concatenate(parts) if len(parts) > 1 else parts[0]
    if len(samples) == 0 and split == "dev":
        return None
    if len(samples) == 0:
        raise UserError(f"task {task.name}: {split} has no utterances; look at its corpora, `where` and subset sizes")
    return samples


def _samples(store: FeatureStore, ids: list[str], labels: Sequence[str], classes: Sequence[str]) -> Samples:
    """Read utterances of a feature file."""
    rows = store.index(ids)
    features = store.vectors(rows) if store.pooled else store.table(rows)
    return Samples(ids, torch.tensor([classes.index(label) for label in labels], dtype=torch.int64), features)


def _copies(study: Study, corpus: str, ids: Sequence[str], label_of: dict[str, str]) -> Samples:
    """The changed copies of training utterances of one corpus, but for those that extraction skipped."""
    assert study.augmentation is not None
    name = stored_name(study.settings.augment or "", study.augmentation)
    store = FeatureStore(paths.augmented(study.settings.frontend, corpus, name))
    numbers = range(1, study.augmentation.copies + 1)
    copies = {copy_id(name, number): label_of[name] for name in ids for number in numbers}
    copies = {name: label for name, label in copies.items() if store.has(name)}
    return _samples(store, list(copies), list(copies.values()), study.classes)


def _labels(task: Task, corpus: str, split: str) -> dict[str, str]:
    """Utterance id -> label, of the utterances of one corpus that belong to the task."""
    selected = manifest.read(paths.manifest(corpus)).select(split=split, where=task.where)
    return dict(zip(selected.utterance_id, selected.label, strict=True))


def _choose(study: Study, task: Task, split: str, labels: dict[str, dict[str, str]], seed: int) -> set[tuple[str, str]]:
    """Choose the subset that the task asks for.

    Args:
        labels: corpus -> utterance id -> label.

    Returns:
        (corpus, utterance id) of each chosen utterance.
    """
    by_class: dict[str, dict[str, tuple[str, str]]] = {label: {} for label in study.classes}
    for corpus, label_of in labels.items():
        for name, label in label_of.items():
            if label not in by_class:
                raise UserError(
                    f"config/streams/{study.settings.stream}.yaml: task {task.name}: corpus {corpus} has the class "
                    f"{label!r}, which is not one of {', '.join(study.classes)}; add it to `classes`, or leave it out "
                    "by `where`"
                )
            by_class[label][f"{corpus}/{name}"] = (corpus, name)
    available = {label: len(utterances) for label, utterances in by_class.items()}
    wanted = subsets.counts(getattr(task, split), available)
    problems = [
        f"config/streams/{study.settings.stream}.yaml: task {task.name}: {split}: asks for {wanted[label]} {label} "
        f"utterances, but {', '.join(task.corpora)} has {available[label]}; ask for at most that many"
        for label in available
        if wanted[label] > available[label]
    ]
    if problems:
        raise UserError("\n".join(problems))
    return {
        utterances[key] for label, utterances in by_class.items() for key in pick(list(utterances), wanted[label], seed)
    }
