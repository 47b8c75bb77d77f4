"""A table as Markdown, LaTeX (booktabs), HTML and CSV."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape


@dataclass(frozen=True)
class Cell:
    """Text of a cell, and whether it is the best of its column."""

    text: str
    best: bool = False


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
        return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"

    aligned = [":--" if column < table.names else "--:" for column in range(len(table.headers))]
    body = [line([f"**{cell.text}**" if cell.best else cell.text for cell in row]) for row in table.rows]
    return "\n".join([line(table.headers), line(aligned), *body, "", table.note, ""])


SPECIAL = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "±": r"$\pm$"}
SPECIAL |= {"†": r"$^\dagger$", "<": "$<$", ">": "$>$", "\N{MINUS SIGN}": "$-$", "η": r"$\eta$", "β": r"$\beta$"}
SPECIAL |= {char: f"\\{char}" for char in "&%$#_{}"}


def _tex(text: str) -> str:
    escaped = "".join(SPECIAL.get(char, char) for char in text)
    return re.sub(r"(?<!\w)-(?=\d)", "$-$", escaped)


def latex(table: Table) -> str:
    """A `tabular` for \\input; needs the package booktabs. The note stands above it as a comment, for a caption."""

    def line(cells: Sequence[str]) -> str:
        return " & ".join(cells) + r" \\"

    body = []
    for number, row in enumerate(table.rows):
        if number in table.breaks:
            body.append(r"\midrule")
        body.append(line([rf"\textbf{{{_tex(cell.text)}}}" if cell.best else _tex(cell.text) for cell in row]))
    columns = "l" * table.names + "r" * (len(table.short) - table.names)
    return "\n".join(
        [
            "% \\usepackage{booktabs}",
            f"% {_tex(table.note)}",
            rf"\begin{{tabular}}{{{columns}}}",
            r"\toprule",
            line([_tex(name) for name in table.short]),
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
