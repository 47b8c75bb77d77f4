"""Table of paired differences between every two methods, with intervals and tests."""

from typing import Any

from rawm.reports.tables.formats import Cell, Table
from rawm.runs.results import Results


def interval_text(interval: dict[str, Any]) -> str:
    """Format an interval; empty where there is none."""
    return "" if interval["low"] is None else "[{low:.1f}, {high:.1f}]".format(**interval).replace("-0.0", "0.0")


def pairs(results: Results, estimated: dict[str, Any]) -> Table:
    """Paired differences of average and forgetting with their intervals, and tests; bold = the methods differ."""
    measure, level = results.measure, f"{100 * estimated['level']:g}%"
    metrics = [metric for metric in measure.metrics if metric.key in (measure.average, measure.forgetting)]
    by_methods = {(pair["first"], pair["second"], pair["metric"]): pair for pair in estimated["pairs"]}
    rows = []
    for first, second in dict.fromkeys(key[:2] for key in by_methods):
        cells = [cell for metric in metrics for cell in _cells(by_methods.get((first, second, metric.key)))]
        rows.append([Cell(results.titles[first]), Cell(results.titles[second]), *cells])
    headers, short = ["First", "Second"], ["First", "Second"]
    for metric in metrics:
        headers += [f"{metric.title}, first - second [{level}]", "First better (share)", "p"]
        short += [metric.short, "Share", "p"]
    note = (
        f"{results.study.settings.title}: paired differences, first minus second method, with their {level} intervals "
        f"for other utterances and other seeds; bold = the interval does not include 0. Share = resamples in which the "
        f"first is better. p = Wilcoxon signed-rank test that neither is better on most tasks and seeds, adjusted by "
        f"Holm over the {len(rows)} pairs."
    )
    return Table(headers, short, rows, 2, note)


def _cells(pair: dict[str, Any] | None) -> list[Cell]:
    if pair is None:
        return [Cell("-")] * 3
    shown = f"{pair['difference']:.2f}".replace("-0.00", "0.00")
    p = pair["holm_p"]
    return [
        Cell(f"{shown} {interval_text(pair)}", best=not pair["low"] <= 0 <= pair["high"]),
        Cell(f"{pair['probability']:.2f}"),
        Cell("-" if p is None else "<0.001" if p < 0.001 else f"{p:.3f}"),
    ]
