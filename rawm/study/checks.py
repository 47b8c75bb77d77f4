"""Checks across files: whether the files of a study fit together, and whether the data they name exist."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from rawm.config.corpora import SPEECH_CLASSES, ArenaParquet, Corpus, ListedCorpus, TableCorpus
from rawm.config.files import file_of
from rawm.config.frontends import SSL
from rawm.config.reading import expand, find_file
from rawm.config.study import Task

if TYPE_CHECKING:
    from rawm.study import Study


def cross_checks(study: "Study", config: Path) -> list[str]:
    """Problems of files that do not fit together."""
    problems = []
    own, where = file_of("studies", study.name, config), file_of("streams", study.settings.stream, config)
    classes = study.stream.classes if isinstance(study.stream.classes, list) else []
    if not study.detects_fakes and {"fake", "genuine"} & set(classes):
        problems.append(f"{where}: classes: must be [fake, genuine], in this order, where fakes are to be detected")
    for label, method in study.methods.items():
        file = file_of("methods", label, config)
        compact = getattr(method, "compact", [])
        for name in compact if isinstance(compact, list) and classes else []:
            if name not in classes:
                known = ", ".join(classes)
                problems.append(f"{file}: compact: unknown class {name!r}; classes: {known}")
        if study.grows and "genuine" in compact and not all(map(_has_genuine, study.tasks)):
            problems.append(
                f"{file}: compact: genuine is not a class of every task of {where}; take a "
                "method without compact classes, or let `where` keep genuine speech"
            )
        for name in getattr(method, "learn", []):
            if name.split(".")[0] not in study.detector.parts:
                parts = ", ".join(study.detector.parts)
                problems.append(
                    f"{file}: learn: detector {study.settings.detector} of study {study.name} "
                    f"has no part {name!r}; it has {parts}"
                )
        if getattr(method, "source", "") == "input" and study.detector.type != "mlp":
            problems.append(
                f"{file}: source: input needs a detector of type mlp, but detector "
                f"{study.settings.detector} of study {study.name} is {study.detector.type}; take source: embedding"
            )
    if study.augmentation is not None and study.frontend.type == "stored":
        problems.append(
            f"{own}: augment: changes audio, but frontend {study.settings.frontend} looks "
            "up stored features; remove it, or take a front-end that reads audio"
        )
    for corpus in study.corpora.values():
        if problem := mismatch(study.frontend, corpus):
            problems.append(f"{own}: frontend {study.settings.frontend}: {problem}")
        file, other = (file_of("corpora", name, config) for name in (corpus.name, getattr(corpus, "of", corpus.name)))
        if not other.is_file():
            problems.append(f"{file}: of: no file {other}; name another corpus")
    if study.detector.frames_only and getattr(study.frontend, "pooling", "none") != "none":
        problems.append(
            f"{own}: detector {study.settings.detector} works on frames, but frontend "
            f"{study.settings.frontend} pools them; take one with `pooling: none`, or a detector of type mlp"
        )
    for task in [*study.tasks, *study.stream.watch] if study.detects_fakes else []:
        held = {label for corpus in task.corpora for label in study.corpora[corpus].classes or SPEECH_CLASSES}
        for label in (label for label in SPEECH_CLASSES if label not in held):
            problems.append(
                f"{where}: task {task.name}: {', '.join(task.corpora)} has no {label} speech, so there is no equal "
                f"error rate; add a corpus with {label} speech to its corpora"
            )
    return problems


def _has_genuine(task: Task) -> bool:
    """Whether the filters of a task let genuine speech through."""
    return all(value in task.where.get(column, [value]) for column, value in (("label", "genuine"), ("attack", "-")))


def mismatch(frontend: Any, corpus: Corpus) -> str | None:
    """Reason why a front-end cannot read a corpus (audio or stored features); None if it can."""
    if corpus.has_audio and frontend.type == "stored":
        return f"looks up stored features, but corpus {corpus.name} has audio; use another front-end, e.g. lfcc_stats"
    if not corpus.has_audio and frontend.type != "stored":
        return f"needs audio, but corpus {corpus.name} has stored features; use a front-end of type stored"
    return None


def absent(study: "Study", config: Path) -> list[str]:
    """Problems of corpora and weights that are not on disk."""
    problems = []
    if isinstance(study.frontend, SSL) and study.frontend.weights:
        weights = expand(study.frontend.weights)
        if not weights.exists():
            where = file_of("frontends", study.settings.frontend, config)
            problems.append(f"{where}: weights: no file or folder {str(weights)!r}; put the encoder there")
    for label, corpus in study.corpora.items():
        if not isinstance(corpus, ListedCorpus):
            continue
        where = file_of("corpora", label, config)
        key, folder = ("root", corpus.root)
        if isinstance(corpus, ArenaParquet):
            key, folder = ("parquet", str(expand(corpus.parquet)))
        if not folder or not Path(folder).is_dir():
            hint = "set that variable or write" if "${" in folder else "write"
            problems.append(f"{where}: {key}: no folder {folder!r}; {hint} the folder of the corpus")
        elif isinstance(corpus, TableCorpus) and not find_file(corpus.root, corpus.table).is_file():
            problems.append(f"{where}: table: no file {corpus.table!r} under {corpus.root}")
    return problems
