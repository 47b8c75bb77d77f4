"""A table as Markdown, LaTeX (booktabs), HTML and CSV."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from rawm.reports import escaping


@dataclass(frozen=True)
class Cell:
    """Text of a cell, whether it is the best of its column, and where it leads in Markdown."""

    text: str
    best: bool = False
    link: str = ""


@dataclass(frozen=True)
class Table:
    """Headers and rows; the first `names` columns hold names, the others numbers.

    Attributes:
        short: narrow headers for LaTeX.
        note: printed below: units, directions, what bold means.
        breaks: rows before which LaTeX draws a line.
    """

    headers: Sequence[str]
    short: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    names: int
    note: str
    breaks: frozenset[int] = frozenset()


def markdown(table: Table) -> str:
    """A GitHub table with the best values in bold, and the note below."""

    def line(cells: Sequence[str]) -> str:
        return "| " + " | ".join(cells) + " |"

    def shown(cell: Cell) -> str:
        text = escaping.markdown(cell.text)
        text = f"**{text}**" if cell.best else text
        return f"[{text}]({cell.link})" if cell.link else text

    aligned = [":--" if column < table.names else "--:" for column in range(len(table.headers))]
    headers = [escaping.markdown(header) for header in table.headers]
    body = [line([shown(cell) for cell in row]) for row in table.rows]
    return "\n".join([line(headers), line(aligned), *body, "", escaping.markdown(table.note), ""])


def latex(table: Table) -> str:
    """A `tabular` for \\input; needs the package booktabs. The note stands above it as a comment, for a caption."""

    def line(cells: Sequence[str]) -> str:
        return " & ".join(cells) + r" \\"

    body = []
    for number, row in enumerate(table.rows):
        if number in table.breaks:
            body.append(r"\midrule")
        body.append(
            line(
                [rf"\textbf{{{escaping.latex(cell.text)}}}" if cell.best else escaping.latex(cell.text) for cell in row]
            )
        )
    columns = "l" * table.names + "r" * (len(table.short) - table.names)
    return "\n".join(
        [
            "% \\usepackage{booktabs}",
            f"% {escaping.latex(table.note)}",
            rf"\begin{{tabular}}{{{columns}}}",
            r"\toprule",
            line([escaping.latex(name) for name in table.short]),
            r"\midrule",
            *body,
            r"\bottomrule",
            r"\end{tabular}",
            "",
        ]
    )


STYLE = """
body { font: 14px/1.4 sans-serif; margin: 1em; color: #222; }
table { border-collapse: collapse; }
th, td { padding: 3px 10px; text-align: right; white-space: nowrap; }
th { position: sticky; top: 0; background: #fff; white-space: normal; vertical-align: bottom; font-size: 12px; }
th.name, td.name { text-align: left; }
.name:first-child { position: sticky; left: 0; background: inherit; }
th.name:first-child { z-index: 1; }
tr { background: #fff; }
tbody tr:nth-child(even) { background: #f5f5f5; }
tr.first td { border-top: 1px solid #999; }
p { max-width: 60em; color: #555; }
"""


def html(table: Table, title: str) -> str:
    """A page that stands alone: the best values in bold, the note below."""
    head = "".join(f"<th{_name(table, column)}>{escape(text)}</th>" for column, text in enumerate(table.headers))
    body = []
    for number, row in enumerate(table.rows):
        cells = [
            f"<td{_name(table, column)}>{f'<b>{escape(cell.text)}</b>' if cell.best else escape(cell.text)}</td>"
            for column, cell in enumerate(row)
        ]
        body.append(("<tr class='first'>" if number in table.breaks else "<tr>") + "".join(cells) + "</tr>")
    return "\n".join(
        [
            f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>',
            f"<style>{STYLE}</style></head><body>",
            f"<table><thead><tr>{head}</tr></thead><tbody>",
            *body,
            f"</tbody></table><p>{escape(table.note)}</p></body></html>\n",
        ]
    )


def _name(table: Table, column: int) -> str:
    return ' class="name"' if column < table.names else ""
