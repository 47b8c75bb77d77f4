"""Style of all figures: sizes, fonts, one colour and marker per method, reproducible files.

Figures are built from `matplotlib.figure.Figure`, never from pyplot, so nothing of them stays behind in the process.
"""

import functools
import hashlib
import math
import textwrap
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from matplotlib import style as mpl_style
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.text import Text

from rawm.files import atomic
from rawm.metrics.measure import Measure

ONE_COLUMN = 3.3  # inches
TWO_COLUMNS = 7.0  # inches
DPI = 300
DRAWN = 8  # more curves than this cannot be told apart
REFERENCES = ("joint", "finetune", "rawm")  # coloured however good they are
GRID = "#E3E3E3"
PALE = "#D0D0D0"
MUTED = "#6B6B6B"

#: Okabe & Ito's colours for all kinds of colour vision; their yellow is too pale for lines on white.
BLACK, ORANGE, SKY, GREEN = "#000000", "#E69F00", "#56B4E9", "#009E73"
BLUE, VERMILLION, PURPLE, GREY = "#0072B2", "#D55E00", "#CC79A7", "#8A8A8A"
COLOURS = (ORANGE, SKY, GREEN, BLUE, VERMILLION, PURPLE, GREY)

RC: dict[str, Any] = {
    "font.size": 8,
    "axes.titlesize": 8,
    "axes.labelsize": 8,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "legend.fontsize": 7,
    "legend.frameon": False,
    "legend.handlelength": 2.2,
    "figure.titlesize": 9,
    "axes.linewidth": 0.6,
    "axes.edgecolor": "#333333",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": False,
    "axes.axisbelow": True,
    "grid.color": GRID,
    "grid.linewidth": 0.5,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.5,
    "lines.linewidth": 1.2,
    "lines.markersize": 4,
    "figure.dpi": DPI,
    "savefig.dpi": DPI,
    "svg.fonttype": "none",  # text stays text: it can be searched and edited
    "svg.hashsalt": "rawm",  # the same ids on every run
}


class Look(NamedTuple):
    """Colour, marker and line of one method."""

    colour: str
    marker: str
    line: Any = "-"


#: Label of config/methods/ -> look. Related methods share a colour and differ in marker and line.
LOOKS: dict[str, Look] = {
    "finetune": Look(GREY, "X", (0, (4, 1.5))),
    "joint": Look(BLACK, "*", (0, (1, 1))),
    "rawm": Look(VERMILLION, "o"),
    "rawm_paper": Look(ORANGE, "d"),
    "rwm": Look(BLUE, "s"),
    "owm": Look(GREEN, "^"),
    "lwf": Look(SKY, "v"),
    "replay": Look(PURPLE, "P"),
    "derpp": Look(PURPLE, "D", "--"),
    "der": Look(PURPLE, "h", ":"),
    "gdumb": Look(PURPLE, "<", "-."),
    "dfwf": Look(SKY, ">", "--"),
    "ewc": Look(BLUE, "p", "--"),
    "ewc_online": Look(BLUE, "H", "-."),
    "si": Look(ORANGE, "<", "--"),
    "mas": Look(ORANGE, ">", "-."),
    "gem": Look(GREEN, "D", "--"),
    "agem": Look(GREEN, "v", "-."),
    "cwr": Look(GREY, "p", "-"),
    "rego": Look(VERMILLION, "s", "--"),
    "analytic": Look(BLACK, "^", "-"),
}
#: Looks for methods not named above.
SPARE = tuple(
    Look(colour, marker, line)
    for line, marker in ((":", "$+$"), ((0, (5, 1, 1, 1, 1, 1)), "8"), ((0, (6, 1.5)), "$\\times$"))
    for colour in COLOURS
)


def looks(methods: Iterable[str]) -> dict[str, Look]:
    """Assign a look to each method; all differ, and a method added at the end changes no other's."""
    chosen: dict[str, Look] = {}
    for method in methods:
        if method in LOOKS:
            chosen[method] = LOOKS[method]
            continue
        start = int(hashlib.sha256(method.encode()).hexdigest(), 16) % len(SPARE)
        ring = SPARE[start:] + SPARE[:start]
        chosen[method] = next((look for look in ring if look not in chosen.values()), ring[0])
    return chosen


