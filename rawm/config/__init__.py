"""The configuration: directories of small YAML files, one typed model per kind, all mistakes reported together.

Importing this package is cheap: it needs pydantic and PyYAML only.
"""

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rawm import paths
from rawm.config.checks import absent, cross_checks, mismatch
from rawm.config.corpora import (
    SPEECH_CLASSES,
    Corpus,
    CorpusFile,
    OfficialCorpus,
    OpenSpeechCorpus,
    SyntheticCorpus,
    TableCorpus,
)
from rawm.config.detectors import DetectorFile
from rawm.config.frontends import FrontendFile
from rawm.config.methods import MethodFile
from rawm.config.published import PublishedFile, load_published, read_published
from rawm.config.reading import ConfigError, expand, parse, read_model
from rawm.config.search import SearchFile
from rawm.config.study import MainFile, StreamFile, StudyFile, Subset, Task, Tracking, Training
from rawm.seeding import derive

if TYPE_CHECKING:
    from rawm.metrics.measure import Measure

__all__ = [
    "KINDS",
    "ConfigError",
    "Corpus",
    "MainFile",
    "OfficialCorpus",
    "OpenSpeechCorpus",
    "StreamFile",
    "Study",
    "Subset",
    "SyntheticCorpus",
    "TableCorpus",
    "Task",
    "Tracking",
    "Training",
    "check_all",
    "labels",
    "load_corpus",
    "load_frontend",
    "load_main",
    "load_method",
    "load_published",
    "load_stream",
    "load_study",
    "mismatch",
    "parse_main",
    "read_published",
]

#: Folder under config/ -> the model of its files.
KINDS: dict[str, Any] = {
    "studies": StudyFile,
    "streams": StreamFile,
    "corpora": CorpusFile,
    "frontends": FrontendFile,
    "detectors": DetectorFile,
    "methods": MethodFile,
    "searches": SearchFile,
    "published": PublishedFile,
}


