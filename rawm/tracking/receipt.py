"""Receipt of an upload: the output file of the Snakemake rule."""

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal

from rawm.files import write_json


@dataclass(frozen=True)
class RunReceipt:
    """One run: `logged` now, or `unchanged` since it was."""

    method: str
    seed: int
    status: Literal["logged", "unchanged"]
    run_id: str
    fingerprint: str


@dataclass(frozen=True)
class Receipt:
    """One upload of a study.

    Attributes:
        uri: tracking URI without its password.
        view: path of the saved view below the UI's address; empty where it could not be written.
        study_run: run id of the study's figures and tables; empty where there are none.
        model: name and version of the registered model; empty where the study has none.
        unfinished: runs that were left out, e.g. "rawm/seed2", since files of theirs are missing.
    """

    uri: str
    experiment: str
    experiment_id: str
    view: str
    study_run: str
    model: str = ""
    runs: list[RunReceipt] = field(default_factory=list)
    unfinished: list[str] = field(default_factory=list)

    def count(self, status: str) -> int:
        """Number of runs with a status."""
        return sum(run.status == status for run in self.runs)

    def write(self, path: Path) -> None:
        """Write as JSON, atomically."""
        write_json(path, asdict(self))
