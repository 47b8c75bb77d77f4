"""Tables of a study as pages of HTML that stand alone, to be read in the report."""

from html import escape
from pathlib import Path

from rawm import tables, uncertainty
from rawm.config import Study
from rawm.files import write_text
from rawm.pair_table import pairs
from rawm.results import load
from rawm.table_formats import Table

STYLE = """
body { font: 14px/1.4 sans-serif; margin: 1em; color: #222; }
table { border-collapse: collapse; }
th, td { padding: 3px 10px; text-align: right; white-space: nowrap; }
th { position: sticky; top: 0; background: #fff; white-space: normal; vertical-align: bottom; font-size: 12px; }
th.name, td.name { text-align: left; }
tbody tr:nth-child(even) { background: #f5f5f5; }
tr.first td { border-top: 1px solid #999; }
p { max-width: 60em; color: #555; }
"""


def make(study: Study, output_dir: str | Path) -> None:
    """Write a page (`rawm.figures.PAGES`) for each table; the same bytes for the same runs.

    Raises:
        UserError: a run of the study is not finished, or its uncertainty is not estimated.
    """
    results, estimated = load(study), uncertainty.load(study)
    for name, table in (
        ("comparison", tables.comparison(results, estimated)),
        ("pairs", pairs(results, estimated)),
        ("matrix", tables.matrices(results)),
        ("runs", tables.runs(results)),
    ):
        write_text(Path(output_dir) / f"{name}.html", page(table, study.settings.title))


def page(table: Table, title: str) -> str:
    """A whole HTML document: the best values in bold, the note below."""
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
