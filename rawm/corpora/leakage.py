"""What the tasks of a stream share that they should not: training data of one that is evaluation data of another."""

from collections import defaultdict
from collections.abc import Iterable
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

from rawm import manifest, paths
from rawm.config import StreamFile, load_corpus
from rawm.config.corpora import FolderCorpus, OfficialCorpus
from rawm.corpora.audit import Report, same_bytes

SIDES = ("train", "eval")  # development data count as training data: models are chosen on them


class Share(NamedTuple):
    """What a task has on one side.

    Attributes:
        names: kind ("utterance", "group" or "speaker") -> names; those of other corpora are prefixed where they cannot
            mean the same thing there.
    """

    task: str
    side: str
    names: dict[str, set[str]]


def check(name: str, stream: StreamFile, deep: bool = False) -> Report:
    """Compare the training and development data of every task with the evaluation data of every task.

    Errors: the same utterance of a corpus, or a group of utterances (a sentence, a recording and its copies), on both
    sides; with `deep` also files with equal bytes. Warnings: a speaker on both sides. Sentences and speakers of
    different corpora are compared where their names are official ones: VCC2020's sources in ASVspoof 2021 DF, a
    sentence and its vocoded copies. Subset sizes are not looked at: what a task might draw counts.

    Raises:
        UserError: a corpus has no manifest yet.
    """
    rows = [(task.name, *pair) for task in stream.tasks for pair in _rows(task)]
    shares = [_share(task.name, side, rows) for task in stream.tasks for side in SIDES]
    errors, warnings = [], []
    for kind, found in (("utterance", errors), ("group", errors), ("speaker", warnings)):
        found += _overlaps(shares, kind)
    if deep:
        sound = {label for task in stream.tasks for label in task.corpora if load_corpus(label).has_audio}
        distinct = {
            (str(root / row["path"]), row["split"]): (root, row) for _, root, row in rows if row["corpus"] in sound
        }
        copies, _ = same_bytes(distinct.values())
        errors += copies
    return Report(name, {}, errors, warnings)


def _rows(task: Any) -> Iterable[tuple[Path, dict[str, Any]]]:
    for label in task.corpora:
        corpus = load_corpus(label)
        for row in manifest.read(paths.manifest(label)).select(where=task.where).rows():
            yield Path(corpus.root), row


def _share(task: str, side: str, rows: Iterable[tuple[str, Path, dict[str, Any]]]) -> Share:
    names: dict[str, set[str]] = defaultdict(set)
    official: dict[str, bool] = {}
    for name, _, row in rows:
        if name != task or (row["split"] == "eval") != (side == "eval"):
            continue
        corpus = row["corpus"]
        if corpus not in official:
            official[corpus] = isinstance(load_corpus(corpus), OfficialCorpus | FolderCorpus)
        prefix = "" if official[corpus] else f"{corpus}/"
        names["utterance"].add(f"{corpus}/{row['utterance_id']}")
        if row["group"] != row["utterance_id"]:
            names["group"].add(prefix + row["group"])
        if row["speaker"] != "-":
            names["speaker"].add(prefix + row["speaker"])
    return Share(task, side, names)


def _overlaps(shares: list[Share], kind: str) -> list[str]:
    found = []
    for train, evaluation in product(shares, shares):
        if (train.side, evaluation.side) != SIDES:
            continue
        common = sorted(train.names[kind] & evaluation.names[kind])
        if common:
            found.append(
                f"{len(common)} {kind}(s) are in training data of task {train.task} and in evaluation data of task "
                f"{evaluation.task}, first {common[0]}"
            )
    return found
