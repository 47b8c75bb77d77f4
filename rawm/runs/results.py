"""The finished runs of a study, read from their files: metrics, scores, training history, projectors.

Reads only; importing it loads neither pandas nor torch.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from rawm import paths
from rawm.errors import UserError
from rawm.metrics.measure import Measure
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
        runs: (method, seed) -> content of metrics.json, in the order of the study file.
    """

    study: Study
    runs: dict[tuple[str, int], dict[str, Any]]

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
    def shuffled(self) -> bool:
        """Whether each seed has its own order of tasks."""
        return self.study.settings.task_order == "shuffled"

    @property
    def spreads(self) -> str:
        """What a number with its spread is, in words."""
        if not self.seeds[1:]:
            return "one seed"
        orders = ", each of which meets the tasks in an order of its own" if self.shuffled else ""
        return f"mean ± sample standard deviation over {len(self.seeds)} seeds{orders}"

    @cached_property
    def titles(self) -> dict[str, str]:
        """Method label -> title; where two methods have the same title, the label is added."""
        titles = {method: self.study.title(method) for method in self.methods}
        same = {title for title in titles.values() if list(titles.values()).count(title) > 1}
        return {method: f"{title} ({method})" if title in same else title for method, title in titles.items()}

    def matrices(self, method: str) -> np.ndarray:
        """Matrices of EER or accuracy in percent, (seeds, T + 1, T)."""
        return np.array([self.runs[method, seed][self.measure.matrix] for seed in self.seeds], dtype=float)

    def values(self, method: str, metric: str) -> np.ndarray:
        """One metric of each seed, (seeds,) or (seeds, ...); NaN where the metric does not exist (null)."""
        return np.array([self.runs[method, seed][metric] for seed in self.seeds], dtype=float)


def _ordinal(number: int) -> str:
    ending = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


def command(study: Study) -> str:
    """The command that finishes a study's runs."""
    return f"snakemake --cores 2 --config study={study.name}"


def load(study: Study) -> Results:
    """Read metrics.json of every run of a study.

    Raises:
        UserError: runs are not finished, or were evaluated on other tasks than the study has now.
    """
    wanted = [(method, seed) for method in study.settings.methods for seed in study.settings.seeds]
    missing = [run for run in wanted if not paths.metrics(study.name, *run).is_file()]
    if missing:
        some = ", ".join(f"{method} seed {seed}" for method, seed in missing[:5]) + (", ..." if missing[5:] else "")
        raise UserError(
            f"study {study.name}: {len(missing)} of {len(wanted)} runs are not finished ({some}); "
            f"finish them with `{command(study)}`"
        )
    return Results(study, {run: _metrics(study, *run) for run in wanted})


def _metrics(study: Study, method: str, seed: int) -> dict[str, Any]:
    path = paths.metrics(study.name, method, seed)
    names = [task.name for task in study.ordered(seed).tasks]
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        found, matrix = content["tasks"], np.array(content[study.measure.matrix], dtype=float)
    except (ValueError, KeyError, TypeError):
        raise UserError(f"{path}: not the metrics of a run; delete it and make it with `{command(study)}`") from None
    if found != names or matrix.shape != (len(names) + 1, len(names)):
        raise UserError(
            f"{path}: is about the tasks {', '.join(map(str, found))}, but the study has {', '.join(names)}; "
            f"bring it up to date with `{command(study)}`"
        )
    if missing := [metric.key for metric in study.measure.metrics if metric.key not in content]:
        raise UserError(f"{path}: has no {', '.join(missing)}; bring it up to date with `{command(study)}`")
    return content


def _read(path: Path, study: Study, reader: Callable[[Path], Any]) -> Any:
    """Call `reader` on a file of a run; raises UserError where it is missing or damaged."""
    try:
        return reader(path)
    except FileNotFoundError:
        raise UserError(f"{path}: no such file; make it with `{command(study)}`") from None
    except Exception as error:
        raise UserError(f"{path}: not readable ({error}); delete it and make it with `{command(study)}`") from None


def scores(study: Study, method: str, seed: int) -> "pd.DataFrame":
    """Scores of a run's evaluation data: after, task, utterance_id, label, score (higher = more genuine), or UserError.

    Where the classes are not fake and genuine there is predicted as well, and score is the log-posterior of the label.
    """
    import pandas as pd

    table = _read(paths.scores(study.name, method, seed), study, pd.read_parquet)
    return table[table["split"] == "eval"].drop(columns="split").reset_index(drop=True) if "split" in table else table


def history(study: Study) -> "pd.DataFrame":
    """Every epoch of every run: method, seed, task, epoch, step, loss, dev_eer or dev_accuracy (%), seconds, time."""
    import pandas as pd

    def lines(path: Path) -> list[dict[str, Any]]:
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]

    rows = [
        {"method": method, "seed": seed} | row
        for method in study.settings.methods
        for seed in study.settings.seeds
        for task in range(1, len(study.tasks) + 1)
        for row in _read(paths.history(study.name, method, seed, task), study, lines)
    ]
    return pd.DataFrame(rows)


def matrix_rows(results: Results) -> list[dict[str, Any]]:
    """The matrices in long form, a row a cell: method, seed, after (0 = untrained), task (name), and percentages.

    They are eer, or accuracy and recall.
    """
    return [
        {"method": method, "seed": seed, "after": after, "task": task}
        | {name: run[f"{name}_matrix"][after][column] for name in results.measure.cells}
        for (method, seed), run in results.runs.items()
        for after in range(len(run["tasks"]) + 1)
        for column, task in enumerate(run["tasks"])
    ]


class Spectrum(NamedTuple):
    """What a projection method carries for one layer.

    Attributes:
        eigenvalues: (d,) of the accumulated input statistics C, largest first.
        rank: how many leading directions are protected; None where the projector has no sharp rank (rls, paper).
    """

    eigenvalues: np.ndarray
    rank: int | None


def spectra(study: Study, method: str, seed: int) -> list[dict[str, Spectrum]]:
    """Layer -> spectrum after task 1, 2, ..., layers in the order of the network; empty where nothing is carried."""
    numbers = range(1, len(study.tasks) + 1)
    found = [_read(paths.memory(study.name, method, seed, number), study, _spectra) for number in numbers]
    return found if any(found) else []


def _spectra(path: Path) -> dict[str, Spectrum]:
    from safetensors import safe_open

    suffix = ".eigenvalues"
    with safe_open(path, framework="numpy") as file:
        layers = sorted((name.removesuffix(suffix) for name in file.keys() if name.endswith(suffix)), key=_natural)  # noqa: SIM118
        taken = {layer: file.get_tensor(f"{layer}.taken") for layer in layers}
        ranks = {layer: len(values) if (values == 1).all() else None for layer, values in taken.items()}
        return {layer: Spectrum(file.get_tensor(layer + suffix), ranks[layer]) for layer in layers}


def _natural(name: str) -> list[tuple[bool, int, str]]:
    """Sorting key with which layer 10 comes after layer 2."""
    return [
        (not part.isdigit(), int(part) if part.isdigit() else 0, part) for part in re.split(r"(\d+)|\.", name) if part
    ]
