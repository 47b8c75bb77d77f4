"""Confusions of classes after the last task: what utterances of each class are taken for."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib import colormaps
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from rawm.reports.figures.style import MUTED, TWO_COLUMNS, bare, styled, wrap

NAMED = 20  # more classes than this have no room for their names


@styled
def confusion(shares: Mapping[str, np.ndarray], classes: Sequence[str], seeds: int) -> Figure:
    """A panel per method: rows are the true classes, columns the predicted ones.

    Args:
        shares: method title -> share in percent of each true class, (C, C), mean over seeds; a row is NaN where the
            class has no utterances.
        classes: names of the C classes.
        seeds: how many seeds the means are over.
    """
    scale = ScalarMappable(Normalize(0, 100), colormaps["Greys"])
    columns = min(len(shares), 4)
    rows = math.ceil(len(shares) / columns)
    named = len(classes) <= NAMED
    room = 0.065 * min(24, max(map(len, classes))) + 0.2 if named else 0.0
    panel = (TWO_COLUMNS - room - 0.7) / columns
    figure = Figure(figsize=(TWO_COLUMNS, rows * (panel + 0.3) + 0.75), layout="constrained")
    grid = figure.subplots(rows, columns, squeeze=False, sharex=True, sharey=True)
    places = np.arange(len(classes)) + 0.5
    for axes, (title, values) in zip(grid.flat, shares.items(), strict=False):
        axes.pcolormesh(values, cmap=scale.cmap, norm=scale.norm, edgecolors="#F0F0F0", linewidth=0.3)
        axes.set_title(wrap(title, 28, 1), pad=4)
        axes.set_aspect("equal")
        bare(axes)
        step = math.ceil(len(classes) / 10)  # so that the numbers do not touch
        columns_named = range(0, len(classes), step) if named else range(0)
        axes.set_xticks(places[columns_named], [index + 1 for index in columns_named], fontsize=5)
        axes.set_yticks(places, [f"{n}  {wrap(name, 24, 1)}" for n, name in enumerate(classes, 1)] if named else [])
        axes.tick_params(axis="y", labelsize=6)
    grid[0, 0].set_ylim(len(classes), 0)
    for axes in grid.flat[len(shares) :]:
        axes.set_axis_off()
    for axes in grid.flat[: len(shares)][-columns:]:
        axes.tick_params(labelbottom=True)
    bar = figure.colorbar(scale, ax=list(grid.flat), fraction=0.03, pad=0.02, aspect=25)
    bar.set_label("share of the true class (%)")
    bar.outline.set_visible(False)
    runs = f"mean of {seeds} seeds" if seeds > 1 else "one seed"
    figure.supxlabel(
        f"Rows: true class. Columns: class that it was taken for. After the last task, {runs}.", fontsize=7, color=MUTED
    )
    return figure
