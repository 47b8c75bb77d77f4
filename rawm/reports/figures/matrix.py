"""Heat maps of task-by-task matrices: EER or accuracy on each task after each task."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import ArrayLike

from rawm.metrics.measure import EER, Measure
from rawm.reports.figures.style import MUTED, TWO_COLUMNS, bare, styled, wrap

GAP = 0.4  # cells between the tasks and what is watched


def _scale(measure: Measure) -> ScalarMappable:
    """Colours, lighter = better; the ends are fixed, so that figures of different studies compare."""
    if measure.lower_is_better:
        return ScalarMappable(Normalize(0, 50), colormaps["YlGnBu"])  # an EER of 50 % is chance
    return ScalarMappable(Normalize(0, 100), colormaps["YlGnBu_r"])


def _text_colour(value: float, scale: ScalarMappable) -> str:
    """Black or white, whichever contrasts more with the cell's colour."""
    red, green, blue, _ = scale.to_rgba(value)
    return "white" if 0.299 * red + 0.587 * green + 0.114 * blue < 0.5 else "black"


def _cells(axes: Axes, matrix: np.ndarray, left: float, fontsize: float, scale: ScalarMappable) -> None:
    """Draw the cells of a matrix in percent, and write their values, from x = left on."""
    edges = left + np.arange(matrix.shape[1] + 1), np.arange(matrix.shape[0] + 1)
    axes.pcolormesh(*edges, matrix, cmap=scale.cmap, norm=scale.norm, edgecolors="white", linewidth=0.6)
    for (row, column), value in np.ndenumerate(matrix):
        text = f"{value:.1f}" if value < 99.95 else "100"
        color = _text_colour(value, scale)
        axes.text(left + column + 0.5, row + 0.5, text, ha="center", va="center", fontsize=fontsize, color=color)


def _heat_map(
    axes: Axes, matrix: np.ndarray, fontsize: float, scale: ScalarMappable, watched: ArrayLike | None = None
) -> None:
    """Draw one (T + 1, T) matrix in percent; the cell of each task right after it was learned is framed.

    Args:
        watched: (T + 1, W), drawn to the right of it after a gap.
    """
    aside = np.empty((len(matrix), 0)) if watched is None else np.asarray(watched, dtype=float)
    left = matrix.shape[1] + GAP
    _cells(axes, matrix, 0, fontsize, scale)
    if aside.size:
        _cells(axes, aside, left, fontsize, scale)
    for task in range(matrix.shape[1]):
        frame = Rectangle((task, task + 1), 1, 1, fill=False, edgecolor="black", linewidth=1.1, clip_on=False)
        axes.add_patch(frame)
    axes.invert_yaxis()
    axes.set_xticks([*(np.arange(matrix.shape[1]) + 0.5), *(np.arange(aside.shape[1]) + left + 0.5)])
    axes.set_yticks(np.arange(matrix.shape[0]) + 0.5)
    axes.xaxis.tick_top()
    bare(axes)


def _colour_bar(figure: Figure, axes: Any, scale: ScalarMappable, measure: Measure, **options: Any) -> None:
    top = int(scale.norm.vmax)
    bar = figure.colorbar(scale, ax=axes, extend="neither" if top == 100 else "max", **options)
    bar.set_label(f"{measure.title} ({measure.unit})")
    bar.set_ticks(range(0, top + 1, top // 5))
    bar.outline.set_visible(False)


@styled
def matrix_figure(matrix: ArrayLike, tasks: Sequence[str], title: str, measure: Measure = EER) -> Figure:
    """Heat map of one run's matrix.

    Args:
        matrix: percent, (T + 1, T): row 0 = untrained detector, row i = after task i; columns = tasks.
        tasks: titles of the T tasks.
        title: printed above.
        measure: what the numbers are.
    """
    scale = _scale(measure)
    values = np.asarray(matrix, dtype=float)
    count = values.shape[1]
    names = [wrap(name, 22) for name in tasks]
    figure = Figure(figsize=(max(3.4, 2.1 + 0.5 * count), 1.5 + 0.27 * (count + 1)), layout="constrained")
    axes = figure.add_subplot()
    _heat_map(axes, values, 7, scale)
    axes.set_xticklabels([str(number) for number in range(1, count + 1)])
    axes.set_yticklabels(["untrained", *(f"{number}  {name}" for number, name in enumerate(names, 1))])
    axes.set_ylabel("after learning")
    axes.set_xlabel("evaluated on task")
    axes.xaxis.set_label_position("top")
    axes.set_title(wrap(title, 20 + 8 * count, 3), pad=8)
    _colour_bar(figure, axes, scale, measure, fraction=0.05, pad=0.03)
    return figure


@styled
def matrices(
    means: Mapping[str, ArrayLike],
    tasks: Sequence[str],
    seeds: int,
    measure: Measure,
    watched_means: Mapping[str, ArrayLike] | None = None,
    watched: Sequence[str] = (),
) -> Figure:
    """Small multiples of matrices with one colour scale; columns of what is watched stand apart from the tasks'.

    Args:
        means: method title -> EER or accuracy in percent (T + 1, T), mean over seeds.
        tasks: titles of the T tasks.
        seeds: how many seeds the means are over.
        measure: what the numbers are.
        watched_means: as `means`, (T + 1, W).
        watched: titles of the W watched corpora.
    """
    scale = _scale(measure)
    count = len(tasks)
    width = count + (GAP + len(watched) if watched else 0)
    fitting = max(1, min(len(means), 4, int(6.3 / (0.25 * width + 0.3))))
    rows = math.ceil(len(means) / fitting)
    columns = math.ceil(len(means) / rows)
    height = rows * (0.2 * (count + 1) + 0.55) + 0.75
    figure = Figure(figsize=(TWO_COLUMNS, height), layout="constrained")
    grid = figure.subplots(rows, columns, squeeze=False)
    for axes, (method, matrix) in zip(grid.flat, means.items(), strict=False):
        aside = watched_means[method] if watched and watched_means else None
        _heat_map(axes, np.asarray(matrix, dtype=float), 6, scale, aside)
        axes.set_title(method, pad=4)
        axes.set_xticklabels([*map(str, range(1, count + 1)), *(f"w{n}" for n in range(1, len(watched) + 1))])
        axes.set_yticklabels(["0", *(str(number) for number in range(1, count + 1))])
    for axes in grid.flat[len(means) :]:
        axes.set_axis_off()
    for axes in grid[:, 0]:
        axes.set_ylabel("after task")
    _colour_bar(figure, list(grid.flat), scale, measure, fraction=0.03, pad=0.02, aspect=25)
    names = [f"{number} {name}" for number, name in enumerate(tasks, 1)]
    names += [f"w{number} {name} (watched, never learned)" for number, name in enumerate(watched, 1)]
    key = "   ".join(name.replace(" ", "\N{NO-BREAK SPACE}") for name in names)
    runs = f"Mean of {seeds} seeds." if seeds > 1 else "One seed."
    note = f"Rows: after task (0 = untrained). Columns: evaluated on task. Frame: task just learned. {runs}"
    figure.supxlabel(wrap(key, 120, 4) + "\n" + note, fontsize=7, color=MUTED)
    return figure
