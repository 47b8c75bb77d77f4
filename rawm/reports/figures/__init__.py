"""Figures of a study, drawn from the files of its finished runs. Importing this does not load Matplotlib."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rawm.metrics.measure import EER, Measure
from rawm.study import Study

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: The figures of a study; each becomes NAME.svg and NAME.png.
NAMES = (
    "matrices",
    "stream",
    "average",
    "comparison",
    "critical_difference",
    "learning_vs_forgetting",
    "confusion",
    "det",
    "calibration",
    "projector_spectra",
    "projector_rank",
    "subspaces",
    "embeddings",
)


def make(study: Study, output_dir: str | Path, formats: Sequence[str] = ("svg", "png")) -> None:
    """Write every figure of a study; the same bytes for the same runs.

    Args:
        study: its runs must be finished.
        output_dir: folder, made where it is missing.
        formats: suffixes that Matplotlib can write.

    Raises:
        UserError: a run is not finished or a file of it is damaged.
    """
    from rawm.reports.figures.study import make as draw_all

    draw_all(study, output_dir, formats)


def matrix_figure(matrix: Any, tasks: Sequence[str], title: str, measure: Measure = EER) -> "Figure":
    """Heat map of one run's matrix (percent, (T + 1, T), row 0 = untrained); see `rawm.reports.figures.matrix`."""
    from rawm.reports.figures.matrix import matrix_figure as draw

    return draw(matrix, tasks, title, measure)


def save(figure: "Figure", path: str | Path) -> None:
    """Write a figure atomically in the format of the path's suffix, with the same bytes on each run."""
    from rawm.reports.figures.style import save as write

    write(figure, path)
