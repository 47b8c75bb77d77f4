"""Printed numbers beside ours as CSV, Markdown and LaTeX."""

from pathlib import Path

from rawm import config
from rawm.files import write_text
from rawm.paper.compare import Number
from rawm.paper.sources import Source
from rawm.paper.verdicts import DIFFERS, REPRODUCED, counts
from rawm.table_formats import Cell, Table, csv, latex, markdown


def write(source: Source, numbers: list[Number], stem: Path) -> None:
    """Write <stem>.csv (a row a number), <stem>.md and <stem>.tex."""
    made = table(source, numbers)
    write_text(stem.with_suffix(".csv"), numbers_csv(source, numbers))
    write_text(stem.with_suffix(".md"), f"# {source.file.title}\n\n{markdown(made)}")
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
        ]
    )


def table(source: Source, numbers: list[Number]) -> Table:
    """Two lines a method: what is printed, and ours; a line is left out where there is nothing in it."""
    columns = source.file.all_columns
    rows: list[list[Cell]] = []
    breaks = set()
    for start in range(0, len(numbers), len(columns)):
        breaks.add(len(rows))
        rows += _lines(numbers[start : start + len(columns)])
    titles = [column.title for column in columns]
    headers = ["Method", "Numbers", *titles, "Verdict"]
    return Table(headers, headers, rows, 2, note(source, numbers), frozenset(breaks - {0}))


def _lines(cells: list[Number]) -> list[list[Cell]]:
    row, first = cells[0].row, cells[0]
    words = counts([cell.verdict.word for cell in cells if not cell.derived])
    verdict = ", ".join(
        f"{number} {word}" if number < sum(words.values()) else word for word, number in words.items() if number
    )
    lines = []
    if row.values:
        printed = [Cell("-" if cell.printed is None else f"{cell.printed:.2f}") for cell in cells]
        lines.append([Cell(row.method), Cell("printed"), *printed, Cell(verdict or "-")])
    if first.study:
        name = f"{first.method} in {first.study}"
        lines.append([Cell("" if lines else row.method), Cell(name), *map(_shown, cells), Cell("" if lines else "-")])
    return lines


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
    parts = [f"{file.paper}, {file.where}: {file.measure} in percent. Source: {file.source} {file.reliability}"]
    parts.append(_ours(source))
    if any(number.derived for number in numbers):
        parts.append("Average = mean of a row; of the printed numbers it is computed here and gets no verdict.")
    if any(number.ours for number in numbers):
        parts.append("Ours: mean ± sample standard deviation over seeds.")
    if source.own and file.comparable:
        parts.append(
            "Bold = reproduced: our 95 % interval, with other utterances and other seeds, holds the printed number; "
            "else the difference is in parentheses."
        )
    if file.differences:
        parts.append(f"Known differences: {' '.join(file.differences)}")
    return " ".join(parts)


def _ours(source: Source) -> str:
    """What our numbers are of, in a sentence."""
    titles = " and ".join(
        f"{config.load_study(name, on_disk=False).settings.title} ({name})" for name in source.studies
    )
    if source.own:
        return f"Ours are of {titles}."
    why = (
        "Printed numbers are of corpora that are not on this machine" if source.absent else "No study has this protocol"
    )
    return f"{why}; ours are of {titles}, which stand in." if titles else f"{why}; nothing stands in for them."
