"""Notes in Markdown and tables for MLflow's pages."""

import re
from statistics import mean, stdev
from typing import Any

from rawm.metrics.measure import Measure
from rawm.reports.escaping import markdown
from rawm.runs.run import Run
from rawm.study import Study
from rawm.tracking import view

MAX_CHARACTERS = 5000  # of a note: what every store of MLflow takes
BEGIN, END = "<!-- rawm: begin -->", "<!-- rawm: end -->"  # of our part of a description
UNMARKED = re.compile(r"\*\*.*\*\* — \[Runs\]\(#/experiments/")  # what was written before there were marks


def signs(measure: Measure) -> str:
    """A sentence about units and directions."""
    return (
        f"Numbers are {measure.title} in {measure.unit}. *Forgetting* is the {measure.title} {measure.worse} of a "
        f"learned task since its best (positive: forgot). *Backward transfer* is its {measure.title} {measure.better} "
        "by later tasks (positive: helped)."
    )


def matrix_table(metrics: dict[str, Any], cell: str) -> dict[str, list]:
    """The matrix of eer, accuracy or recall: a row for the untrained detector and after each task, a column a task."""
    names = metrics["tasks"]
    rows = [[round(value, 3) for value in row] for row in metrics[f"{cell}_matrix"]]
    after = ["0 untrained", *(f"{number} {name}" for number, name in enumerate(names, 1))]
    columns = {name: [row[index] for row in rows] for index, name in enumerate(names)}
    average = [round(mean(row), 3) for row in rows]
    return {"after": after} | columns | {"all tasks": average}


def memory_table(run: Run) -> dict[str, list]:
    """Table of the tensors in the method's memory after each task, with their shapes."""
    columns: dict[str, list] = {"after task": [], "layer": [], "tensor": [], "shape": [], "dtype": []}
    for number in run.numbers:
        for name, shape, dtype in _tensors(run, number):
            layer, _, tensor = name.rpartition(".")
            row = [number, layer, tensor, " x ".join(map(str, shape)) or "1", dtype]
            for column, value in zip(columns.values(), row, strict=True):
                column.append(value)
    return columns


def _tensors(run: Run, number: int) -> list[tuple[str, list[int], str]]:
    """Name, shape and type of the tensors of a memory, without reading them."""
    with run.open_memory(number) as memory:
        parts = {name: memory.get_slice(name) for name in sorted(memory.keys())}
        return [(name, part.get_shape(), part.get_dtype()) for name, part in parts.items()]


def run_note(run: Run) -> str:
    """The description on a run's page."""
    metrics, study, measure = run.metrics, run.study, run.study.measure
    table = matrix_table(metrics, measure.name)
    lines = [
        f"**{markdown(study.title(run.method))}**, seed {run.seed}, of the study *{markdown(study.settings.title)}*.",
        "",
        *_markdown(list(table), [_formatted(row) for row in zip(*table.values(), strict=True)]),
        "",
        f"Average {measure.title} {_value(metrics[measure.average])}, "
        f"forgetting {_value(metrics[measure.forgetting])}, "
        f"backward transfer {_value(metrics[measure.backward_transfer])}. {signs(measure)}",
        "",
        "Artifacts: `figures/` and `tables/` (the matrix), `memory/` (what the method carries, e.g. its projectors), "
        "`detector/` (the final detector), `scores.parquet` (every score), `config/`.",
    ]
    return _clipped("\n".join(lines))


def study_note(study: Study, metrics: dict[str, list[dict[str, Any]]], experiment_id: str, study_run: str) -> str:
    """The experiment's description.

    Args:
        metrics: method -> metrics.json of each finished seed.
        study_run: run id of the study's figures and tables; empty for none.
    """
    links = [
        _link("Runs", view.path(experiment_id, view.RUNS)),
        _link("Methods", view.path(experiment_id, view.METHODS)),
        _link("Charts", view.path(experiment_id, view.METHODS, "CHART")),
        _link("Matrices", view.path(experiment_id, view.RUNS, "ARTIFACT")),
    ]
    if study_run:
        links.append(_link("Figures and tables", view.run_path(experiment_id, study_run)))
    rows, measure = [], study.measure
    for method, metrics_of_runs in metrics.items():
        values = [_spread(metrics_of_runs, name) for name in (measure.average, measure.forgetting, measure.learning)]
        rows.append([study.title(method), str(len(metrics_of_runs)), *values])
    shuffled = study.settings.task_order == "shuffled"
    order = " (each seed has its own order)" if shuffled else ""
    tasks = (", " if shuffled else " → ").join(markdown(task.title or task.name) for task in study.tasks)
    head = ["Method", "Seeds", f"Average {measure.title} (%)", "Forgetting (points)", "Right after learning (%)"]
    # A folded description shows its first line.
    parts = [f"**{markdown(study.settings.title)}** — " + " · ".join(links)]
    parts += [markdown(study.settings.description), f"**Tasks{order}:** {tasks}"]
    parts += ["\n".join(_markdown(head, rows)), "Mean ± standard deviation over seeds. " + signs(measure)]
    return _clipped("\n\n".join(part for part in parts if part))


def _link(title: str, path: str) -> str:
    """A link inside the UI, wherever it is served from."""
    return f"[{title}]({path.removeprefix('/')})"


def merged(old: str, ours: str) -> str:
    """Put our description into the one that the experiment has: between our marks, or behind what a user wrote."""
    before, begin, rest = old.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        before, after = ("" if not old.strip() or UNMARKED.match(old) else old.rstrip() + "\n\n"), ""
    room = MAX_CHARACTERS - len(f"{before}{BEGIN}\n\n{END}{after}")
    return f"{before}{BEGIN}\n{_clipped(ours, room)}\n{END}{after}"


def _clipped(note: str, characters: int = MAX_CHARACTERS) -> str:
    """Cut whole lines off the end of a note that is too long for MLflow."""
    while len(note) > max(characters, 0):
        note = note.rpartition("\n")[0] or note[: max(characters, 0)]
    return note


def _spread(metrics_of_runs: list[dict[str, Any]], name: str) -> str:
    values = [metrics[name] for metrics in metrics_of_runs if metrics.get(name) is not None]
    if not values:
        return "-"
    return _value(mean(values)) + (f" ± {stdev(values):.2f}" if len(values) > 1 else "")


def _value(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def _formatted(row: tuple) -> list[str]:
    return [f"{cell:.1f}" if isinstance(cell, float) else str(cell) for cell in row]


def _markdown(head: list[str], rows: list[list[str]]) -> list[str]:
    head, *rows = [[markdown(cell) for cell in line] for line in (head, *rows)]
    lines = [head, ["---"] + ["---:"] * (len(head) - 1), *rows]
    return ["| " + " | ".join(line) + " |" for line in lines]
