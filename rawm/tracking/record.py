"""Content of one MLflow run, as plain data classes."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from rawm.files import sha256

#: Raised when the content of a record changes for the same files: the next upload then replaces every run.
LAYOUT = 1

KEY = "rawm.key"
FINGERPRINT = "rawm.fingerprint"
KIND = "rawm.kind"


@dataclass(frozen=True)
class Point:
    """One value of a metric: `time` in unix milliseconds, `step` = task index or epoch."""

    name: str
    value: float
    time: int
    step: int


@dataclass(frozen=True)
class Data:
    """One data set of a run: `digest` identifies its content, `context` says what for (train, eval)."""

    name: str
    digest: str
    context: str
    source: dict[str, str]


@dataclass(frozen=True)
class Record:
    """One run on MLflow.

    Attributes:
        key: identifies the run for ever, e.g. "synthetic/rawm/seed0".
        fingerprint: hash of everything that it was made from.
        start, end: unix milliseconds, from the files.
        tables: path of a table among the artifacts -> column -> values.
        stage: writes the files that become artifacts into a folder.
        model: name of the logged model; empty for none.
    """

    key: str
    fingerprint: str
    name: str
    start: int
    end: int
    params: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    metrics: list[Point] = field(default_factory=list)
    tables: dict[str, dict[str, list]] = field(default_factory=dict)
    data: list[Data] = field(default_factory=list)
    stage: Callable[[Path], None] = lambda folder: None
    model: str = ""

    @property
    def all_tags(self) -> dict[str, str]:
        return self.tags | {KEY: self.key, FINGERPRINT: self.fingerprint}


def milliseconds(seconds: float) -> int:
    return round(seconds * 1000)


def digests(folder: Path, paths: list[Path]) -> list[tuple[str, str]]:
    """(path relative to `folder`, SHA-256) of some files, sorted."""
    return sorted((path.relative_to(folder).as_posix(), sha256(path)) for path in paths)
