"""One run of a study: a method, a seed, and the files that hold its results.

`Run` is the only code that knows which files a run has. Importing it loads no torch, pandas or NumPy.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rawm import checksums, paths
from rawm.errors import UserError
from rawm.files import atomic, write_json
from rawm.study import Study

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from torch import Tensor

    from rawm.detectors.detector import Detector


DETECTOR, MEMORY = "detector.safetensors", "memory.safetensors"


@dataclass(frozen=True, eq=False)
class Run:
    """A method trained with one seed on the tasks of a study, one after another.

    Attributes:
        study: with the tasks in the order of the seed, whatever the order in which it is given.
        method: label of the method.
        seed: fixes weights, sample order and subsets.
    """

    study: Study
    method: str
    seed: int

    def __post_init__(self):
        object.__setattr__(self, "study", self.study.ordered(self.seed))

    def __str__(self) -> str:
        return f"{self.method} seed {self.seed}"

    @property
    def key(self) -> str:
        """Name of the run, unique over all studies."""
        return f"{self.study.name}/{self.method}/seed{self.seed}"

    @property
    def numbers(self) -> range:
        """Numbers of the tasks: 1, 2, ..."""
        return range(1, len(self.study.tasks) + 1)

    @property
    def command(self) -> str:
        """The command that makes the study's missing files."""
        return make_command(self.study)

    # Paths

    @property
    def folder(self) -> Path:
        return paths.study(self.study.name) / "runs" / self.method / f"seed{self.seed}"

    def task_folder(self, number: int) -> Path:
        """Folder of task 1, 2, ..."""
        return self.folder / f"task{number}"

    def detector_path(self, number: int) -> Path:
        return self.task_folder(number) / DETECTOR

    def memory_path(self, number: int) -> Path:
        return self.task_folder(number) / MEMORY

    def history_path(self, number: int) -> Path:
        return self.task_folder(number) / "history.jsonl"

    @property
    def scores_path(self) -> Path:
        return self.folder / "scores.parquet"

    @property
    def metrics_path(self) -> Path:
        return self.folder / "metrics.json"

    @property
    def checkpoints(self) -> list[Path]:
        """Detector, memory and history of every task."""
        files = (self.detector_path, self.memory_path, self.history_path)
        return [path(number) for number in self.numbers for path in files]

    @property
    def files(self) -> list[Path]:
        """Every file of the run."""
        return [self.metrics_path, self.scores_path, *self.checkpoints]

    @property
    def is_finished(self) -> bool:
        """Whether every file is there."""
        return all(path.is_file() for path in self.files)

    # Reading

    def detector(self, number: int) -> "Detector":
        """The detector after task 1, 2, ..., on the CPU; raises UserError where the file is missing or damaged."""
        from rawm.detectors import checkpoint

        return checkpoint.load_detector(self.detector_path(number))[0]

    def memory(self, number: int) -> dict[str, "Tensor"]:
        """What the method remembers after task 1, 2, ...; raises UserError where the file is missing or damaged."""
        from rawm.detectors import checkpoint

        return checkpoint.load(self.memory_path(number))[0]

    @contextmanager
    def open_memory(self, number: int) -> Iterator[Any]:
        """The memory after task 1, 2, ... as a safetensors handle of numpy arrays, to read some of its tensors."""
        from safetensors import safe_open

        path = self.memory_path(number)
        checksums.require_intact(path)
        with self._reading(path), safe_open(path, framework="numpy") as file:
            yield file

    def history(self, number: int) -> list[dict[str, Any]]:
        """The epochs of task 1, 2, ...: epoch, step, loss, dev_eer or dev_accuracy (%), seconds, time; or UserError."""
        path = self.history_path(number)
        checksums.require_intact(path)
        with self._reading(path):
            epochs = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
            _require_epochs(epochs)
        checksums.drop(epochs[0])
        return epochs

    def seconds(self, number: int) -> float:
        """How long task 1, 2, ... was trained."""
        return round(sum(epoch["seconds"] for epoch in self.history(number)), 3)

    @property
    def scores(self) -> "pd.DataFrame":
        """Scores of the evaluation data: after, task, utterance_id, label, score (higher = more genuine); or UserError.

        Where the classes are not fake and genuine there is predicted as well, and score is the log-posterior of the
        label.
        """
        return self._scores("eval")

    @property
    def development_scores(self) -> "pd.DataFrame":
        """As `scores`, of the development data of the tasks seen so far."""
        return self._scores("dev")

    def _scores(self, split: str) -> "pd.DataFrame":
        import pandas as pd

        checksums.require_intact(self.scores_path)
        with self._reading(self.scores_path):
            table = pd.read_parquet(self.scores_path)
            return table.query("split == @split").drop(columns="split").reset_index(drop=True)

    @cached_property
    def metrics(self) -> dict[str, Any]:
        """The numbers of metrics.json; raises UserError where it is missing, damaged or about other tasks."""
        import numpy as np

        path, measure = self.metrics_path, self.study.measure
        names = [task.name for task in self.study.tasks]
        checksums.require_intact(path)
        with self._reading(path):
            content = json.loads(path.read_text(encoding="utf-8"))
            tasks, watched = ([str(name) for name in content.get(key, [])] for key in ("tasks", "watched"))
            matrix = np.array(content[measure.matrix], dtype=float)
        checksums.drop(content)
        if tasks != names or matrix.shape != (len(names) + 1, len(names)):
            raise UserError(
                f"{path}: is about the tasks {', '.join(tasks)}, but the study has {', '.join(names)}; "
                f"bring it up to date with `{self.command}`"
            )
        wanted = [task.name for task in self.study.stream.watch]
        if watched != wanted:
            raise UserError(
                f"{path}: watches {', '.join(watched) or 'nothing'}, but the study watches "
                f"{', '.join(wanted) or 'nothing'}; bring it up to date with `{self.command}`"
            )
        keys = [metric.key for metric in measure.metrics]
        keys += ["average_dev_eer", "calibration"] if self.study.detects_fakes else []
        if missing := [key for key in keys if key not in content]:
            raise UserError(f"{path}: has no {', '.join(missing)}; bring it up to date with `{self.command}`")
        return content

    @contextmanager
    def _reading(self, path: Path) -> Iterator[None]:
        """Turn every error of reading a file into a UserError."""
        try:
            yield
        except FileNotFoundError:
            raise UserError(f"{path}: no such file; make it with `{self.command}`") from None
        except UserError:
            raise
        except Exception as error:
            reason = f"it has no {error}" if isinstance(error, KeyError) else error
            raise UserError(
                f"{path}: not readable ({reason}); delete it and make it again with `{self.command}`"
            ) from None

    # Writing

    def write_task(
        self,
        number: int,
        detector: "Detector",
        memory: Mapping[str, "Tensor"],
        history: Sequence[Mapping[str, Any]],
        description: Mapping[str, str],
    ) -> None:
        """Write the detector, memory and history of task 1, 2, ...; each file is complete or absent.

        Args:
            memory: what the method remembers.
            history: a record per epoch.
            description: header entries from which the detector is built again (`checkpoint.describe`).
        """
        from rawm.detectors import checkpoint

        header = {"study": self.study.name, "method": self.method, "seed": str(self.seed), "task": str(number)}
        header["frontend"] = self.study.frontend.model_dump_json()
        checkpoint.save_detector(self.detector_path(number), detector, header | dict(description))
        checkpoint.save(self.memory_path(number), dict(memory), header)
        with atomic(self.history_path(number)) as temporary:
            temporary.write_text("".join(json.dumps({"task": number} | dict(record)) + "\n" for record in history))
            checksums.seal(temporary)

    def write_scores(self, columns: "Mapping[str, np.ndarray]") -> None:
        """Write a table with one row per checkpoint, task, split and utterance."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        with atomic(self.scores_path) as temporary:
            pq.write_table(pa.table(dict(columns)), temporary, compression="zstd")
            checksums.seal(temporary)

    def write_metrics(self, values: Mapping[str, Any]) -> None:
        """Write the numbers of the run."""
        content = {"study": self.study.name, "method": self.method, "seed": self.seed} | dict(values)
        write_json(self.metrics_path, content)


def _require_epochs(epochs: Sequence[Any]) -> None:
    """Raise ValueError or KeyError for what is no history."""
    if not epochs:
        raise ValueError("it is empty")
    for number, epoch in enumerate(epochs, 1):
        if not isinstance(epoch, dict):
            raise ValueError(f"line {number} is no epoch")
        for key in ("epoch", "step", "loss", "seconds", "time"):
            if not isinstance(epoch[key], int | float):
                raise ValueError(f"line {number}: {key} is no number")


def runs_of(study: Study) -> list[Run]:
    """Every run of a study, finished or not, in the order of its file."""
    return [Run(study, method, seed) for method in study.settings.methods for seed in study.settings.seeds]


def all_checkpoints(study: Study) -> list[str]:
    """Detectors, memories and histories of every run."""
    return [str(path) for run in runs_of(study) for path in run.checkpoints]


def all_metrics(study: Study) -> list[str]:
    """Metrics and scores of every run."""
    return [str(path) for run in runs_of(study) for path in (run.metrics_path, run.scores_path)]


def make_command(study: Study) -> str:
    """The command that makes a study's missing files."""
    return f"snakemake --cores 2 --config study={study.name}"
