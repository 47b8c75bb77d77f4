"""Tables of a study from the metrics of its finished runs: CSV, Markdown and LaTeX (booktabs).

Numbers are mean ± sample standard deviation over seeds. Error rates are in percent, differences in percentage points.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rawm.config import Study
from rawm.files import write_text
from rawm.results import Results, Spread, load, matrix_rows, spread
from rawm.table_formats import Cell, Table, csv, latex, markdown

#: The files that `make` writes.
FILES = tuple(f"{name}.{suffix}" for name in ("comparison", "eer_matrix", "runs") for suffix in ("csv", "md", "tex"))


@dataclass(frozen=True)
class Metric:
    """One number of a run as the tables show it."""

    key: str
    title: str
    short: str
    lower_is_better: bool

    @property
    def header(self) -> str:
        return f"{self.title}, {'lower' if self.lower_is_better else 'higher'} is better"


#: What metrics.json holds for each run, in the order of the columns.
METRICS = (
    Metric("average_eer", "Average EER (%)", "Avg", True),
    Metric("forgetting_eer_increase", "Forgetting (EER increase, points)", "Forgetting", True),
    Metric("backward_transfer_eer_reduction", "Backward transfer (EER reduction, points)", "BWT", False),
    Metric("forward_transfer_eer_reduction", "Forward transfer (EER reduction, points)", "FWT", False),
    Metric("learning_eer", "Learning EER (%)", "Learning", True),
    Metric("pooled_eer", "Pooled EER (%)", "Pooled", True),
)


def make(study: Study, output_dir: str | Path) -> None:
    """Write all tables (`FILES`) of a study; the same bytes for the same runs.

    Raises:
        UserError: a run of the study is not finished.
    """
    results, folder = load(study), Path(output_dir)
    for name, table, values in (
        ("comparison", comparison(results), comparison_csv(results)),
        ("eer_matrix", matrices(results), matrix_csv(results)),
        ("runs", runs(results), runs_csv(results)),
    ):
        write_text(folder / f"{name}.csv", values)
        write_text(folder / f"{name}.md", markdown(table))
        write_text(folder / f"{name}.tex", latex(table))


def _bounds(results: Results) -> set[str]:
    """Methods that train on everything seen so far: the upper bound, which is not compared."""
    return {label for label, method in results.study.methods.items() if method.algorithm == "joint"}


@dataclass(frozen=True)
class Column:
    """One number compared across methods: `values` holds method -> value of each seed."""

    header: str
    short: str
    lower_is_better: bool
    values: dict[str, np.ndarray]

    def cells(self, bounds: set[str]) -> list[Cell]:
        """A cell per method; best = the best mean as printed, among methods that are no bound."""
        spreads = {method: spread(values) for method, values in self.values.items()}
        means = {
            method: round(value.mean, 2)
            for method, value in spreads.items()
            if value.mean is not None and method not in bounds
        }
        best = (min if self.lower_is_better else max)(means.values()) if len(means) > 1 else None
        return [Cell(_shown(value), method in means and means[method] == best) for method, value in spreads.items()]


def _columns(results: Results) -> list[Column]:
    """Final EER of each task, then the summary numbers."""
    columns = [
        Column(
            f"EER {number} {title} (%), lower is better",
            f"T{number}",
            True,
            {method: _final(results, method, number) for method in results.methods},
        )
        for number, title in enumerate(results.tasks, 1)
    ]
    for metric in METRICS:
        values = {method: results.values(method, metric.key) for method in results.methods}
        columns.append(Column(metric.header, metric.short, metric.lower_is_better, values))
    return columns


def _final(results: Results, method: str, task: int) -> np.ndarray:
    return results.matrices(method)[:, -1, task - 1]


def _shown(value: Spread) -> str:
    if value.mean is None:
        return "-"
    mean = f"{value.mean:.2f}".replace("-0.00", "0.00")
    return mean if value.std is None else f"{mean} ± {value.std:.2f}"


def comparison(results: Results) -> Table:
    """Methods x final EER of each task and the summary numbers; the best of each column is marked, the bound aside."""
    columns, bounds = _columns(results), _bounds(results)
    names = [Cell(results.titles[method]) for method in results.methods]
    seeds = [Cell(str(len(results.seeds)))] * len(names)
    rows = list(zip(names, *(column.cells(bounds) for column in columns), seeds, strict=True))
    headers = ["Method", *(column.header for column in columns), "Seeds"]
    short = ["Method", *(column.short for column in columns), "Seeds"]
    return Table(headers, short, rows, 1, _note(results))


def _note(results: Results) -> str:
    tasks = "; ".join(f"T{number} = {title}" for number, title in enumerate(results.tasks, 1))
    over = f"mean ± sample standard deviation over {len(results.seeds)} seeds" if results.seeds[1:] else "one seed"
    bound = ", the upper bound (joint training) aside" if _bounds(results) else ""
    return (
        f"{results.study.settings.title}: {over}. {tasks}: EER (%) after the last task. Avg = their mean. "
        "Forgetting = EER increase since the best earlier checkpoint (lower is better). "
        "BWT, FWT = EER reduction by later and by earlier tasks (higher is better). "
        "Learning = mean EER right after each task was learned. Pooled = one threshold for all tasks. "
        f"Bold = best of a column{bound}."
    )


def comparison_csv(results: Results) -> str:
    """One row per method: mean and standard deviation of every number, four decimals."""
    rows = []
    for method in results.methods:
        row: dict[str, object] = {"method": method, "title": results.titles[method], "seeds": len(results.seeds)}
        named = [(f"eer_{task.name}", _final(results, method, n)) for n, task in enumerate(results.study.tasks, 1)]
        named += [(metric.key, results.values(method, metric.key)) for metric in METRICS]
        for name, values in named:
            value = spread(values)
            row |= {f"{name}_mean": value.mean, f"{name}_std": value.std}
        rows.append(row)
    return csv(rows)


def matrices(results: Results) -> Table:
    """EER of each task after each task, mean ± standard deviation over seeds, method by method."""
    rows, breaks = [], set()
    for method in results.methods:
        if rows:
            breaks.add(len(rows))
        for after in range(len(results.tasks) + 1):
            cells = results.matrices(method)[:, after, :].T
            label = "untrained" if after == 0 else f"{after} {results.tasks[after - 1]}"
            shown = [Cell(_shown(spread(values)), best=number == after) for number, values in enumerate(cells, 1)]
            rows.append([Cell(results.titles[method] if after == 0 else ""), Cell(label), *shown])
    headers = ["Method", "After task", *(f"{number} {title}" for number, title in enumerate(results.tasks, 1))]
    short = ["Method", "After task", *(f"T{number}" for number in range(1, len(results.tasks) + 1))]
    over = f"mean ± sample standard deviation over {len(results.seeds)} seeds" if results.seeds[1:] else "one seed"
    note = f"{results.study.settings.title}: EER (%) on each task, lower is better, {over}. Bold = task just learned."
    return Table(headers, short, rows, 2, note, frozenset(breaks))


def matrix_csv(results: Results) -> str:
    """Long form: method, seed, after (0 = untrained), task, eer (percent)."""
    return csv(matrix_rows(results))


def runs(results: Results) -> Table:
    """One row per run: the summary numbers and the training time."""
    rows, breaks = [], set()
    for method, seed in results.runs:
        if seed == results.seeds[0] and rows:
            breaks.add(len(rows))
        run = results.runs[method, seed]
        shown = [Cell(_shown(Spread(run[metric.key], None, 1))) for metric in METRICS]
        rows.append([Cell(results.titles[method]), Cell(str(seed)), *shown, Cell(f"{sum(run['wall_s']):.0f}")])
    headers = ["Method", "Seed", *(metric.header for metric in METRICS), "Training (s)"]
    short = ["Method", "Seed", *(metric.short for metric in METRICS), "Time (s)"]
    return Table(headers, short, rows, 2, f"{results.study.settings.title}: every run.", frozenset(breaks))


def runs_csv(results: Results) -> str:
    """One row per run: the final EER of each task (percent), the summary numbers, and the training time (seconds)."""
    rows = []
    for (method, seed), run in results.runs.items():
        final = {f"eer_{task.name}": eer for task, eer in zip(results.study.tasks, run["eer_matrix"][-1], strict=True)}
        summary = {metric.key: run[metric.key] for metric in METRICS}
        rows.append({"method": method, "seed": seed} | final | summary | {"wall_s": sum(run["wall_s"])})
    return csv(rows)
