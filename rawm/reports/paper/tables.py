"""Printed numbers beside ours as CSV, Markdown and LaTeX."""

from pathlib import Path

from rawm.files import csv, write_text
from rawm.reports.paper.compare import Number
from rawm.reports.paper.sources import Source
from rawm.reports.paper.verdicts import DIFFERS, REPRODUCED, counts
from rawm.reports.tables.formats import Cell, Table, latex, markdown
from rawm.study import load_study
from rawm.study.published import columns_of


def write(source: Source, numbers: list[Number], stem: Path) -> None:
    """Write <stem>.csv (a row a number), <stem>.md and <stem>.tex."""
    made = table(source, numbers)
    write_text(stem.with_suffix(".csv"), numbers_csv(source, numbers))
    drawing = f"\n![{source.file.title}]({source.label}.svg)\n" if source.file.drawing else ""
    write_text(stem.with_suffix(".md"), f"# {source.file.title}\n\n{markdown(made)}{drawing}")
    write_text(stem.with_suffix(".tex"), latex(made))


def numbers_csv(source: Source, numbers: list[Number]) -> str:
    """Long form: a row for each number, printed or ours."""
    return csv(
        [
            {
                "published": source.label,
                "row": number.row.method,
                "column": number.column.title,
                "printed": number.printed,
                "derived": number.derived,
                "study": number.study,
                "method": number.method,
                "mean": number.ours.mean if number.ours else None,
                "std": number.ours.std if number.ours else None,
                "low": number.ours.low if number.ours else None,
                "high": number.ours.high if number.ours else None,
                "difference": number.difference,
                "verdict": number.verdict.word,
                "reason": number.verdict.reason,
            }
            for number in numbers
            if number.printed is not None or number.ours
        ]
    )


def table(source: Source, numbers: list[Number]) -> Table:
    """Two lines a method, what is printed and ours; lines and columns without a number are left out."""
    titles = _titles(source)
    rows: list[list[Cell]] = []
    breaks = set()
    for start in range(0, len(numbers), len(titles)):
        breaks.add(len(rows))
        rows += _lines(numbers[start : start + len(titles)])
    headers = ["Method", "Numbers", *titles, "Verdict"]
    filled = [place for place in range(2, len(headers)) if any(row[place].text not in ("", "-") for row in rows)]
    headers, *rows = ([cells[place] for place in (0, 1, *filled)] for cells in (headers, *rows))
    return Table(headers, headers, rows, 2, note(source, numbers), frozenset(breaks - {0}))


def _titles(source: Source) -> list[str]:
    """Titles of the columns; where a stand-in's tasks take the place of those printed, with their titles."""
    columns = columns_of(source.file)
    if source.own or not source.studies:
        return [column.title for column in columns]
    tasks = load_study(source.studies[0], on_disk=False).tasks
    if len(tasks) != sum(column.task is not None for column in columns):
        return [column.title for column in columns]
    return [f"{c.title} (ours: {tasks[c.task - 1].title})" if c.task else c.title for c in columns]


def _lines(cells: list[Number]) -> list[list[Cell]]:
    first = cells[0]
    words = counts([cell.verdict.word for cell in cells if not cell.derived])
    given = {word: number for word, number in words.items() if number}
    verdict = ", ".join(word if len(given) == 1 else f"{number} {word}" for word, number in given.items())
    lines = []
    if first.row.values:
        printed = [Cell(_printed(cell)) for cell in cells]
        lines.append([Cell(first.row.method), Cell("printed"), *printed, Cell(verdict)])
    if first.study:
        name = "" if lines else first.row.method
        lines.append([Cell(name), Cell(f"{first.method} in {first.study}"), *map(_shown, cells), Cell("")])
    return lines


def _printed(cell: Number) -> str:
    """As printed, a mean that is not printed with two decimals."""
    if cell.printed is None:
        return "-"
    return f"{cell.printed:.2f}" if cell.derived else str(cell.printed)


def _shown(cell: Number) -> Cell:
    """Mean ± standard deviation; bold where it reproduces what is printed, with the difference where it does not."""
    if cell.ours is None:
        return Cell("-")
    text = f"{cell.ours.mean:.2f}" + ("" if cell.ours.std is None else f" ± {cell.ours.std:.2f}")
    if cell.verdict.word == DIFFERS:
        text += f" ({cell.difference:+.2f})"
    return Cell(text, best=cell.verdict.word == REPRODUCED)


def note(source: Source, numbers: list[Number]) -> str:
    """What is printed where, what ours are of, and how the verdicts are made; one paragraph."""
    file = source.file
    parts = [f"{file.paper}: {file.where}, {file.measure} in percent. Source: {file.source} {file.reliability}"]
    parts.append(source.caption)
    if any(number.derived and number.printed is not None for number in numbers):
        parts.append("Average = mean of a row; of the printed numbers it is computed here and gets no verdict.")
    if any(number.ours and number.ours.std is not None for number in numbers):
        parts.append("Ours: mean ± sample standard deviation over seeds.")
    if source.own and file.comparable:
        parts.append(
            "Bold = reproduced: our 95 % interval, with other utterances and other seeds, holds the printed number; "
            "else the difference is in parentheses."
        )
    if file.differences and any(number.printed is not None for number in numbers):
        parts.append(f"Known differences: {' '.join(file.differences)}")
    return " ".join(parts)
