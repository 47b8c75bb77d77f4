"""A model bundle: the folder in which a trained detector works alone, on any machine.

It holds detector.safetensors, memory.safetensors (what the method needs to go on learning) and model.yaml, which says
everything else. Nothing in it is code.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import yaml
from pydantic import Field

from rawm import checksums
from rawm.config.base import Model
from rawm.config.detectors import DetectorFile
from rawm.config.frontends import FrontendFile
from rawm.config.labels import Label
from rawm.config.methods import MethodFile
from rawm.config.reading import parse, read_yaml
from rawm.config.study import Task, Training
from rawm.errors import UserError
from rawm.files import atomic, sha256
from rawm.runs.run import DETECTOR, MEMORY

FORMAT = 1
MODEL = "model.yaml"
FILES = (DETECTOR, MEMORY, MODEL)
_HEAD = "# A trained detector of fake speech: `rawm detect FILE --model THIS_FOLDER`. A higher score = more genuine.\n"


class Gaussian(Model):
    """Scores of one class: mean, population standard deviation, number of utterances."""

    mean: float
    std: float
    n: int


class Learned(Model):
    """A task that the detector has learned.

    Attributes:
        task: as in a stream file; it names the corpora.
        genuine, fake: training utterances.
        dev_eer: EER on the task's development data right after learning, percent.
        scores: development scores right after learning, as one Gaussian a class; null = no development data.
    """

    task: Task
    genuine: int
    fake: int
    dev_eer: float | None
    scores: dict[Literal["genuine", "fake"], Gaussian] | None


class Calibration(Model):
    """Log-likelihood ratio = scale * score + offset, natural logarithm.

    Attributes:
        policy: name in `rawm.metrics.calibration.POLICIES`; none = there were no development data.
        data: what it was fitted on.
    """

    scale: float
    offset: float
    policy: Literal["none", "first", "last", "all", "gaussians"]
    data: str


class Threshold(Model):
    """A log-likelihood ratio at or below which a recording is called fake, and the data that it was set on."""

    value: float
    data: str


class Parent(Model):
    """The bundle from which a detector went on learning, and the hash of its model.yaml."""

    name: str
    sha256: str


class Weights(Model):
    """A file of a neural front-end: its hash, and whether it is in the bundle (folder `weights`)."""

    path: str
    sha256: str
    copied: bool


class ModelFile(Model):
    """model.yaml."""

    format: int = Field(description="Version of this file's layout.")
    rawm: str = Field(description="Version of rawm that wrote it.")
    name: str = Field(description="study/method/seed/task.")
    classes: list[str]
    frontend_label: Label
    frontend: FrontendFile
    detector: DetectorFile
    method_label: Label
    method: MethodFile
    training: Training
    seed: int
    window_s: float = Field(gt=0, description="Longest training utterance, seconds; longer recordings are divided.")
    calibration: Calibration
    thresholds: dict[str, Threshold]
    history: list[Learned] = Field(min_length=1)
    parent: Parent | None = None
    licences: dict[str, str] = Field(description="Corpus -> licence of its recordings.")
    weights: list[Weights] = Field([], description="Files of a neural front-end.")
    files: dict[str, str] = Field(description="File of the bundle -> its SHA-256.")


@dataclass(frozen=True)
class Bundle:
    """A bundle on disk."""

    folder: Path
    model: ModelFile

    @property
    def detector_path(self) -> Path:
        return self.folder / DETECTOR

    @property
    def memory_path(self) -> Path:
        return self.folder / MEMORY

    @property
    def sha256(self) -> str:
        """SHA-256 of model.yaml, which lists the hashes of the other files."""
        return sha256(self.folder / MODEL)

    def check(self, name: str) -> None:
        """Raise UserError where a file of the bundle is missing or is another than model.yaml says."""
        path = self.folder / name
        if not path.is_file():
            raise UserError(f"{path}: no such file; copy the whole bundle again")
        if sha256(path) != self.model.files[name]:
            raise UserError(f"{path}: is not the file that {MODEL} describes; copy the whole bundle again")


def load(folder: str | Path) -> Bundle:
    """Open a bundle.

    Raises:
        UserError: no bundle, one of a newer version, or mistakes in model.yaml (all of them).
    """
    folder = Path(folder)
    path = folder / MODEL
    if not path.is_file():
        raise UserError(f"{folder}: is no model bundle, it has no {MODEL}; make one with `rawm export`")
    checksums.require_intact(path)
    content = read_yaml(path)
    version = content.get("format")
    if isinstance(version, int) and version > FORMAT:
        raise UserError(
            f"{path}: was written by a newer rawm ({content.get('rawm', '?')}, format {version}), and this one reads "
            f"format {FORMAT}; update rawm"
        )
    return Bundle(folder, parse(content, ModelFile, path))


def write(folder: str | Path, model: ModelFile) -> Bundle:
    """Write model.yaml, after the other files."""
    text = yaml.safe_dump(model.model_dump(mode="json"), sort_keys=False, allow_unicode=True, width=120)
    with atomic(Path(folder) / MODEL) as temporary:
        temporary.write_text(_HEAD + text, encoding="utf-8")
        checksums.seal(temporary)
    return Bundle(Path(folder), model)


def prepare_folder(folder: str | Path) -> Path:
    """A folder that may become a bundle: new, empty, or one already, whole or not; raises UserError for any other."""
    folder = Path(folder)
    if folder.exists() and not folder.is_dir():
        raise UserError(f"{folder}: is a file; name a folder")
    parts = (*FILES, "weights")  # a killed job leaves some of them, and temporary files
    others = folder.is_dir() and any(path.name not in parts and path.name[0] != "." for path in folder.iterdir())
    if others and not (folder / MODEL).is_file():
        raise UserError(f"{folder}: holds other files; name a new folder, or one with a bundle, which is replaced")
    folder.mkdir(parents=True, exist_ok=True)
    return folder
