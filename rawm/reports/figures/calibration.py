"""Calibration of each method's scores after the last task, policy by policy."""

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FormatStrFormatter, LogLocator, NullFormatter

from rawm.reports.figures.style import (
    BLACK,
    BLUE,
    GREEN,
    GREY,
    MUTED,
    ORANGE,
    TWO_COLUMNS,
    VERMILLION,
    legend_above,
    styled,
    wrap,
)
from rawm.reports.tables.calibration import TITLES

#: Policy -> colour and marker.
POLICY_LOOKS = {
    "none": (GREY, "X"),
    "first": (ORANGE, "v"),
    "last": (GREEN, "s"),
    "gaussians": (VERMILLION, "D"),
    "all": (BLUE, "o"),
}


@styled
def calibration(
    cllr: Mapping[str, Mapping[str, np.ndarray]],
    error: Mapping[str, Mapping[str, np.ndarray]],
    eer: Mapping[str, np.ndarray],
    titles: Mapping[str, str],
) -> Figure:
    """Which calibration survives the stream: Cllr and the error at LLR 0, mean over tasks and seeds.

    Args:
        cllr, error: method -> policy -> value of each seed, bits and percent, (seeds,).
        eer: method -> average EER of each seed in percent, (seeds,); no threshold does better on all tasks but by
            chance, except one for each task.
        titles: method -> name.
    """
    order = sorted(cllr, key=lambda method: eer[method].mean())
    figure = Figure(figsize=(TWO_COLUMNS, 0.85 + 0.2 * len(order)), layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True)
    for axes, values, label in ((left, cllr, "Cllr (bits), 1 = says nothing"), (right, error, "error at LLR 0 (%)")):
        for y, method in enumerate(order):
            means = {policy: values[method][policy].mean() for policy in POLICY_LOOKS}
            axes.plot([min(means.values()), max(means.values())], [y, y], color="#D0D0D0", linewidth=0.8, zorder=0)
            for policy, (colour, marker) in POLICY_LOOKS.items():
                axes.plot(means[policy], y, marker=marker, color=colour, markersize=4.5, linestyle="", alpha=0.9)
        axes.set_xlabel(label)
        axes.grid(axis="x")
        axes.tick_params(axis="y", length=0)
        axes.spines["left"].set_visible(False)
    left.set_xscale("log")
    left.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    left.xaxis.set_major_formatter(FormatStrFormatter("%g"))
    left.xaxis.set_minor_formatter(NullFormatter())
    left.axvline(1, color=MUTED, linewidth=0.7, zorder=0)
    right.plot([eer[method].mean() for method in order], range(len(order)), "|", color=BLACK, markersize=8)
    right.set_xlim(left=0)
    left.set_yticks(range(len(order)), [wrap(titles[method], 28, 1) for method in order])
    left.set_ylim(len(order) - 0.4, -0.6)
    handles = [
        Line2D([], [], color=colour, marker=marker, linestyle="", label=TITLES[policy])
        for policy, (colour, marker) in POLICY_LOOKS.items()
    ]
    legend_above(figure, [*handles, Line2D([], [], color=BLACK, marker="|", linestyle="", label="average EER")])
    return figure