def foremost(errors: Mapping[str, float], always: Sequence[str] = REFERENCES) -> list[str]:
    """Choose the methods to colour where there are many: `always`, then those with the lowest error."""
    ranked = sorted(errors, key=lambda method: (method not in always, errors[method]))
    return [method for method in errors if method in ranked[:DRAWN]]


def styled(function: Callable[..., Figure]) -> Callable[..., Figure]:
    """Decorator: draw with this module's style, whatever the user's own matplotlib settings are.

    The layout is found once, so that all formats agree and saving is quick.
    """

    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Figure:
        with mpl_style.context(["default", RC]):
            figure = function(*args, **kwargs)
            for text in figure.findobj(Text):
                if (
                    "$" in text.get_text() and "mathdefault" not in text.get_text()
                ):  # not what Matplotlib writes at ticks
                    text.set_parse_math(False)
            figure.draw_without_rendering()
            figure.set_layout_engine("none")
            return figure

    return wrapper


def save(figure: Figure, path: str | Path) -> None:
    """Write a figure as the format of its suffix (.svg, .png, .pdf): atomic, without dates, 300 dots per inch."""
    path = Path(path)
    metadata: dict[str, Any] = {".svg": {"Date": None}, ".png": {"Software": None}, ".pdf": {"CreationDate": None}}
    with mpl_style.context(["default", RC]), atomic(path) as temporary:
        figure.savefig(temporary, dpi=DPI, metadata=metadata.get(path.suffix))


def wrap(text: str, width: int, lines: int = 2) -> str:
    """Break a long name into at most `lines` lines of about `width` characters."""
    parts = textwrap.wrap(text, width, break_long_words=True) or [""]
    if len(parts) > lines:
        parts = parts[:lines]
        parts[-1] = parts[-1][: width - 1].rstrip() + "…"
    return "\n".join(parts)


@styled
def message(text: str, width: float = ONE_COLUMN, height: float = 1.2) -> Figure:
    """Make a figure with a sentence in place of a drawing."""
    figure = Figure(figsize=(width, height))
    figure.text(0.5, 0.5, wrap(text, 46, 5), ha="center", va="center", color=MUTED)
    return figure


def best_end(measure: Measure) -> dict[str, float]:
    """Let an x axis end at the best possible value."""
    return {"left": 0.0} if measure.lower_is_better else {"right": 100.0}


def task_ticks(axes: Axes, numbers: Sequence[int], most: int) -> None:
    """Tick every task, or every second, third ..., so that at most `most` numbers stand below the axis."""
    axes.set_xticks(numbers[:: -(-len(numbers) // most)])


def bare(axes: Axes) -> None:
    """Remove frame and ticks."""
    axes.tick_params(length=0)
    for spine in axes.spines.values():
        spine.set_visible(False)


def method_handles(titles: Mapping[str, str], chosen: Mapping[str, Look]) -> list[Line2D]:
    """Legend entries: a line with a marker for each method."""
    return [
        Line2D([], [], color=look.colour, marker=look.marker, linestyle=look.line, label=titles[method])
        for method, look in chosen.items()
    ]


def others_handle(count: int) -> list[Line2D]:
    """Legend entry of the methods that are not coloured; none for none."""
    return [Line2D([], [], color=PALE, linewidth=0.8, label=f"{count} other" + "s" * (count > 1))] if count else []


def legend_above(figure: Figure, handles: Sequence[Line2D]) -> None:
    """Put a legend over a constrained figure, in as many columns as fit, and make the figure taller by it."""
    width, height = figure.get_size_inches()
    longest = max(len(str(handle.get_label())) for handle in handles)
    columns = max(1, min(len(handles), int(width / (0.52 + 0.06 * longest))))
    rows = math.ceil(len(handles) / columns)
    columns = math.ceil(len(handles) / rows)
    figure.set_size_inches(width, height + 0.16 * rows + 0.1)
    figure.legend(handles=handles, loc="outside upper center", ncols=columns, columnspacing=1.2, handletextpad=0.5)
