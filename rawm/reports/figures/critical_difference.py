"""Critical-difference diagram: mean ranks of the methods, and which of them do not differ significantly.

Source:
    Demšar 2006, "Statistical comparisons of classifiers over multiple data sets", section 3.2.4.
"""

from collections.abc import Mapping
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rawm.reports.figures.style import TWO_COLUMNS, looks, message, styled, wrap

STEP = 0.62  # between two labels, in units in which the axis of ranks lies at 0
GAP = 0.28  # between two bars


@styled
def critical_difference(ranks: Mapping[str, Any], titles: Mapping[str, str]) -> Figure:
    """Best rank on the left; a bar joins methods whose ranks differ by less than the critical difference.

    Args:
        ranks: the entry `ranks` of a study's intervals (`rawm.runs.uncertainty`).
        titles: method -> name.
    """
    difference, mean_ranks = ranks["critical_difference"], ranks["mean_ranks"]
    if difference is None:
        return message("Ranks need two methods that are no upper bound, and two blocks of a task and a seed.")
    order = sorted(mean_ranks, key=lambda method: mean_ranks[method])
    half = (len(order) + 1) // 2
    bars = GAP * (len(ranks["cliques"]) + 1)
    depth = bars + STEP * half + 0.2
    figure = Figure(figsize=(TWO_COLUMNS, 0.75 + 0.3 * depth), layout="constrained")
    axes = figure.add_subplot()
    axes.set_axis_off()
    axes.set_xlim(1 - 0.45 * len(order), len(order) + 0.45 * len(order))
    axes.set_ylim(depth, -2.6)
    _axis(axes, len(order), difference, ranks)
    chosen = looks(mean_ranks)
    for place, method in enumerate(order):
        left = place < half
        y = bars + STEP * (place if left else len(order) - 1 - place) + 0.3
        x = mean_ranks[method]
        end = 1 - 0.02 * len(order) if left else len(order) + 0.02 * len(order)
        axes.plot([x, x, end], [0, y, y], color=chosen[method].colour, linewidth=0.8)
        axes.plot(x, 0, color=chosen[method].colour, marker=chosen[method].marker, markersize=4, zorder=3)
        text = f"{wrap(titles[method], 30, 1)}  {x:.1f}" if left else f"{x:.1f}  {wrap(titles[method], 30, 1)}"
        axes.text(end - 0.1 if left else end + 0.1, y, text, ha="right" if left else "left", va="center", fontsize=7)
    for number, clique in enumerate(ranks["cliques"], 1):
        ends = [mean_ranks[clique[0]] - 0.06, mean_ranks[clique[-1]] + 0.06]
        axes.plot(ends, [GAP * number] * 2, color="#333333", linewidth=2.2, solid_capstyle="butt", zorder=2)
    return figure


def _axis(axes: Axes, methods: int, difference: float, ranks: Mapping[str, Any]) -> None:
    """Draw the axis of ranks, with the critical difference above it."""
    axes.plot([1, methods], [0, 0], color="#333333", linewidth=0.8)
    for rank in range(1, methods + 1):
        axes.plot([rank, rank], [0, -0.2], color="#333333", linewidth=0.8)
        axes.text(rank, -0.35, str(rank), ha="center", va="bottom", fontsize=7)
    axes.plot([1, 1 + difference], [-1.6, -1.6], color="#333333", linewidth=1.2, marker="|", markersize=5)
    p = ranks["friedman_p"]
    tested = "" if p is None else f"; Friedman p {'< 0.001' if p < 0.001 else f'= {p:.3f}'}"
    text = f"critical difference {difference:.2f} (level {ranks['alpha']:g}, {ranks['blocks']} blocks{tested})"
    axes.text(1 + difference + 0.15, -1.6, text, ha="left", va="center", fontsize=7)
