"""A study's figures and tables -> the record of its summary run."""

import hashlib
import shutil
from pathlib import Path

from rawm import paths
from rawm.runs.run import Run
from rawm.study import Study
from rawm.tracking import runs
from rawm.tracking.record import KIND, LAYOUT, Record, digests

STUDY_KIND = "study"
FOLDERS = ("figures", "tables")


def files(study: Study) -> list[Path]:
    """The study's figures and tables, whatever has been made of them; hidden files are half-written ones."""
    root = paths.study(study.name)
    found = (path for name in FOLDERS for path in (root / name).rglob("*"))
    return sorted(path for path in found if path.is_file() and not path.name.startswith("."))


def record(study: Study, finished: list[Run]) -> Record | None:
    """One run that carries figures and tables; it has no metrics, and the saved views leave it out.

    Returns:
        None where there are neither figures nor tables yet.
    """
    found = files(study)
    if not found:
        return None
    root = paths.study(study.name)
    digest = hashlib.sha256(f"layout {LAYOUT}\n".encode())
    for name, value in digests(root, found):
        digest.update(f"{name}\0{value}\n".encode())
    note = f"Figures and tables of the study *{study.settings.title}*, made from all of its runs: see the artifacts."
    return Record(
        key=f"{study.name}/study",
        fingerprint=digest.hexdigest(),
        name="study: figures and tables",
        start=min(runs.span(run)[0] for run in finished),
        end=max(runs.span(run)[1] for run in finished),
        tags={"study": study.name, KIND: STUDY_KIND, "mlflow.note.content": note} | runs.versions(),
        stage=lambda folder: _stage(study, found, folder),
    )


def _stage(study: Study, found: list[Path], folder: Path) -> None:
    for path in found:
        target = folder / path.relative_to(paths.study(study.name))
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)
    runs.stage_config(study, list(study.methods), folder / "config")
