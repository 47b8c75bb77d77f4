"""The tables of a study, put together from the metrics of its finished runs."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from rawm.files import csv, write_text
from rawm.reports.tables.calibration import calibration, calibration_csv_rows
from rawm.reports.tables.classes import classes, classes_csv_rows
from rawm.reports.tables.formats import Cell, Table, html, latex, markdown
from rawm.reports.tables.pairs import interval_text, pairs
from rawm.runs import uncertainty
from rawm.runs.results import Results, Spread, load, matrix_rows, spread, spread_sentence
from rawm.study import Study


def make(study: Study, output_dir: str | Path) -> None:
    """Write all tables of a study, see `rawm.reports.tables.make`."""
    results, folder = load(study), Path(output_dir)
    estimated = uncertainty.load(study)
    for name, table, values in (
        ("comparison", comparison(results, estimated), comparison_csv(results, estimated)),
        ("pairs", pairs(results, estimated), csv(estimated["pairs"])),
        ("matrix", matrices(results), matrix_csv(results)),
        ("classes", classes(results), csv(classes_csv_rows(results))),
        ("calibration", calibration(results), csv(calibration_csv_rows(results))),
        ("runs", runs(results), runs_csv(results)),
    ):
        write_text(folder / f"{name}.csv", values)
        write_text(folder / f"{name}.md", markdown(table))
        write_text(folder / f"{name}.tex", latex(table))
        write_text(folder / f"{name}.html", html(table, study.settings.title))


@dataclass(frozen=True)
class Column:
    """One number compared across methods.

    Attributes:
        values: method -> value of each seed.
        intervals: method -> interval, to be shown behind the number.
        differences: (method, method) -> interval of their difference.
    """

    header: str
    short: str
    lower_is_better: bool
    values: dict[str, np.ndarray]
    intervals: dict[str, str] = field(default_factory=dict)
    differences: dict[frozenset[str], tuple[float, float]] = field(default_factory=dict)

    def cells(self, bounds: set[str]) -> list[Cell]:
        """One cell per method: bold = best mean, upper bounds aside; † = not significantly different from the best."""
        spreads = {method: spread(values) for method, values in self.values.items()}
        means = {
            method: round(value.mean, 2)
            for method, value in spreads.items()
            if value.mean is not None and method not in bounds
        }
        best = (min if self.lower_is_better else max)(means.values()) if len(means) > 1 else None
        marked = {method for method, mean in means.items() if mean == best}
        cells = []
        for method, value in spreads.items():
            pairs = [self.differences.get(frozenset((method, other))) for other in marked - {method}]
            tied = method in means and method not in marked and any(pair and pair[0] <= 0 <= pair[1] for pair in pairs)
            parts = [_shown(value), self.intervals.get(method, ""), "†" if tied else ""]
            cells.append(Cell(" ".join(part for part in parts if part), method in marked))
        return cells


def _columns(results: Results, estimated: dict[str, Any]) -> list[Column]:
    """Final EER or accuracy of each task, then the summary metrics, two of them with intervals."""
    measure = results.measure
    columns = [
        Column(
            f"{_capital(measure.title)} {number} {title} (%), {measure.direction} is better",
            f"T{number}",
            measure.lower_is_better,
            {method: _final(results, method, number) for method in results.methods},
        )
        for number, title in enumerate(results.tasks, 1)
    ]
    for metric in measure.metrics:
        values = {method: results.values(method, metric.key) for method in results.methods}
        sure = _sure(estimated, metric.key) if metric.key in (measure.average, measure.forgetting) else ({}, {})
        columns.append(Column(metric.header, metric.short, metric.lower_is_better, values, *sure))
    for number, title in enumerate(results.watched, 1):
        columns.append(
            Column(
                f"Watched: {measure.title} {number} {title} (%), {measure.direction} is better",
                f"W{number}",
                measure.lower_is_better,
                {method: results.watched_matrices(method)[:, -1, number - 1] for method in results.methods},
            )
        )
    return columns


def _sure(estimated: dict[str, Any], key: str) -> tuple[dict[str, str], dict[frozenset[str], tuple[float, float]]]:
    """Interval of each method as text, and pairs of methods that do not differ significantly."""
    differences = {
        frozenset((pair["first"], pair["second"])): (pair["low"], pair["high"])
        for pair in estimated["pairs"]
        if pair["metric"] == key
    }
    return {method: interval_text(values[key]) for method, values in estimated["methods"].items()}, differences


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]


def _final(results: Results, method: str, task: int) -> np.ndarray:
    return results.matrices(method)[:, -1, task - 1]


def _shown(value: Spread) -> str:
    if value.mean is None:
        return "-"
    mean = f"{value.mean:.2f}".replace("-0.00", "0.00")
    return mean if value.std is None else f"{mean} ± {value.std:.2f}"


def comparison(results: Results, estimated: dict[str, Any]) -> Table:
    """Final value of each task and summary metrics of each method; bold = best of the column, upper bound aside."""
    columns, bounds = _columns(results, estimated), uncertainty.bounds(results.study)
    names = [Cell(results.titles[method]) for method in results.methods]
    seeds = [Cell(str(len(results.seeds)))] * len(names)
    rows = list(zip(names, *(column.cells(bounds) for column in columns), seeds, strict=True))
    headers = ["Method", *(column.header for column in columns), "Seeds"]
    short = ["Method", *(column.short for column in columns), "Seeds"]
    return Table(headers, short, rows, 1, _note(results, estimated))


def _note(results: Results, estimated: dict[str, Any]) -> str:
    tasks = "; ".join(f"T{number} = {title}" for number, title in enumerate(results.tasks, 1))
    bound = ", the upper bound (joint training) aside" if uncertainty.bounds(results.study) else ""
    measure, title = results.measure, results.measure.title
    interval = f"{100 * estimated['level']:g}% interval"
    return (
        f"{results.study.settings.title}: {spread_sentence(results)}. {tasks}: {title} (%) after the last task. "
        f"Avg = their mean. Forgetting = {title} {measure.worse} since the best earlier checkpoint (lower is better). "
        f"BWT, FWT = {title} {measure.better} by later and by earlier tasks (higher is better). "
        f"Learning = mean {title} right after each task was learned. AULC = mean of the averages after each task over "
        f"the tasks learned so far. {measure.note} "
        f"{_watched_note(results)}[low, high] = {interval} with other utterances and other seeds. "
        f"Bold = best of a column{bound}; † = the {interval} of the difference to the best "
        "includes 0."
    )


def _watched_note(results: Results) -> str:
    if not results.watched:
        return ""
    names = "; ".join(f"W{number} = {title}" for number, title in enumerate(results.watched, 1))
    return f"{names}: watched, never trained on, and part of no other number. "


def comparison_csv(results: Results, estimated: dict[str, Any]) -> str:
    """One row per method: mean, standard deviation and, where it is estimated, interval of every number."""
    rows = []
    for method in results.methods:
        row: dict[str, object] = {"method": method, "title": results.titles[method], "seeds": len(results.seeds)}
        tasks = enumerate(results.names, 1)
        columns = [(f"{results.measure.name}_{name}", _final(results, method, number)) for number, name in tasks]
        columns += [(metric.key, results.values(method, metric.key)) for metric in results.measure.metrics]
        watched = results.watched_matrices(method)[:, -1].T
        names = [f"watched_{results.measure.name}_{task.name}" for task in results.study.stream.watch]
        columns += zip(names, watched, strict=True)
        for name, values in columns:
            value = spread(values)
            row |= {f"{name}_mean": value.mean, f"{name}_std": value.std}
            estimate = estimated["methods"][method].get(name, {})
            row |= {f"{name}_{bound}": estimate[bound] for bound in ("low", "high") if bound in estimate}
        rows.append(row)
    return csv(rows)


def matrices(results: Results) -> Table:
    """EER or accuracy of each task after each task, mean ± standard deviation over seeds, method by method."""
    rows, breaks = [], set()
    for method in results.methods:
        if rows:
            breaks.add(len(rows))
        for after in range(len(results.tasks) + 1):
            label = "untrained" if after == 0 else f"{after} {results.tasks[after - 1]}"
            cells = results.matrices(method)[:, after].T
            shown = [Cell(_shown(spread(values)), best=number == after) for number, values in enumerate(cells, 1)]
            shown += [Cell(_shown(spread(values))) for values in results.watched_matrices(method)[:, after].T]
            rows.append([Cell(results.titles[method] if after == 0 else ""), Cell(label), *shown])
    headers = ["Method", "After task", *(f"{number} {title}" for number, title in enumerate(results.tasks, 1))]
    headers += [f"Watched: {number} {title}" for number, title in enumerate(results.watched, 1)]
    short = ["Method", "After task", *(f"T{number}" for number in range(1, len(results.tasks) + 1))]
    short += [f"W{number}" for number in range(1, len(results.watched) + 1)]
    what = f"{results.measure.title} (%) on each task, {results.measure.direction} is better"
    note = f"{results.study.settings.title}: {what}, {spread_sentence(results)}. "
    note += f"{_watched_note(results)}Bold = task just learned."
    return Table(headers, short, rows, 2, note, frozenset(breaks))


def matrix_csv(results: Results) -> str:
    """Long form: method, seed, after (0 = untrained), task, and eer or accuracy and recall (percent)."""
    return csv(matrix_rows(results))


def runs(results: Results) -> Table:
    """One row per run: the summary numbers and the training time."""
    rows, breaks = [], set()
    for method, seed in results.runs:
        if seed == results.seeds[0] and rows:
            breaks.add(len(rows))
        run = results.runs[method, seed].metrics
        shown = [Cell(_shown(Spread(run[metric.key], None, 1))) for metric in results.measure.metrics]
        rows.append([Cell(results.titles[method]), Cell(str(seed)), *shown, Cell(f"{sum(run['wall_s']):.0f}")])
    headers = ["Method", "Seed", *(metric.header for metric in results.measure.metrics), "Training (s)"]
    short = ["Method", "Seed", *(metric.short for metric in results.measure.metrics), "Time (s)"]
    return Table(headers, short, rows, 2, f"{results.study.settings.title}: every run.", frozenset(breaks))


def runs_csv(results: Results) -> str:
    """One row per run: the final value of each task (percent), the summary numbers, and the training time (seconds)."""
    rows = []
    for (method, seed), finished in results.runs.items():
        run = finished.metrics
        last = dict(zip(run["tasks"], run[results.measure.matrix][-1], strict=True))
        final = {f"{results.measure.name}_{task.name}": last[task.name] for task in results.study.tasks}
        summary = {metric.key: run[metric.key] for metric in results.measure.metrics}
        rows.append({"method": method, "seed": seed} | final | summary | {"wall_s": sum(run["wall_s"])})
    return csv(rows)
