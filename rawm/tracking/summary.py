"""Build the record of a study's summary run: its figures and tables."""

import hashlib
import shutil
from pathlib import Path

from rawm import paths
from rawm.reports.escaping import markdown
from rawm.runs.run import Run
from rawm.study import Study
from rawm.tracking import runs
from rawm.tracking.record import KIND, LAYOUT, Record, digests

STUDY_KIND = "study"
FOLDERS = ("figures", "tables")


def files(study: Study) -> list[Path]:
    """Existing figures and tables of a study, without hidden (unfinished) files."""
    root = paths.study(study.name)
    files_found = (path for name in FOLDERS for path in (root / name).rglob("*"))
    return sorted(path for path in files_found if path.is_file() and not path.name.startswith("."))


def record(study: Study, finished: list[Run]) -> Record | None:
    """Record of a run with figures and tables and no metrics; the saved views leave it out.

    Returns:
        None where there are neither figures nor tables yet.
    """
    files_found = files(study)
    if not files_found:
        return None
    root = paths.study(study.name)
    digest = hashlib.sha256(f"layout {LAYOUT}\n".encode())
    for name, value in digests(root, files_found):
        digest.update(f"{name}\0{value}\n".encode())
    note = f"Figures and tables of the study *{markdown(study.settings.title)}*, made from all runs: see the artifacts."
    return Record(
        key=f"{study.name}/study",
        fingerprint=digest.hexdigest(),
        name="study: figures and tables",
        start=min(runs.span(run)[0] for run in finished),
        end=max(runs.span(run)[1] for run in finished),
        tags={"study": study.name, KIND: STUDY_KIND, "mlflow.note.content": note} | runs.provenance(),
        stage=lambda folder: _stage(study, files_found, folder),
    )


def _stage(study: Study, files_found: list[Path], folder: Path) -> None:
    for path in files_found:
        target = folder / path.relative_to(paths.study(study.name))
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)
    runs.stage_config(study, list(study.methods), folder / "config")
