"""Figures of a study, drawn from the files of its finished runs."""

from rawm.figures.matrix import matrix_figure
from rawm.figures.style import save

__all__ = ["matrix_figure", "save"]
