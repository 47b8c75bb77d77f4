"""Ablations: a method compared with itself without one part."""

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure

from rawm.metrics.measure import Measure
from rawm.reports.figures.style import MUTED, ONE_COLUMN, looks, styled, wrap


@styled
def ablation(values: Mapping[str, np.ndarray], titles: Mapping[str, str], measure: Measure, reference: str) -> Figure:
    """Draw the average of each variant and its difference from the whole method, paired by seed.

    Args:
        values: method -> average EER or accuracy in percent of each seed, (seeds,).
        titles: method -> name.
        measure: what the numbers are.
        reference: the method with all its parts; a rule marks it. Differences are left out where it was not run.
    """
    figure = Figure(figsize=(ONE_COLUMN, 0.7 + 0.34 * len(values)), layout="constrained")
    axes = figure.add_subplot()
    whole = values.get(reference)
    if whole is not None:
        axes.axvline(whole.mean(), color=MUTED, linewidth=0.8, linestyle=(0, (2, 2)), zorder=0)
    for y, (method, look) in enumerate(looks(values).items()):
        seeds = values[method]
        std = seeds.std(ddof=1) if seeds.size > 1 else 0.0
        axes.barh(y, seeds.mean(), height=0.55, color=look.colour, alpha=0.35)
        axes.errorbar(seeds.mean(), y, xerr=std, color=look.colour, marker=look.marker, capsize=2)
        axes.scatter(seeds, np.full(seeds.size, y + 0.22), s=6, color=look.colour, linewidth=0)
    axes.set_yticks(range(len(values)), [wrap(titles[method], 22) for method in values])
    right = axes.secondary_yaxis("right")
    right.set_yticks(range(len(values)), [_difference(values[method], whole) for method in values])
    right.tick_params(length=0)
    right.spines["right"].set_visible(False)
    axes.set_ylim(len(values) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)
    axes.set_xlim(left=0)
    axes.grid(axis="x")
    axes.set_xlabel(f"average {measure.title} after the last task (%), {measure.direction} is better")
    return figure


def _difference(values: np.ndarray, whole: np.ndarray | None) -> str:
    """Describe the mean of a variant and its difference from the whole method."""
    if whole is None or values is whole:
        return f"{values.mean():.1f}"
    return f"{values.mean():.1f} ({values.mean() - whole.mean():+.1f})"
