"""Our numbers of a printed figure, drawn."""

from typing import TYPE_CHECKING

import numpy as np

from rawm.errors import UserError
from rawm.reports.figures import style
from rawm.reports.paper.compare import Number
from rawm.reports.paper.sources import Source
from rawm.study import load_study

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def draw(source: Source, numbers: list[Number]) -> "Figure":
    """The drawing that a file of config/published/ asks for; words where nothing was run.

    Raises:
        UserError: the file asks for none.
    """
    drawing = source.file.drawing
    if drawing is None:
        raise UserError(f"config/published/{source.label}.yaml: has no drawing; add one, or make its table")
    shown = [number for number in numbers if number.values.size]
    if not shown:
        return style.message(f"Nothing was run. Not on this machine: {', '.join(source.absent)}")
    measure = load_study(shown[0].study, on_disk=False).measure
    if drawing.kind == "ablation":
        from rawm.reports.figures.ablation import ablation

        averages = [number for number in shown if number.column.metric == "average"]
        values = {number.method: number.values for number in averages}
        titles = {number.method: number.row.method for number in averages}
        return ablation(values, titles, measure, drawing.reference)
    from rawm.reports.figures.sweep import sweep

    points = [number for number in shown if number.row.x is not None and number.column.title in drawing.columns]
    x = sorted({number.row.x for number in points})
    of = f"average {measure.title} (%)" if drawing.columns == ["Average"] else f"{measure.title} (%)"
    return sweep(x, _curves(points, x, drawing.columns), drawing.x, of, drawing.log)


def _curves(points: list[Number], x: list[float], columns: list[str]) -> dict[str, np.ndarray]:
    """Name -> (len(x), seeds); NaN at points of other studies."""
    curves: dict[str, np.ndarray] = {}
    seeds = max(number.values.size for number in points)
    for number in points:
        name = number.row.curve if len(columns) == 1 else f"{number.row.curve}, {number.column.title.lower()}"
        curve = curves.setdefault(name, np.full((len(x), seeds), np.nan))
        curve[x.index(number.row.x), : number.values.size] = number.values
    return curves
