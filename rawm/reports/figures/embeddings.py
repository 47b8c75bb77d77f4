"""Embeddings of utterances, early and at the end of the stream."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from rawm.reports.figures.style import MUTED, TWO_COLUMNS, legend_above, styled, wrap

GENUINE, FAKE, OTHER = "o", "x", "."


@styled
def embeddings(
    points: Mapping[str, Sequence[Sequence[np.ndarray]]],
    labels: Sequence[np.ndarray],
    tasks: Sequence[str],
    after: Sequence[int],
) -> Figure:
    """Draw two principal components of the embeddings: a row per method, a column per checkpoint.

    Each panel has components of its own, and says what share of the variance they hold.

    Args:
        points: name of a method -> per checkpoint, per task, embeddings (N_task, d).
        labels: per task the classes of its utterances, (N_task,).
        tasks: titles of the tasks.
        after: number of the task after which each checkpoint was taken.
    """
    figure = Figure(figsize=(TWO_COLUMNS, 0.2 + 2.5 * len(points)), layout="constrained")
    grid = figure.subplots(len(points), len(after), squeeze=False)
    colours = [colormaps["viridis"](0.92 * index / max(1, len(tasks) - 1)) for index in range(len(tasks))]
    for row, (name, checkpoints) in zip(grid, points.items(), strict=True):
        for axes, number, vectors in zip(row, after, checkpoints, strict=True):
            _panel(axes, vectors, labels, colours)
            axes.set_title(f"{name}, after task {number}")
    handles = [
        Line2D([], [], color=colour, marker="s", linestyle="", label=wrap(f"{number} {title}", 40, 1))
        for number, (colour, title) in enumerate(zip(colours, tasks, strict=True), 1)
    ]
    if {"genuine", "fake"} >= set(np.concatenate(labels)):
        handles += [
            Line2D([], [], color=MUTED, marker=m, linestyle="", label=n)
            for m, n in ((GENUINE, "genuine"), (FAKE, "fake"))
        ]
    legend_above(figure, handles)
    return figure


def components(points: np.ndarray) -> tuple[np.ndarray, float]:
    """First two principal components (N, 2) of vectors (N, d), and the share of the variance that they explain."""
    from sklearn.decomposition import PCA

    model = PCA(n_components=2, svd_solver="full").fit(points)
    return model.transform(points), float(model.explained_variance_ratio_.sum())


def _panel(axes: Axes, tasks: Sequence[np.ndarray], labels: Sequence[np.ndarray], colours: Sequence) -> None:
    flat, share = components(np.concatenate(tasks))
    ends = np.cumsum([len(task) for task in tasks])
    for part, named, colour in zip(np.split(flat, ends[:-1]), labels, colours, strict=True):
        markers = np.array([{"genuine": GENUINE, "fake": FAKE}.get(name, OTHER) for name in named])
        for marker in sorted(set(markers)):
            shown = part[markers == marker]
            width = 0.7 if marker == FAKE else 0
            axes.scatter(*shown.T, s=9, marker=marker, color=[colour], linewidth=width, alpha=0.7)
    axes.set_xticks([])
    axes.set_yticks([])
    axes.set_xlabel(f"{share:.0%} of the variance", fontsize=7, color=MUTED)
