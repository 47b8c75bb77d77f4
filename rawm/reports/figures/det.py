"""Detection error trade-off (DET): false rejections against false acceptances.

Source:
    Martin et al. 1997, "The DET curve in assessment of detection task performance": both axes are normal deviates, so
    that scores of two normal distributions of equal spread give a straight line.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from rawm.metrics.detection import eer, error_rates
from rawm.reports.figures.style import (
    GRID,
    MUTED,
    ONE_COLUMN,
    PALE,
    foremost,
    legend_above,
    looks,
    method_handles,
    others_handle,
    styled,
)

TICKS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8)
LOWEST, HIGHEST = 0.008, 0.85


def rejected(genuine: np.ndarray, fake: np.ndarray, accepted: np.ndarray) -> np.ndarray:
    """False-rejection rate at each allowed false-acceptance rate, (n,) -> (n,)."""
    rates = error_rates(genuine, fake)
    first = np.searchsorted(-rates.far, -np.asarray(accepted) - 1e-12)  # far falls along the thresholds
    return rates.frr[first]


@styled
def det(
    scores: Mapping[str, Sequence[tuple[np.ndarray, np.ndarray]]], titles: Mapping[str, str], always: Sequence[str]
) -> Figure:
    """Draw a curve per method: mean false-rejection rate over seeds at each false-acceptance rate; a marker at the EER.

    Of many methods those with the lowest EER are coloured, and the others are grey.

    Args:
        scores: method -> per seed the scores of genuine and of fake utterances of all tasks, higher = more genuine.
        titles: method -> name in the legend.
        always: methods that are coloured in any case.
    """
    from scipy.stats import norm

    accepted = norm.cdf(np.linspace(norm.ppf(LOWEST), norm.ppf(HIGHEST), 200))
    errors = {method: np.mean([eer(*pair).value for pair in seeds]) for method, seeds in scores.items()}
    coloured = foremost(errors, always)
    figure = Figure(figsize=(ONE_COLUMN, 2.9), layout="constrained")
    axes = figure.add_subplot()
    _square(axes, norm.ppf)
    for method, look in looks(scores).items():
        curve = np.mean([rejected(*pair, accepted) for pair in scores[method]], axis=0)
        x, y = norm.ppf(accepted), norm.ppf(np.clip(curve, LOWEST / 4, 1 - LOWEST / 4))
        if method not in coloured:
            axes.plot(x, y, color=PALE, linewidth=0.6, zorder=1)
            continue
        axes.plot(x, y, color=look.colour, linestyle=look.line, zorder=2)
        cross = int(np.argmin(np.abs(curve - accepted)))
        axes.plot(
            x[cross],
            y[cross],
            color=look.colour,
            marker=look.marker,
            markeredgecolor="white",
            markeredgewidth=0.4,
            zorder=3,
        )
    handles = method_handles(titles, {method: looks(scores)[method] for method in coloured})
    legend_above(figure, handles + others_handle(len(scores) - len(coloured)))
    return figure


def _square(axes: Axes, deviate) -> None:
    """Set axes of normal deviates, labelled in percent, with the line of equal error rates."""
    ends = deviate([LOWEST, HIGHEST])
    axes.plot(ends, ends, color=MUTED, linewidth=0.6, linestyle=(0, (2, 2)), zorder=0)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_ticks(deviate(TICKS), [f"{100 * tick:g}" for tick in TICKS])
        axis.set_minor_locator(NullLocator())
    axes.set_xlim(ends)
    axes.set_ylim(ends)
    axes.set_aspect("equal")
    axes.grid(color=GRID)
    axes.set_xlabel("fakes accepted (%)")
    axes.set_ylabel("genuine speech rejected (%)")
