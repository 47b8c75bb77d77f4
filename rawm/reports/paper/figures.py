"""Drawings of our numbers of a printed figure."""

from typing import TYPE_CHECKING

import numpy as np

from rawm.errors import UserError
from rawm.reports.figures import style
from rawm.reports.paper.compare import Comparison
from rawm.reports.paper.sources import Source
from rawm.study import load_study

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def draw(source: Source, cells: list[Comparison]) -> "Figure":
    """Draw what a file of config/published/ asks for; a sentence where nothing was run.

    Raises:
        UserError: the file asks for none.
    """
    drawing = source.file.drawing
    if drawing is None:
        raise UserError(f"config/published/{source.label}.yaml: has no drawing; add one, or make its table")
    shown = [cell for cell in cells if cell.values.size]
    if not shown:
        return style.message(f"Nothing was run. Not on this machine: {', '.join(source.absent)}")
    measure = load_study(shown[0].study, on_disk=False).measure
    if drawing.kind == "ablation":
        from rawm.reports.figures.ablation import ablation

        averages = [cell for cell in shown if cell.column.metric == "average"]
        values = {cell.method: cell.values for cell in averages}
        titles = {cell.method: cell.row.method for cell in averages}
        return ablation(values, titles, measure, drawing.reference)
    from rawm.reports.figures.sweep import sweep

    points = [cell for cell in shown if cell.row.x is not None and cell.column.title in drawing.columns]
    x = sorted({cell.row.x for cell in points})
    of = f"average {measure.title} (%)" if drawing.columns == ["Average"] else f"{measure.title} (%)"
    return sweep(x, _curves(points, x, drawing.columns), drawing.x, of, drawing.log)


def _curves(points: list[Comparison], x: list[float], columns: list[str]) -> dict[str, np.ndarray]:
    """Name -> (len(x), seeds); NaN at points of other studies."""
    curves: dict[str, np.ndarray] = {}
    seeds = max(cell.values.size for cell in points)
    for cell in points:
        name = cell.row.curve if len(columns) == 1 else f"{cell.row.curve}, {cell.column.title.lower()}"
        curve = curves.setdefault(name, np.full((len(x), seeds), np.nan))
        curve[x.index(cell.row.x), : cell.values.size] = cell.values
    return curves
