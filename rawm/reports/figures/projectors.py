"""Projectors: eigenvalue spectra of the layers' inputs, and how many directions are protected."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from rawm.reports.figures.style import (
    MUTED,
    ONE_COLUMN,
    TWO_COLUMNS,
    legend_above,
    looks,
    message,
    method_handles,
    styled,
    task_ticks,
    wrap,
)
from rawm.runs.spectra import Spectrum

FLOOR = 1e-7  # share of the energy below which an eigenvalue is rounding noise of float32 inputs
NOTHING = "No method of this study keeps a projector."
NO_RANK = "No method of this study keeps a projector with a sharp rank."

Spectra = Sequence[Mapping[str, Spectrum]]


def _task_colours(count: int) -> list:
    """One colour per task, dark for the first, light for the last, none too light to see."""
    return [colormaps["viridis"](0.88 * index / max(1, count - 1)) for index in range(count)]


def _spectra_panel(axes: Axes, spectra: Spectra, layer: str) -> None:
    """Draw each direction's share of the energy, a line per task; a dot where protection ends."""
    for spectrum, colour in zip((task[layer] for task in spectra), _task_colours(len(spectra)), strict=True):
        share = np.maximum(spectrum.eigenvalues / max(spectrum.eigenvalues.sum(), np.finfo(float).tiny), FLOOR / 10)
        axes.plot(np.arange(1, len(share) + 1), share, color=colour, linewidth=1)
        if spectrum.rank:
            axes.plot(
                spectrum.rank,
                share[spectrum.rank - 1],
                "o",
                color=colour,
                markersize=4,
                markeredgecolor="black",
                markeredgewidth=0.5,
                zorder=3,
            )
    axes.set_yscale("log")
    axes.set_ylim(FLOOR, 1.5)
    axes.grid()


@styled
def projector_spectra(spectra: Mapping[str, Spectra], titles: Mapping[str, str]) -> Figure:
    """Eigenvalues of the accumulated inputs of each layer (columns) after each task, for each method (rows).

    Args:
        spectra: method -> after task 1, 2, ... -> layer -> spectrum.
        titles: method -> name.
    """
    if not spectra:
        return message(NOTHING)
    layers = list(dict.fromkeys(layer for tasks in spectra.values() for layer in tasks[0]))
    tasks = max(len(found) for found in spectra.values())
    width = min(TWO_COLUMNS, max(ONE_COLUMN, 0.7 + 1.6 * len(layers)))
    figure = Figure(figsize=(width, 0.5 + 1.25 * len(spectra)), layout="constrained")
    grid = figure.subplots(len(spectra), len(layers), sharex="col", sharey=True, squeeze=False)
    for row, (method, found) in zip(grid, spectra.items(), strict=True):
        for axes, layer in zip(row, layers, strict=True):
            if layer in found[0]:
                _spectra_panel(axes, found, layer)
            else:
                axes.set_axis_off()
        row[0].set_ylabel(wrap(titles[method], 16))
    for axes, layer in zip(grid[0], layers, strict=True):
        axes.set_title(layer)
    figure.supylabel("share of the inputs' energy", fontsize=8)
    figure.supxlabel("direction, largest first", fontsize=8)
    handles = [
        Line2D([], [], color=colour, label=f"after task {number}")
        for number, colour in enumerate(_task_colours(tasks), 1)
    ]
    mark = Line2D(
        [], [], color="white", marker="o", markeredgecolor="black", linestyle="", label="protected up to here"
    )
    legend_above(figure, [*handles, mark])
    return figure


@styled
def projector_rank(
    ranks: Mapping[str, Mapping[str, np.ndarray]], limits: Mapping[str, int], titles: Mapping[str, str]
) -> Figure:
    """Draw the protected directions of each layer against the number of tasks learned, with the layer's size as limit.

    Args:
        ranks: method -> layer -> rank, (seeds, T).
        limits: layer -> dimension of its input, bias included.
        titles: method -> name in the legend.
    """
    if not ranks:
        return message(NO_RANK)
    count = next(iter(next(iter(ranks.values())).values())).shape[1]
    numbers = np.arange(1, count + 1)
    width = min(TWO_COLUMNS, max(ONE_COLUMN, 0.5 + 1.7 * len(limits)))
    figure = Figure(figsize=(width, 1.9), layout="constrained")
    panels = figure.subplots(1, len(limits), squeeze=False)[0]
    for axes, (layer, limit) in zip(panels, limits.items(), strict=True):
        axes.axhline(limit, color=MUTED, linewidth=0.8, linestyle=(0, (2, 2)))
        axes.annotate(
            f"all {limit}",
            (0, limit),
            xycoords=("axes fraction", "data"),
            xytext=(2, 1),
            va="bottom",
            textcoords="offset points",
            fontsize=6.5,
            color=MUTED,
        )
        for index, (method, look) in enumerate(looks(ranks).items()):
            if layer not in ranks[method]:
                continue
            values = ranks[method][layer]
            x = numbers + 0.13 * (index - (len(ranks) - 1) / 2)  # beside each other where they are equal
            axes.plot(
                x,
                values.mean(axis=0),
                color=look.colour,
                marker=look.marker,
                linestyle=look.line,
                markersize=3.5,
                clip_on=False,
            )
            axes.scatter(np.tile(x, len(values)), values.ravel(), s=5, color=look.colour, alpha=0.4, linewidth=0)
        axes.set_title(layer)
        task_ticks(axes, numbers, most=10)
        axes.set_xlim(0.6, count + 0.4)
        axes.set_ylim(0, 1.14 * limit)
        axes.yaxis.set_major_locator(MaxNLocator(5, integer=True))
        axes.grid(axis="y")
    panels[0].set_ylabel("protected directions")
    figure.supxlabel("tasks learned", fontsize=8)
    legend_above(figure, method_handles(titles, looks(ranks)))
    return figure
