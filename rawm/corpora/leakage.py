"""Find leaks in a stream: training data of one task in the evaluation data of another."""

from itertools import product
from pathlib import Path

from rawm import manifest, paths
from rawm.config.corpora import Corpus, FolderCorpus, OfficialCorpus
from rawm.config.study import StreamFile
from rawm.corpora.audit import Report, same_bytes
from rawm.manifest import Row
from rawm.study import load_corpus

KINDS = ("utterance", "group", "speaker")
#: kind -> names. Names of a user's own corpora are prefixed by the corpus, since other corpora may use the same ones.
Names = dict[str, set[str]]


def check(name: str, stream: StreamFile, deep: bool = False) -> Report:
    """Compare the training and development data of every task with the evaluation data of every task.

    Errors: the same utterance of a corpus, or a group of utterances (a sentence, a recording and its copies), on both
    sides; with `deep` also files with equal bytes. Warnings: a speaker on both sides. Sentences and speakers of
    different corpora are compared where their names are official, e.g. VCC2020's sources in ASVspoof 2021 DF, or a
    sentence and its vocoded copies. Subset sizes are ignored: every utterance that a task might draw counts.

    Raises:
        UserError: a corpus has no manifest yet.
    """
    train: dict[str, Names] = {}
    evaluation: dict[str, Names] = {}
    files: dict[tuple[Path, str], tuple[Path, Row]] = {}
    for task in [*stream.tasks, *stream.watch]:
        train[task.name], evaluation[task.name] = ({kind: set() for kind in KINDS} for _ in range(2))
        for corpus in map(load_corpus, task.corpora):
            for row in manifest.read(paths.manifest(corpus.name)).select(where=task.where).rows():
                side = evaluation if row["split"] == "eval" else train  # models are chosen on development data
                if side is train and task in stream.watch:
                    continue
                _add(side[task.name], corpus, row)
                if deep and corpus.has_audio:
                    files[Path(corpus.root), row["path"]] = (Path(corpus.root), row)
    errors = _overlap_problems(train, evaluation, "utterance") + _overlap_problems(train, evaluation, "group")
    copies = same_bytes(files.values())[0] if deep else []
    return Report(name, {}, errors + copies, _overlap_problems(train, evaluation, "speaker"))


def _add(names: Names, corpus: Corpus, row: Row) -> None:
    prefix = "" if isinstance(corpus, OfficialCorpus | FolderCorpus) else f"{corpus.name}/"
    names["utterance"].add(f"{row['corpus']}/{row['utterance_id']}")
    if row["group"] != row["utterance_id"]:
        names["group"].add(prefix + row["group"])
    if row["speaker"] != "-":
        names["speaker"].add(prefix + row["speaker"])


def _overlap_problems(train: dict[str, Names], evaluation: dict[str, Names], kind: str) -> list[str]:
    """One sentence for each pair of tasks that share names of a kind."""
    problems = []
    for (one, learned), (other, tested) in product(train.items(), evaluation.items()):
        if common := sorted(learned[kind] & tested[kind]):
            problems.append(
                f"{len(common)} {kind}(s) are in training data of task {one} and in evaluation data of task {other}, "
                f"first {common[0]}"
            )
    return problems
