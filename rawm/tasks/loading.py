"""Load the samples of a task: manifests + features -> train, dev and eval samples."""

from typing import Literal, overload

import torch

from rawm import manifest, paths
from rawm.config.study import Task
from rawm.errors import UserError
from rawm.features.store import FeatureStore
from rawm.seeding import pick
from rawm.study import Study, subsets
from rawm.tasks.samples import Samples, concatenate


@overload
def load_split(study: Study, number: int, split: Literal["train", "eval"], seed: int) -> Samples: ...
@overload
def load_split(study: Study, number: int, split: str, seed: int) -> Samples | None: ...
def load_split(study: Study, number: int, split: str, seed: int) -> Samples | None:
    """Load one split of task `number` (1, 2, ...), sorted by corpus and utterance id.

    The seed chooses the training subset. Dev and eval subsets are the same for every seed, so that runs are compared
    on the same data.

    Returns:
        the samples; None for the dev split of a task without development utterances.

    Raises:
        UserError: the subset asks for more utterances of a class than its corpora have, or the split is empty. Or
            features are of another manifest, or lack utterances that were not skipped as unusable audio.
    """
    task = study.task(number)
    labels = {corpus: _labels(task, corpus, split) for corpus in task.corpora}
    chosen = _choose(study, task, split, labels, seed if split == "train" else 0)
    parts = []
    for corpus, label_of in labels.items():
        store = _features(study, corpus, split)
        skipped = set(store.skipped)  # unreadable audio, where the corpus file says so
        ids = sorted(name for name in label_of if (corpus, name) in chosen and name not in skipped)
        rows = store.index(ids)
        features = store.vectors(rows) if store.pooled else store.table(rows)
        classes = torch.tensor([study.classes.index(label_of[name]) for name in ids], dtype=torch.int64)
        parts.append(Samples(ids, classes, features))
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
