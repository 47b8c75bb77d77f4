"""Comparison of methods: final EER or accuracy, forgetting, and the trade-off between learning and forgetting."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rawm.metrics.measure import Measure
from rawm.reports.figures.style import (
    DRAWN,
    MUTED,
    ONE_COLUMN,
    TWO_COLUMNS,
    Look,
    bare,
    best_end,
    legend_above,
    looks,
    method_handles,
    styled,
    wrap,
)

NO_FORGETTING = "one task: nothing can be forgotten"


class Side(NamedTuple):
    """One metric of each method.

    Attributes:
        values: method -> its value with each seed, (seeds,); NaN where it does not exist.
        intervals: method -> low and high bound of its mean, None where it does not exist.
    """

    values: Mapping[str, np.ndarray]
    intervals: Mapping[str, Mapping[str, float | None]]


def _row(axes: Axes, y: int, side: Side, method: str, look: Look) -> str:
    """Draw one method's mean, interval and seeds; return them as text."""
    values, low, high = side.values[method], side.intervals[method]["low"], side.intervals[method]["high"]
    if len(values) > 1:
        axes.scatter(values, np.full(len(values), y + 0.22), s=7, color=look.colour, alpha=0.55, linewidth=0)
    axes.plot([low, high], [y, y], color=look.colour, linewidth=1.4, solid_capstyle="butt")
    axes.plot(
        values.mean(), y, marker=look.marker, color=look.colour, markersize=5.5, markeredgewidth=0.4, linestyle=""
    )
    return f"{values.mean():.1f} [{low:.1f}, {high:.1f}]"


def _numbers(axes: Axes, texts: list[str]) -> None:
    """Write the values on the right, one line per method."""
    right = axes.secondary_yaxis("right")
    right.set_yticks(range(len(texts)), texts)
    bare(right)


@styled
def comparison(
    average: Side,
    forgetting: Side,
    titles: Mapping[str, str],
    measure: Measure,
) -> Figure:
    """Final average and forgetting of each method with their intervals, best average on top.

    Args:
        average: average EER or accuracy in percent.
        forgetting: in percentage points; NaN for one task.
        titles: method -> name.
        measure: what the numbers are.
    """
    order = sorted(average.values, key=lambda method: measure.errors(average.values[method]).mean())
    chosen = looks(average.values)
    figure = Figure(figsize=(TWO_COLUMNS, 0.85 + 0.24 * len(order)), layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True)
    for axes, side, label in (
        (left, average, f"average {measure.title} after the last task (%)"),
        (right, forgetting, f"forgetting: {measure.title} {measure.worse} (points)"),
    ):
        axes.set_xlabel(label)
        if any(np.isnan(side.values[method]).any() for method in order):
            axes.text(0.5, 0.5, NO_FORGETTING, ha="center", va="center", transform=axes.transAxes, color=MUTED)
            axes.set_xticks([])
            continue
        texts = [_row(axes, y, side, method, chosen[method]) for y, method in enumerate(order)]
        _numbers(axes, texts)
        axes.grid(axis="x")
        axes.margins(x=0.06)
    left.set_xlim(**best_end(measure))
    right.axvline(0, color=MUTED, linewidth=0.7, zorder=0)
    left.set_yticks(range(len(order)), [wrap(titles[method], 28, 1) for method in order])
    left.set_ylim(len(order) - 0.4, -0.6)
    for axes in (left, right):
        axes.tick_params(axis="y", length=0)
        axes.spines["left"].set_visible(False)
    return figure


@styled
def learning_vs_forgetting(
    learning: Mapping[str, np.ndarray],
    forgetting: Mapping[str, np.ndarray],
    titles: Mapping[str, str],
    measure: Measure,
) -> Figure:
    """Stability against plasticity: small dots are seeds, large markers their means.

    Best is lower left for EER, lower right for accuracy.

    Args:
        learning: method -> mean EER or accuracy right after learning each task, percent, (seeds,).
        forgetting: method -> how much worse it is at the end, percentage points, (seeds,); NaN for one task.
        titles: method -> name in the legend.
        measure: what the numbers are.
    """
    width = ONE_COLUMN if len(learning) <= DRAWN else TWO_COLUMNS
    figure = Figure(figsize=(width, 2.6 * (1 if width == ONE_COLUMN else 1.4)), layout="constrained")
    axes = figure.add_subplot()
    axes.set_xlabel(f"learning: {measure.title} right after a task (%)")
    axes.set_ylabel(f"forgetting: {measure.title} {measure.worse} (points)")
    if any(np.isnan(values).any() for values in forgetting.values()):
        axes.text(0.5, 0.5, NO_FORGETTING, ha="center", va="center", transform=axes.transAxes, color=MUTED)
        axes.set_xticks([])
        axes.set_yticks([])
        return figure
    axes.axhline(0, color=MUTED, linewidth=0.7, zorder=0)
    for method, look in looks(learning).items():
        x, y = learning[method], forgetting[method]
        axes.scatter(x, y, s=8, color=look.colour, alpha=0.5, linewidth=0)
        axes.plot(
            x.mean(),
            y.mean(),
            marker=look.marker,
            color=look.colour,
            markersize=7,
            markeredgecolor="white",
            markeredgewidth=0.5,
            linestyle="",
        )
    axes.grid()
    axes.margins(0.08)
    axes.set_xlim(**best_end(measure))
    handles = method_handles(titles, looks(learning))
    for handle in handles:
        handle.set_linestyle("")
    legend_above(figure, handles)
    return figure
