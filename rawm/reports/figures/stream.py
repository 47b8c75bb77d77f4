"""Curves over the stream: the value of each task, and the average, after each task."""

import math
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rawm.metrics.measure import Measure
from rawm.reports.figures.style import (
    MUTED,
    ONE_COLUMN,
    PALE,
    TWO_COLUMNS,
    Look,
    foremost,
    legend_above,
    looks,
    method_handles,
    others_handle,
    styled,
    task_ticks,
    wrap,
)


def _curve(axes: Axes, x: np.ndarray, values: np.ndarray, look: Look | None) -> None:
    """Mean over seeds of values (seeds, len(x)), with a band of one sample standard deviation; pale without a look."""
    mean = values.mean(axis=0)
    if look is None:
        axes.plot(x, mean, color=PALE, linewidth=0.6, zorder=1)
        return
    axes.plot(x, mean, color=look.colour, marker=look.marker, linestyle=look.line, markeredgewidth=0.4, clip_on=False)
    if len(values) > 1:
        std = values.std(axis=0, ddof=1)
        low, high = np.maximum(mean - std, 0), np.minimum(mean + std, 100)
        axes.fill_between(x, low, high, color=look.colour, alpha=0.15, linewidth=0)


def _coloured(finals: Mapping[str, np.ndarray], measure: Measure) -> dict[str, Look]:
    """Looks of the methods that are coloured, given their final values."""
    best = foremost({method: float(measure.errors(values).mean()) for method, values in finals.items()})
    return {method: look for method, look in looks(finals).items() if method in best}


def _percent_axis(axes: Axes, shown: Iterable[np.ndarray], measure: Measure) -> None:
    """Set the axis from the best possible value to just beyond the worst mean with its band."""
    errors = [measure.errors(values) for values in shown]
    worst = [values.mean(axis=0) + (values.std(axis=0, ddof=1) if len(values) > 1 else 0) for values in errors]
    end = measure.errors(max(1.0, 1.03 * max(values.max() for values in worst)))
    axes.set_ylim(min(end, measure.errors(0)), max(end, measure.errors(0)))
    axes.grid(axis="y")


def _shade(axes: Axes, learned: int | None, count: int) -> None:
    """Shade the part of a panel before its task is learned, with a rule there; all of it, framed, where it never is."""
    axes.axvspan(-0.25, count + 0.25 if learned is None else learned - 0.5, color="#F3F3F3", linewidth=0)
    if learned is not None:
        axes.axvline(learned, color=MUTED, linewidth=0.8, linestyle=(0, (2, 2)), zorder=0)
        return
    for spine in axes.spines.values():
        spine.set(visible=True, color=MUTED, linewidth=0.8)


@styled
def stream(
    matrices: Mapping[str, np.ndarray],
    titles: Mapping[str, str],
    tasks: Sequence[str],
    measure: Measure,
    watched: Sequence[str] = (),
) -> Figure:
    """One panel per task: its value after each task, a line per method; a rule marks when the task is learned.

    Of many methods those with the best final average over the tasks are coloured, and the others are pale. Panels of
    what is watched follow, framed and shaded as a whole, since it is never learned.

    Args:
        matrices: method -> EER or accuracy in percent, (seeds, T + 1, T + W); row 0 = untrained detector.
        titles: method -> name in the legend.
        tasks: titles of the T tasks.
        measure: what the numbers are.
        watched: titles of the W watched corpora.
    """
    count, panels = len(tasks), [*tasks, *watched]
    columns = min(len(panels), 5 if len(panels) in (5, 9, 10) or len(panels) > 12 else 4)
    rows = math.ceil(len(panels) / columns)
    figure = Figure(
        figsize=(max(ONE_COLUMN, TWO_COLUMNS * min(1, columns / 3)), 0.2 + 1.75 * rows), layout="constrained"
    )
    grid = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    x = np.arange(count + 1)
    width = int(92 / columns)
    chosen = _coloured({method: values[:, -1, :count] for method, values in matrices.items()}, measure)
    for number, axes in enumerate(grid.flat, 1):
        if number > len(panels):
            axes.set_axis_off()
            continue
        title = f"{number} {panels[number - 1]}" if number <= count else f"watched: {panels[number - 1]}"
        _shade(axes, number if number <= count else None, count)
        for method, values in matrices.items():
            _curve(axes, x, values[:, :, number - 1], chosen.get(method))
        axes.set_title(wrap(title, width), fontsize=7.5)
        axes.set_xlim(-0.25, count + 0.25)
        task_ticks(axes, x, most=9)
        axes.tick_params(labelbottom=number + columns > len(panels))
        _percent_axis(axes, matrices.values(), measure)
    figure.supylabel(f"{measure.title} of the task (%)", fontsize=8)
    figure.supxlabel("after task (0 = untrained, dashed = learned)", fontsize=8)
    legend_above(figure, method_handles(titles, chosen) + others_handle(len(matrices) - len(chosen)))
    return figure


@styled
def average(curves: Mapping[str, np.ndarray], titles: Mapping[str, str], measure: Measure) -> Figure:
    """Mean over the tasks seen so far, against their number; methods are coloured as in `stream`.

    Args:
        curves: method -> EER or accuracy in percent, (seeds, T).
        titles: method -> name in the legend.
        measure: what the numbers are.
    """
    count = next(iter(curves.values())).shape[1]
    figure = Figure(figsize=(ONE_COLUMN, 2.3), layout="constrained")
    axes = figure.add_subplot()
    x = np.arange(1, count + 1)
    chosen = _coloured({method: values[:, -1] for method, values in curves.items()}, measure)
    for method, values in curves.items():
        _curve(axes, x, values, chosen.get(method))
    task_ticks(axes, x, most=15)
    axes.set_xlim(0.8, count + 0.2)
    _percent_axis(axes, curves.values(), measure)
    axes.set_xlabel("tasks learned")
    axes.set_ylabel(f"average {measure.title}, tasks so far (%)")
    legend_above(figure, method_handles(titles, chosen) + others_handle(len(curves) - len(chosen)))
    return figure