@dataclass(frozen=True)
class Study:
    """A study with everything it names, validated.

    Attributes:
        name: label of the study file.
        settings: the study file.
        stream: the stream file; `tasks` are its tasks.
        corpora, methods: label -> settings, for the labels that the study uses.
    """

    name: str
    settings: StudyFile
    stream: StreamFile
    frontend: Any
    detector: Any
    corpora: dict[str, Corpus]
    methods: dict[str, Any]

    @cached_property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes in the order of their indices (a detector's outputs).

        Where the stream does not say them, they are read from the manifests of its corpora, which must be made then.
        """
        if self.stream.classes is not None:
            return tuple(self.stream.classes)
        from rawm import manifest

        found = {label for corpus in self.corpora for label in manifest.read(paths.manifest(corpus)).label}
        return tuple(sorted(found))

    @property
    def detects_fakes(self) -> bool:
        """Whether the classes are fake and genuine: then scores and equal error rates are reported, else accuracy."""
        return self.stream.classes is not None and tuple(self.stream.classes) == SPEECH_CLASSES

    @property
    def measure(self) -> "Measure":
        """What the study is judged by."""
        from rawm.metrics.measure import ACCURACY, EER

        return EER if self.detects_fakes else ACCURACY

    @property
    def tasks(self) -> list[Task]:
        return self.stream.tasks

    def task(self, number: int) -> Task:
        """Task 1, 2, ..."""
        return self.stream.tasks[number - 1]

    def ordered(self, seed: int) -> "Study":
        """The study as the runs with this seed meet it: where tasks are shuffled, in the order of this seed.

        Tasks are sorted by a hash of the seed and of their names, so that one more leaves the order of the others.
        """
        if self.settings.task_order == "given":
            return self
        tasks = sorted(self.tasks, key=lambda task: derive(seed, "task order", task.name))
        return replace(self, stream=self.stream.model_copy(update={"tasks": tasks}))

    def training(self, method: str) -> Training:
        """The study's training values, with those the method's file overrides where the study lets it."""
        if self.settings.equal_training:
            return self.settings.training
        override = self.methods[method].training.model_dump(exclude_none=True)
        return self.settings.training.model_copy(update=override)

    def title(self, method: str) -> str:
        return self.methods[method].title or method


def labels(kind: str, config: Path = paths.CONFIG) -> list[str]:
    """Labels of one kind ("studies", "methods", ...), sorted."""
    return sorted(path.stem for path in (config / kind).glob("*.yaml"))


def _load(kind: str, label: str, config: Path) -> Any:
    extra = {"name": label} if kind == "corpora" else None
    model = read_model(config / kind / f"{label}.yaml", KINDS[kind], extra)
    if kind == "corpora":
        root = expand(model.root) if model.root else paths.corpus(label)
        model = model.model_copy(update={"root": str(root)})
    return model


def load_corpus(label: str, config: Path = paths.CONFIG) -> Corpus:
    """One corpus file with its `root` resolved; raises ConfigError."""
    return _load("corpora", label, config)


def load_frontend(label: str, config: Path = paths.CONFIG) -> Any:
    """One front-end file; raises ConfigError."""
    return _load("frontends", label, config)


def load_method(label: str, config: Path = paths.CONFIG) -> Any:
    """One method file; raises ConfigError."""
    return _load("methods", label, config)


def load_stream(label: str, config: Path = paths.CONFIG) -> StreamFile:
    """One stream file; raises ConfigError."""
    return _load("streams", label, config)


def load_main(config: Path = paths.CONFIG) -> MainFile:
    """`config/config.yaml`; raises ConfigError."""
    return read_model(config / "config.yaml", MainFile)


def parse_main(content: dict[str, Any]) -> MainFile:
    """`config/config.yaml` as it is after changes on Snakemake's command line; raises ConfigError."""
    return parse(content, MainFile, Path("config/config.yaml (or --config)"))


def load_study(name: str, config: Path = paths.CONFIG, on_disk: bool = True) -> Study:
    """Read a study and every file it names.

    Args:
        on_disk: make sure too that the folders of its corpora and the weights of its front-end are there.

    Raises:
        ConfigError: all problems of all those files together.
    """
    problems: list[str] = []

    def load(kind: str, label: str) -> Any:
        try:
            return _load(kind, label, config)
        except ConfigError as error:
            problems.extend(error.problems)
            return None

    settings = load("studies", name)
    if settings is None:
        raise ConfigError(problems)
    stream = load("streams", settings.stream)
    tasks = stream.tasks if stream else []
    study = Study(
        name,
        settings,
        stream,
        frontend=load("frontends", settings.frontend),
        detector=load("detectors", settings.detector),
        corpora={label: load("corpora", label) for label in dict.fromkeys(c for t in tasks for c in t.corpora)},
        methods={label: load("methods", label) for label in settings.methods},
    )
    if not problems:
        problems = cross_checks(study, config) + (absent(study, config) if on_disk else [])
    if problems:
        raise ConfigError(problems)
    return study


def check_all(config: Path = paths.CONFIG) -> list[str]:
    """Problems of every file under `config`, whether a study uses it or not."""
    from rawm.config.trials import load_search

    problems: list[str] = []
    for load, label in [(load_main, None)] + [
        (lambda label, kind=kind: _load(kind, label, config), label) for kind in KINDS for label in labels(kind, config)
    ]:
        try:
            load(config) if label is None else load(label)
        except ConfigError as error:
            problems.extend(error.problems)
    for name in [] if problems else labels("studies", config):
        try:
            load_study(name, config, on_disk=False)
        except ConfigError as error:
            problems.extend(error.problems)
    named = [] if problems else [(load_search, name) for name in labels("searches", config)]
    named += [] if problems else [(load_published, name) for name in labels("published", config)]
    for load, name in named:
        try:
            load(name, config)
        except ConfigError as error:
            problems.extend(error.problems)
    return list(dict.fromkeys(problems))
