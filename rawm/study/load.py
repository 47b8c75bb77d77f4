"""Load the files of config/: one by one, or a study with every file it names."""

from pathlib import Path
from typing import Any

from rawm import paths
from rawm.config.augmentation import AugmentationFile
from rawm.config.corpora import Corpus, CorpusFile
from rawm.config.detectors import DetectorFile
from rawm.config.files import file_of
from rawm.config.frontends import FrontendFile
from rawm.config.methods import MethodFile
from rawm.config.published import PublishedFile
from rawm.config.reading import ConfigError, expand, parse, read_model
from rawm.config.search import SearchFile
from rawm.config.study import MainFile, StreamFile, StudyFile
from rawm.study.checks import absent, cross_checks
from rawm.study.study import Study

#: Folder under config/ -> the model of its files.
KINDS: dict[str, Any] = {
    "studies": StudyFile,
    "streams": StreamFile,
    "corpora": CorpusFile,
    "frontends": FrontendFile,
    "augmentations": AugmentationFile,
    "detectors": DetectorFile,
    "methods": MethodFile,
    "searches": SearchFile,
    "published": PublishedFile,
}


def load_file(kind: str, label: str, config: Path = paths.CONFIG) -> Any:
    """One file of a kind ("studies", "methods", ...); raises ConfigError."""
    extra = {"name": label} if kind == "corpora" else None
    model = read_model(file_of(kind, label, config), KINDS[kind], extra)
    if kind == "corpora":
        root = expand(model.root) if model.root else paths.corpus(label)
        model = model.model_copy(update={"root": str(root)})
    return model


def load_corpus(label: str, config: Path = paths.CONFIG) -> Corpus:
    """One corpus file with its `root` resolved; raises ConfigError."""
    return load_file("corpora", label, config)


def load_frontend(label: str, config: Path = paths.CONFIG) -> Any:
    """One front-end file; raises ConfigError."""
    return load_file("frontends", label, config)


def load_augmentation(label: str, config: Path = paths.CONFIG) -> AugmentationFile:
    """One augmentation file; raises ConfigError."""
    return load_file("augmentations", label, config)


def load_method(label: str, config: Path = paths.CONFIG) -> Any:
    """One method file; raises ConfigError."""
    return load_file("methods", label, config)


def load_stream(label: str, config: Path = paths.CONFIG) -> StreamFile:
    """One stream file; raises ConfigError."""
    return load_file("streams", label, config)


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
            return load_file(kind, label, config)
        except ConfigError as error:
            problems.extend(error.problems)
            return None

    settings = load("studies", name)
    if settings is None:
        raise ConfigError(problems)
    stream = load("streams", settings.stream)
    tasks = [*stream.tasks, *stream.watch] if stream else []
    study = Study(
        name,
        settings,
        stream,
        frontend=load("frontends", settings.frontend),
        detector=load("detectors", settings.detector),
        corpora={label: load("corpora", label) for label in dict.fromkeys(c for t in tasks for c in t.corpora)},
        methods={label: load("methods", label) for label in settings.methods},
        augmentation=load("augmentations", settings.augment) if settings.augment is not None else None,
    )
    if not problems:
        problems = cross_checks(study, config) + (absent(study, config) if on_disk else [])
    if problems:
        raise ConfigError(problems)
    return study
