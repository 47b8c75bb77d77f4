"""The metrics and histories of all runs of a study.

Importing this module loads neither pandas nor torch.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from rawm.errors import UserError
from rawm.metrics import classification
from rawm.metrics.measure import Measure
from rawm.runs.run import Run, make_command, runs_of
from rawm.study import Study

if TYPE_CHECKING:
    import pandas as pd


class Spread(NamedTuple):
    """Mean and sample standard deviation (ddof = 1) over seeds; std is None for one seed, both are None for none."""

    mean: float | None
    std: float | None
    n: int


def spread(values: np.ndarray) -> Spread:
    """Spread of a 1-D array; a NaN stands for a number that does not exist and makes the mean None."""
    values = np.asarray(values, dtype=float)
    if not values.size or np.isnan(values).any():
        return Spread(None, None, values.size)
    return Spread(float(values.mean()), float(values.std(ddof=1)) if values.size > 1 else None, values.size)


@dataclass(frozen=True)
class Results:
    """Metrics of every run of a study.

    A run's matrix has its tasks in the order in which it met them. Where each seed has an order of its own, a column of
    several runs' matrices is a position in it, not a task.

    Attributes:
        study: the study.
        runs: (method, seed) -> run, in the order of the study file.
    """

    study: Study
    runs: dict[tuple[str, int], Run]

    @property
    def methods(self) -> list[str]:
        """Labels of the methods in the order of the study file."""
        return list(self.study.settings.methods)

    @property
    def measure(self) -> Measure:
        return self.study.measure

    @property
    def seeds(self) -> list[int]:
        return list(self.study.settings.seeds)

    @property
    def names(self) -> list[str]:
        """Names of the matrices' columns: the tasks', or task1, ... where seeds have orders of their own."""
        if self.shuffled:
            return [f"task{number}" for number in range(1, len(self.study.tasks) + 1)]
        return [task.name for task in self.study.tasks]

    @property
    def tasks(self) -> list[str]:
        """Titles of the matrices' columns: the tasks', or met 1st, ... where seeds have orders of their own."""
        if self.shuffled:
            return [f"met {_ordinal(number)}" for number in range(1, len(self.study.tasks) + 1)]
        return [task.title or task.name for task in self.study.tasks]

    @property
    def watched(self) -> list[str]:
        """Titles of what the stream watches, without training on it."""
        return [task.title or task.name for task in self.study.stream.watch]

    @property
    def shuffled(self) -> bool:
        """Whether each seed has its own order of tasks."""
        return self.study.settings.task_order == "shuffled"

    @cached_property
    def titles(self) -> dict[str, str]:
        """Method label -> title; where two methods have the same title, the label is added."""
        titles = {method: self.study.title(method) for method in self.methods}
        same = {title for title in titles.values() if list(titles.values()).count(title) > 1}
        return {method: f"{title} ({method})" if title in same else title for method, title in titles.items()}

    def matrices(self, method: str) -> np.ndarray:
        """Matrices of EER or accuracy in percent, (seeds, T + 1, T)."""
        return np.array([self.runs[method, seed].metrics[self.measure.matrix] for seed in self.seeds], dtype=float)

    def watched_matrices(self, method: str) -> np.ndarray:
        """As `matrices`, of what is watched: (seeds, T + 1, W)."""
        name, none = f"watched_{self.measure.matrix}", np.empty((len(self.tasks) + 1, 0))
        return np.array([self.runs[method, seed].metrics.get(name, none) for seed in self.seeds], dtype=float)

    def values(self, method: str, metric: str) -> np.ndarray:
        """One metric of each seed, (seeds,) or (seeds, ...); NaN where the metric does not exist (null)."""
        return np.array([self.runs[method, seed].metrics[metric] for seed in self.seeds], dtype=float)


def spread_sentence(results: Results) -> str:
    """A sentence that says what mean and standard deviation are taken over."""
    if len(results.seeds) == 1:
        return "one seed"
    orders = ", each of which meets the tasks in an order of its own" if results.shuffled else ""
    return f"mean ± sample standard deviation over {len(results.seeds)} seeds{orders}"


def _ordinal(number: int) -> str:
    ending = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


def load(study: Study) -> Results:
    """Read the metrics of every run of a study.

    Raises:
        UserError: runs are not finished, or were evaluated on other tasks than the study has now.
    """
    runs = {(run.method, run.seed): run for run in runs_of(study)}
    missing = [str(run) for run in runs.values() if not run.metrics_path.is_file()]
    if missing:
        some = ", ".join(missing[:5]) + (", ..." if len(missing) > 5 else "")
        raise UserError(
            f"study {study.name}: {len(missing)} of {len(runs)} runs are not finished ({some}); "
            f"finish them with `{make_command(study)}`"
        )
    for run in runs.values():
        run.metrics  # noqa: B018 - raises what is wrong with a file before anything is computed
    return Results(study, runs)


def history(study: Study) -> "pd.DataFrame":
    """Every epoch of every run: method, seed, task, epoch, step, loss, dev_eer or dev_accuracy (%), seconds, time."""
    import pandas as pd

    rows = [
        {"method": run.method, "seed": run.seed} | epoch
        for run in runs_of(study)
        for number in run.numbers
        for epoch in run.history(number)
    ]
    return pd.DataFrame(rows)


def confusions(run: Run, classes: Sequence[str]) -> np.ndarray:
    """Numbers of evaluation utterances of all tasks after 0, 1, ... tasks, (T + 1, C, C): true and predicted class."""
    scores = run.scores
    here = [scores[scores.after == after] for after in range(len(run.study.tasks) + 1)]
    return np.stack([classification.confusion(part.label, part.predicted, classes) for part in here])


def matrix_rows(results: Results) -> list[dict[str, Any]]:
    """The matrices in long form, a row a cell: method, seed, after (0 = untrained), task (name), and percentages.

    They are eer, or accuracy and recall. What is watched follows the tasks, its names after `watched `.
    """
    return [
        {"method": method, "seed": seed, "after": after, "task": f"{shown}{task}"}
        | {name: run.metrics[f"{prefix}{name}_matrix"][after][column] for name in results.measure.cells}
        for (method, seed), run in results.runs.items()
        for after in range(len(run.metrics["tasks"]) + 1)
        for key, prefix, shown in (("tasks", "", ""), ("watched", "watched_", "watched "))
        for column, task in enumerate(run.metrics.get(key, []))
    ]
