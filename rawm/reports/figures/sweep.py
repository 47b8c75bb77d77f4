"""A metric against a varied hyper-parameter, e.g. the share of distillation or the samples of a task."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from rawm.reports.figures.style import COLOURS, ONE_COLUMN, Look, legend_above, method_handles, styled

MARKERS = ("o", "s", "^", "D", "v", "P", "X")


@styled
def sweep(x: Sequence[float], curves: Mapping[str, np.ndarray], xlabel: str, ylabel: str, log: bool = False) -> Figure:
    """Draw mean and standard deviation over seeds at each value, a line per curve.

    Args:
        x: the values, ascending, (N,).
        curves: name in the legend -> EER or accuracy in percent, (N, seeds); a seed or point that is NaN was not run.
        xlabel: what was varied, with its unit.
        ylabel: what the numbers are, with their unit.
        log: logarithmic x axis.
    """
    figure = Figure(figsize=(ONE_COLUMN, 2.3), layout="constrained")
    axes = figure.add_subplot()
    chosen = {name: Look(COLOURS[i % len(COLOURS)], MARKERS[i % len(MARKERS)]) for i, name in enumerate(curves)}
    for name, look in chosen.items():
        points, means, low, high = _spread(np.asarray(x, dtype=float), np.asarray(curves[name], dtype=float))
        axes.plot(points, means, color=look.colour, marker=look.marker, linestyle=look.line)
        axes.fill_between(points, np.maximum(low, 0), np.minimum(high, 100), color=look.colour, alpha=0.15, linewidth=0)
    if log:
        axes.set_xscale("log")
        axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xticks(x, [f"{value:g}" for value in x])
    axes.set_xlabel(xlabel)
    axes.set_ylabel(ylabel)
    axes.margins(y=0.1)
    axes.grid(axis="y")
    if len(curves) > 1:
        legend_above(figure, method_handles({name: name for name in curves}, chosen))
    return figure


def _spread(x: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """x, mean, mean - std and mean + std at the points that have a seed; std is 0 for one seed."""
    points, rows = [], []
    for point, seeds in zip(x, values, strict=True):
        run = seeds[~np.isnan(seeds)]
        if run.size:
            std = run.std(ddof=1) if run.size > 1 else 0.0
            points.append(point)
            rows.append((run.mean(), run.mean() - std, run.mean() + std))
    means, low, high = np.array(rows).reshape(-1, 3).T
    return np.array(points), means, low, high
