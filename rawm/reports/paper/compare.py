"""Compare every number of a printed table with ours."""

from typing import Any, NamedTuple

import numpy as np

from rawm.config.published import Column, Row
from rawm.reports.paper.sources import Source
from rawm.reports.paper.verdicts import DIFFERS, REPRODUCED, STDS, Estimate, Verdict, judge
from rawm.runs import results, uncertainty
from rawm.runs.results import Results, spread
from rawm.study import load_study
from rawm.study.published import columns_of


class Comparison(NamedTuple):
    """One printed number, ours beside it, and the verdict.

    Attributes:
        row, column: the printed name of each.
        study, method: labels of ours; empty where there is none.
        printed: None where it is not known.
        derived: whether `printed` is not printed but the mean of its row.
        values: ours of each seed, (seeds,); empty where there are none.
    """

    row: Row
    column: Column
    study: str
    method: str
    printed: float | None
    derived: bool
    values: np.ndarray
    ours: Estimate | None
    verdict: Verdict

    @property
    def difference(self) -> float | None:
        """Ours minus printed, points; None where they cannot be compared."""
        return self.ours.mean - self.printed if self.verdict.word in (REPRODUCED, DIFFERS) else None


def compare(source: Source) -> list[Comparison]:
    """Every number of a table, row by row; raises UserError where a study is not finished.

    Rows that are neither printed nor run are left out.
    """
    results_of = {name: results.load(load_study(name)) for name in source.studies}
    intervals_of = {name: uncertainty.load(study.study)["methods"] for name, study in results_of.items()}
    cells: list[Comparison] = []
    for row in source.file.rows:
        name, method = source.study(row), source.method(row)
        runs = results_of[name] if name in results_of and method in results_of[name].methods else None
        if runs or row.values:
            intervals = intervals_of[name][method] if runs else {}
            cells += [_cell(source, row, column, runs, intervals) for column in columns_of(source.file)]
    return cells


def _cell(source: Source, row: Row, column: Column, runs: Results | None, intervals: dict[str, Any]) -> Comparison:
    file = source.file
    derived = column not in file.columns
    printed = dict(zip([c.title for c in file.columns], row.values, strict=False)).get(column.title)
    if derived and row.values and None not in row.values:
        printed = float(np.mean(row.values))
    values, ours = np.empty(0), None
    if runs and _placed(source, column, runs):
        values, key = _ours(runs, source.method(row), column, row.after)
        ours = _estimate(values, intervals.get(key, {}) if row.after in (None, len(runs.tasks)) else {})
    verdict = judge(printed, ours, _missing(source, row, runs), _other(source, column), file.differences)
    study, method = (runs.study.name, source.method(row)) if runs else ("", "")
    return Comparison(row, column, study, method, printed, derived, values, ours, verdict)


def _placed(source: Source, column: Column, runs: Results) -> bool:
    """Whether a run has the column's number; a stand-in has it if it has as many tasks as are printed."""
    printed = sum(c.task is not None for c in source.file.columns)
    if column.task:
        return source.own or len(runs.tasks) == printed
    return column.metric is not None


def _ours(runs: Results, method: str, column: Column, after: int | None) -> tuple[np.ndarray, str]:
    """Our value for each seed, and its key in the metrics."""
    measure, rows = runs.measure, runs.matrices(method)[:, after or -1]
    if column.task:
        return rows[:, column.task - 1], f"{measure.name}_{runs.names[column.task - 1]}"
    if column.metric == "average":
        return rows.mean(axis=1), measure.average
    key = measure.forgetting if column.metric == "forgetting" else f"pooled_{measure.name}"
    return runs.values(method, key), key


def _estimate(values: np.ndarray, interval: dict[str, Any]) -> Estimate | None:
    mean, std, _ = spread(values)
    if mean is None:
        return None
    if interval.get("low") is not None:
        return Estimate(mean, std, interval["low"], interval["high"])
    return Estimate(mean, std, mean - STDS * (std or 0), mean + STDS * (std or 0))


def _missing(source: Source, row: Row, runs: Results | None) -> str:
    """Reason why there is no run beside a printed row."""
    if runs:
        return ""
    if row.ours is None:
        return "it is not among our methods"
    if source.absent:
        stands = f"; {source.study(row)}, which stands in, does not have this method" if source.study(row) else ""
        return f"not on this machine: {', '.join(source.absent)}{stands}"
    return "no study of ours has its protocol"


def _other(source: Source, column: Column) -> str:
    """Reason why a column cannot be compared."""
    if not source.own:
        return "ours are of other corpora, which stand in"
    return "" if source.file.comparable else " ".join(source.file.differences)
