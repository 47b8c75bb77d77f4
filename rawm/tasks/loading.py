"""Load the samples of a task: manifests + features -> train, dev and eval samples."""

from collections.abc import Sequence
from typing import Literal, overload

import torch

from rawm import manifest, paths
from rawm.config.study import Task
from rawm.errors import UserError
from rawm.features.store import FeatureStore
from rawm.seeding import pick, within
from rawm.study import Study, subsets
from rawm.study.augmentations import copy_id, stored_name
from rawm.tasks.samples import Samples, concatenate


@overload
def load_split(study: Study, number: int, split: Literal["train", "eval"], seed: int) -> Samples: ...
@overload
def load_split(study: Study, number: int, split: str, seed: int) -> Samples | None: ...
def load_split(study: Study, number: int, split: str, seed: int) -> Samples | None:
    """Load one split of task `number` (1, 2, ...), sorted by corpus and utterance id.

    A class's index is its place among those of the tasks so far (`Study.classes_after`). The seed chooses the training
    subset. Dev and eval subsets are the same for every seed, so that runs are compared on the same data. Where the
    study has an augmentation, the changed copies of the chosen training utterances of each corpus follow them.

    Returns:
        the samples; None for the dev split of a task without development utterances.

    Raises:
        UserError: the subset asks for more utterances of a class than its corpora have, or the split is empty. Or
            features are of another manifest, or lack utterances that were not skipped as unusable audio.
    """
    return _load(study, study.task(number), study.classes_after(number), split, seed if split == "train" else 0)


def load_watched(study: Study, watched: Task) -> Samples:
    """Load the evaluation data of a corpus that is watched, as `load_split` does those of a task."""
    samples = _load(study, watched, study.classes, "eval", 0)
    assert samples is not None
    return samples


def _load(study: Study, task: Task, classes: tuple[str, ...], split: str, seed: int) -> Samples | None:
    labels = {corpus: _labels(study, task, corpus, split) for corpus in task.corpora}
    chosen = _choose(study, task, classes, split, labels, seed)
    parts = []
    for corpus, label_of in labels.items():
        store = _features(study, corpus, split)
        skipped = set(store.skipped)  # unreadable audio, where the corpus file says so
        ids = sorted(name for name in label_of if (corpus, name) in chosen and name not in skipped)
        parts.append(_samples(store, ids, [label_of[name] for name in ids], classes))
        if study.augmentation is not None and split == "train":
            parts.append(_copies(study, corpus, ids, label_of, classes))
    samples = concatenate(parts) if len(parts) > 1 else parts[0]
    if len(samples) == 0 and split == "dev":
        return None
    if len(samples) == 0:
        raise UserError(f"task {task.name}: {split} has no utterances; look at its corpora, `where` and subset sizes")
    return samples


def _features(study: Study, corpus: str, split: str) -> FeatureStore:
    """The features of one split; raises UserError where they were made from another manifest."""
    frontend = study.settings.frontend
    store = FeatureStore(paths.features(frontend, corpus, split))
    if store.manifest != manifest.digest(paths.manifest(corpus)):
        raise UserError(
            f"{store.path}: was made from another manifest than {paths.manifest(corpus)}; make it again with "
            f"`rawm extract --frontend {frontend} --corpus {corpus}`"
        )
    return store


def _samples(store: FeatureStore, ids: list[str], labels: Sequence[str], classes: Sequence[str]) -> Samples:
    """Read utterances of a feature file."""
    rows = store.index(ids)
    features = store.vectors(rows) if store.pooled else store.table(rows)
    return Samples(ids, torch.tensor([classes.index(label) for label in labels], dtype=torch.int64), features)


def _copies(study: Study, corpus: str, ids: Sequence[str], label_of: dict[str, str], classes: Sequence[str]) -> Samples:
    """The changed copies of training utterances of one corpus, but for those that extraction skipped."""
    assert study.augmentation is not None
    name = stored_name(study.settings.augment or "", study.augmentation)
    store = FeatureStore(paths.augmented(study.settings.frontend, corpus, name))
    numbers = range(1, study.augmentation.copies + 1)
    copies = {copy_id(name, number): label_of[name] for name in ids for number in numbers}
    copies = {name: label for name, label in copies.items() if store.has(name)}
    return _samples(store, list(copies), list(copies.values()), classes)


def _labels(study: Study, task: Task, corpus: str, split: str) -> dict[str, str]:
    """Utterance id -> class, of the utterances of one corpus that belong to the task."""
    whole = manifest.read(paths.manifest(corpus)).select(split=split)
    selected = whole.select(where=task.where)
    label_of = dict(zip(selected.utterance_id, selected.traced() if study.grows else selected.label, strict=True))
    for label, (low, high) in task.share.items():
        # Shares are of all utterances of a class, whatever `where` leaves of them, so that tasks share none.
        groups = {
            name: name if group == "-" else group
            for name, group, its in zip(whole.utterance_id, whole.group, whole.label, strict=True)
            if its == label
        }
        inside = within(groups.values(), low, high)
        label_of = {name: its for name, its in label_of.items() if name not in groups or groups[name] in inside}
    return label_of


def _choose(
    study: Study, task: Task, classes: tuple[str, ...], split: str, labels: dict[str, dict[str, str]], seed: int
) -> set[tuple[str, str]]:
    """Choose the subset that the task asks for.

    Args:
        classes: those that utterances may have.
        labels: corpus -> utterance id -> class.

    Returns:
        (corpus, utterance id) of each chosen utterance.
    """
    here = {label for label_of in labels.values() for label in label_of.values()}
    by_class: dict[str, dict[str, tuple[str, str]]] = {
        label: {} for label in classes if label in here or not study.grows
    }
    for corpus, label_of in labels.items():
        for name, label in label_of.items():
            if label not in by_class:
                raise UserError(
                    f"config/streams/{study.settings.stream}.yaml: task {task.name}: corpus {corpus} has the class "
                    f"{label!r}, which is not one of {', '.join(classes)}; {_remedy(study)}"
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


def _remedy(study: Study) -> str:
    """What to do about a class that no output of the detector stands for."""
    if study.grows:
        return "it has no training utterance in the tasks so far: leave it out by `where`"
    return "add it to `classes`, or leave it out by `where`"
