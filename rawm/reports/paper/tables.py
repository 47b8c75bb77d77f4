"""Printed numbers beside ours as CSV, Markdown and LaTeX."""

from pathlib import Path

from rawm.files import csv, write_text
from rawm.reports import escaping
from rawm.reports.paper.compare import Comparison
from rawm.reports.paper.sources import Source
from rawm.reports.paper.verdicts import DIFFERS, REPRODUCED, counts
from rawm.reports.tables.formats import Cell, Table, latex, markdown
from rawm.study import load_study
from rawm.study.published import columns_of


def write(source: Source, cells: list[Comparison], stem: Path) -> None:
    """Write <stem>.csv (one row per number), <stem>.md and <stem>.tex."""
    content = table(source, cells)
    write_text(stem.with_suffix(".csv"), long_csv(source, cells))
    title = escaping.markdown(source.file.title)
    drawing = f"\n![{title}]({source.label}.svg)\n" if source.file.drawing else ""
    write_text(stem.with_suffix(".md"), f"# {title}\n\n{markdown(content)}{drawing}")
    write_text(stem.with_suffix(".tex"), latex(content))


def long_csv(source: Source, cells: list[Comparison]) -> str:
    """Long form: a row for each number, printed or ours."""
    return csv(
        [
            {
                "published": source.label,
                "row": cell.row.method,
                "column": cell.column.title,
                "printed": cell.printed,
                "derived": cell.derived,
                "study": cell.study,
                "method": cell.method,
                "mean": cell.ours.mean if cell.ours else None,
                "std": cell.ours.std if cell.ours else None,
                "low": cell.ours.low if cell.ours else None,
                "high": cell.ours.high if cell.ours else None,
                "difference": cell.difference,
                "verdict": cell.verdict.word,
                "reason": cell.verdict.reason,
            }
            for cell in cells
            if cell.printed is not None or cell.ours
        ]
    )


def table(source: Source, cells: list[Comparison]) -> Table:
    """Two rows per method, printed and ours; empty rows and columns are left out."""
    titles = _titles(source)
    rows: list[list[Cell]] = []
    breaks = set()
    for start in range(0, len(cells), len(titles)):
        breaks.add(len(rows))
        rows += _lines(cells[start : start + len(titles)])
    headers = ["Method", "Numbers", *titles, "Verdict"]
    filled = [place for place in range(2, len(headers)) if any(row[place].text not in ("", "-") for row in rows)]
    headers, *rows = ([cells[place] for place in (0, 1, *filled)] for cells in (headers, *rows))
    return Table(headers, headers, rows, 2, note(source, cells), frozenset(breaks - {0}))


def _titles(source: Source) -> list[str]:
    """Titles of the columns; where a stand-in's tasks take the place of those printed, with their titles."""
    columns = columns_of(source.file)
    if source.own or not source.studies:
        return [column.title for column in columns]
    tasks = load_study(source.studies[0], on_disk=False).tasks
    if len(tasks) != sum(column.task is not None for column in columns):
        return [column.title for column in columns]
    return [f"{c.title} (ours: {tasks[c.task - 1].title})" if c.task else c.title for c in columns]


def _lines(cells: list[Comparison]) -> list[list[Cell]]:
    first = cells[0]
    words = counts([cell.verdict.word for cell in cells if not cell.derived])
    given = {word: cell for word, cell in words.items() if cell}
    verdict = ", ".join(word if len(given) == 1 else f"{cell} {word}" for word, cell in given.items())
    lines = []
    if first.row.values:
        printed = [Cell(_printed(cell)) for cell in cells]
        lines.append([Cell(first.row.method), Cell("printed"), *printed, Cell(verdict)])
    if first.study:
        name = "" if lines else first.row.method
        lines.append([Cell(name), Cell(f"{first.method} in {first.study}"), *map(_shown, cells), Cell("")])
    return lines


def _printed(cell: Comparison) -> str:
    """The value as printed; a derived mean with two decimals."""
    if cell.printed is None:
        return "-"
    return f"{cell.printed:.2f}" if cell.derived else str(cell.printed)


def _shown(cell: Comparison) -> Cell:
    """Mean ± standard deviation; bold where it reproduces the printed value, else with the difference."""
    if cell.ours is None:
        return Cell("-")
    text = f"{cell.ours.mean:.2f}" + ("" if cell.ours.std is None else f" ± {cell.ours.std:.2f}")
    if cell.verdict.word == DIFFERS:
        text += f" ({cell.difference:+.2f})"
    return Cell(text, best=cell.verdict.word == REPRODUCED)


def note(source: Source, cells: list[Comparison]) -> str:
    """One paragraph: where the numbers are printed, which data ours are from, and how verdicts are reached."""
    file = source.file
    parts = [f"{file.paper}: {file.where}, {file.measure} in percent. Source: {file.source} {file.reliability}"]
    parts.append(source.caption)
    if any(cell.derived and cell.printed is not None for cell in cells):
        parts.append("Average = mean of a row; of the printed numbers it is computed here and gets no verdict.")
    if any(cell.ours and cell.ours.std is not None for cell in cells):
        parts.append("Ours: mean ± sample standard deviation over seeds.")
    if source.own and file.comparable:
        parts.append(
            "Bold = reproduced: our 95 % interval, with other utterances and other seeds, holds the printed number; "
            "else the difference is in parentheses."
        )
    if file.differences and any(cell.printed is not None for cell in cells):
        parts.append(f"Known differences: {' '.join(file.differences)}")
    return " ".join(parts)
