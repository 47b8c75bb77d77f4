"""Study + manifests + features -> tasks with train, dev and eval samples."""

import torch

from rawm import manifest, paths
from rawm.config.study import Task
from rawm.errors import UserError
from rawm.features.store import FeatureStore
from rawm.seeding import pick
from rawm.study import Study, subsets
from rawm.tasks.samples import Samples, concatenate


def load_split(study: Study, number: int, split: str, seed: int) -> Samples | None:
    """Samples of one split of task `number` (1, 2, ...), sorted by corpus and utterance id.

    The seed chooses the training subset. Dev and eval subsets are the same for every seed, so that runs are compared
    on equal data. A task without any development utterances gives None for its dev split.

    Raises:
        UserError: the subset asks for more utterances of a class than there are, or there are none at all.
    """
    task = study.task(number)
    rows = {corpus: _rows(task, corpus, split) for corpus in task.corpora}
    chosen = _choose(study, task, split, rows, seed if split == "train" else 0)
    parts = []
    for corpus, labels in rows.items():
        ids = sorted(name for name in labels if (corpus, name) in chosen)
        store = FeatureStore(paths.features(study.settings.frontend, corpus, split))
        kept = [name for name in ids if store.has(name)]  # the rest was unreadable and the corpus says to skip it
        index = store.index(kept)
        features = store.vectors(index) if store.pooled else store.table(index)
        classes = torch.tensor([study.classes.index(labels[name]) for name in kept], dtype=torch.int64)
        parts.append(Samples(kept, classes, features))
    samples = concatenate(parts) if len(parts) > 1 else parts[0]
    if len(samples) == 0 and split == "dev":
        return None
    if len(samples) == 0:
        raise UserError(f"task {task.name}: {split} has no utterances; look at its corpora, `where` and subset sizes")
    return samples


def _rows(task: Task, corpus: str, split: str) -> dict[str, str]:
    """Utterance id -> label, of what the task keeps of one corpus."""
    kept = manifest.read(paths.manifest(corpus)).select(split=split, where=task.where)
    return dict(zip(kept.utterance_id, kept.label, strict=True))


def _choose(study: Study, task: Task, split: str, rows: dict[str, dict[str, str]], seed: int) -> set[tuple[str, str]]:
    """(corpus, utterance id) of the subset that the task asks for."""
    found = {label: {} for label in study.classes}
    for corpus, ids in rows.items():
        for name, label in ids.items():
            if label not in found:
                known = ", ".join(study.classes)
                raise UserError(
                    f"config/streams/{study.settings.stream}.yaml: task {task.name}: corpus {corpus} has the class "
                    f"{label!r}, which is not one of {known}; add it to `classes`, or leave it out by `where`"
                )
            found[label][f"{corpus}/{name}"] = (corpus, name)
    have = {label: len(ids) for label, ids in found.items()}
    wanted = subsets.counts(getattr(task, split), have)
    problems = [
        f"config/streams/{study.settings.stream}.yaml: task {task.name}: {split}: asks for {wanted[label]} {label} "
        f"utterances, but {', '.join(task.corpora)} has {have[label]}; ask for at most that many"
        for label in have
        if wanted[label] > have[label]
    ]
    if problems:
        raise UserError("\n".join(problems))
    return {ids[key] for label, ids in found.items() for key in pick(list(ids), wanted[label], seed)}
