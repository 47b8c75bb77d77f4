"""Principal angles between the leading subspaces of the tasks' inputs."""

from collections.abc import Sequence
from itertools import combinations

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from rawm.reports.figures.style import TWO_COLUMNS, bare, legend_above, message, styled, wrap

ENERGY = 0.99
COLOURS = colormaps["YlGnBu"]


def leading_subspace(features: np.ndarray, energy: float = ENERGY) -> np.ndarray:
    """Orthonormal basis (d, k) of the fewest directions that hold `energy` of the second moment of features (N, d).

    The moment is taken about zero, as the projectors take it.
    """
    features = np.asarray(features, dtype=np.float64)
    values, vectors = np.linalg.eigh(features.T @ features)
    values, vectors = np.maximum(values[::-1], 0), vectors[:, ::-1]
    rank = int(np.searchsorted(np.cumsum(values), energy * values.sum() * (1 - 1e-12))) + 1
    return vectors[:, : min(rank, len(values))]


def cosines(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Cosines of the principal angles between the spans of two orthonormal bases, smallest angle first.

    Source: Bjorck & Golub 1973.
    """
    return np.clip(np.linalg.svd(one.T @ other, compute_uv=False), 0, 1)


def _overlap(axes: Axes, bases: Sequence[np.ndarray]) -> None:
    """Heat map of the mean squared cosine of each pair; in brackets what random subspaces of these sizes share."""
    count, dimension = len(bases), bases[0].shape[0]
    overlap = np.array([[np.mean(cosines(a, b) ** 2) for b in bases] for a in bases])
    shown = np.where(np.tri(count, dtype=bool), overlap, np.nan)
    axes.pcolormesh(shown, cmap=COLOURS, vmin=0, vmax=1, edgecolors="white", linewidth=0.6)
    size = 6.5 if count <= 6 else 5
    for row, column in zip(*np.tril_indices(count), strict=True):
        chance = max(bases[row].shape[1], bases[column].shape[1]) / dimension
        if row == column:
            text = f"{bases[row].shape[1]}\nof {dimension}"
        else:
            text = f"{overlap[row, column]:.2f}\n({chance:.2f})"
        color = "white" if shown[row, column] > 0.55 else "black"
        axes.text(column + 0.5, row + 0.5, text, ha="center", va="center", fontsize=size, color=color, linespacing=1.1)
    axes.invert_yaxis()
    axes.set_xticks(np.arange(count) + 0.5, range(1, count + 1))
    bare(axes)


def _curves(axes: Axes, bases: Sequence[np.ndarray]) -> list[Line2D]:
    """Principal angles of every pair in degrees, neighbours in the stream coloured; returns the legend's entries."""
    handles = []
    count = len(bases)
    for i, j in combinations(range(count), 2):
        angles = np.degrees(np.arccos(cosines(bases[i], bases[j])))
        x = np.linspace(0, 1, len(angles)) if len(angles) > 1 else np.array([0.5])
        next_to = j == i + 1
        colour = colormaps["viridis"](0.88 * i / max(1, count - 2)) if next_to else "#C9C9C9"
        marker = "o" if len(angles) == 1 else ""
        axes.plot(x, angles, color=colour, marker=marker, linewidth=1.3 if next_to else 0.7, zorder=3 if next_to else 2)
        if next_to:
            handles.append(Line2D([], [], color=colour, label=f"tasks {i + 1} and {j + 1}"))
    if count > 2:
        handles.append(Line2D([], [], color="#C9C9C9", linewidth=0.7, label="other pairs"))
    axes.set_ylim(0, 92)
    axes.set_yticks(range(0, 91, 15))
    axes.grid(axis="y")
    axes.set_xlabel("principal angles, smallest to largest")
    axes.set_ylabel("angle (degrees)")
    axes.set_xticks([0, 1], ["first", "last"])
    return handles


@styled
def subspaces(features: Sequence[np.ndarray], names: Sequence[str], energy: float = ENERGY) -> Figure:
    """Overlap of the tasks' input subspaces.

    Args:
        features: per task (N_i, d), standardised as the detector sees them.
        names: titles of the tasks.
        energy: share of a task's second moment that its subspace holds.

    Returns:
        Left: mean squared cosine of the principal angles of each pair (1 = the smaller lies inside the larger), with
        the value of random subspaces of the same sizes in brackets, and the dimensions on the diagonal. Right: the
        angles themselves.
    """
    if len(features) < 2:
        return message("One task: no other to compare its input subspace with.")
    bases = [leading_subspace(task, energy) for task in features]
    height = max(2.5, 0.9 + 0.27 * len(bases))
    figure = Figure(figsize=(TWO_COLUMNS, height), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=[1.35, 1])
    _overlap(left, bases)
    labels = [wrap(f"{number} {name}", 24) for number, name in enumerate(names, 1)]
    left.set_yticks(np.arange(len(bases)) + 0.5, labels)
    left.set_title("shared directions: mean cos² (if random)")
    right.set_title(f"subspaces of {energy:.0%} of the energy")
    legend_above(figure, _curves(right, bases))
    return figure
