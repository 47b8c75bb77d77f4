"""Read every file of a study that a job reads, and compare it with its checksum."""

import json
from dataclasses import dataclass, field
from pathlib import Path

from rawm import checksums, paths
from rawm.config.reading import read_yaml
from rawm.detectors import checkpoint
from rawm.errors import UserError
from rawm.features import folder as feature_folder
from rawm.features.store import verify as verify_store
from rawm.progress import track
from rawm.runs.run import DETECTOR, MEMORY, runs_of
from rawm.study import Study, jobs


@dataclass
class Verified:
    """What was found.

    Attributes:
        whole: files that are as they were written.
        without: readable files without a checksum, which an earlier version wrote.
        absent: files that are not made yet.
        problems: a sentence about each file that is damaged or not readable, with the command that makes it again.
    """

    whole: list[Path] = field(default_factory=list)
    without: list[Path] = field(default_factory=list)
    absent: list[Path] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    @property
    def summary(self) -> str:
        counts = {
            "as they were written": len(self.whole),
            "readable, without a checksum (an earlier version wrote them)": len(self.without),
            "damaged or not readable": len(self.problems),
            "not made yet": len(self.absent),
        }
        return ", ".join(f"{count} {words}" for words, count in counts.items() if count)


def verify(study: Study) -> Verified:
    """Read the files of a study: manifests, features, runs, intervals, the receipt of MLflow, and its model."""
    verified = Verified()
    for path in track(files_of(study), f"{study.name}: files"):
        if not path.is_file():
            verified.absent.append(path)
            continue
        try:
            is_whole = _read(path)
        except UserError as error:
            verified.problems.append(str(error))
        else:
            (verified.whole if is_whole else verified.without).append(path)
    return verified


def files_of(study: Study) -> list[Path]:
    """Every file of a study that one job writes and another reads."""
    folder, model = paths.study(study.name), paths.model(study.name)
    files = [path for run in runs_of(study) for path in run.files]
    files += [paths.intervals(study.name), folder / "tracking.json"]
    return [*_data(study), *files, *sorted(path for path in model.glob("*") if path.suffix in checksums.SUFFIXES)]


def _data(study: Study) -> list[Path]:
    """Manifests, features, and the folders of features that were imported."""
    numbers = range(1, len(study.tasks) + 1)
    files = [*jobs.manifests(study), *jobs.task_features(study, numbers, paths.SPLITS), *jobs.evaluation_inputs(study)]
    if study.frontend.type == "stored":
        folders = [feature_folder.of(corpus) for corpus in study.corpora.values()]
        files += [feature_folder.table(folder) for folder in folders]
        files += [folder / f"{study.frontend.features}.safetensors" for folder in folders]
    return list(dict.fromkeys(map(Path, files)))


def _read(path: Path) -> bool:
    """Whether a file has a checksum; raises UserError where it is damaged or not readable."""
    try:
        if path.suffix == ".safetensors" and path.name not in (DETECTOR, MEMORY):
            return verify_store(path)
        checksums.require_intact(path)
        if checksums.state(path) == "whole":
            return True
        _read_without_checksum(path)
    except (OSError, ValueError, RecursionError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UserError(f"{path}: not readable ({reason}); {checksums.remedy(path)}") from None
    return False


def _read_without_checksum(path: Path) -> None:
    if path.suffix == ".safetensors":
        checkpoint.load(path)
    elif path.suffix == ".parquet":
        checksums.require_table(path)
    elif path.suffix == ".yaml":
        read_yaml(path)
    else:
        text = path.read_text(encoding="utf-8")
        for document in text.splitlines() if path.suffix == ".jsonl" else [text]:
            json.loads(document)
