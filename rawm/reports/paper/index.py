"""Index of all printed tables and figures with their verdicts, read from their CSV files."""

import csv as standard_csv
from pathlib import Path

from rawm.errors import UserError
from rawm.files import csv, write_text
from rawm.reports.paper.verdicts import VERDICTS, counts
from rawm.reports.tables.formats import Cell, Table, markdown
from rawm.study import labels, read_published
from rawm.study.published import studies_of


def write(folder: Path) -> None:
    """Write index.csv and index.md into the folder that holds <label>.csv of every label."""
    rows = [entry(folder, label) for label in labels("published")]
    write_text(folder / "index.csv", csv(rows))
    write_text(folder / "index.md", _page(rows))


def entry(folder: Path, label: str) -> dict[str, object]:
    """One row of the index; raises UserError where the table is missing."""
    path = folder / f"{label}.csv"
    if not path.is_file():
        raise UserError(f"{path}: no such file; make it with `rawm paper {label}`")
    with path.open(encoding="utf-8", newline="") as opened:
        cells = list(standard_csv.DictReader(opened))
    words = [cell["verdict"] for cell in cells if cell["derived"] == "False"]
    studies = sorted({cell["study"] for cell in cells} - {""})
    file = read_published(label)
    given = counts(words)
    own = set(studies) <= set(studies_of(file)) and bool(studies)
    return {
        "published": label,
        "title": file.title,
        "kind": file.kind,
        "paper": file.paper,
        "where": file.where,
        "ours": "own study" if own else "stand-in" if studies else "none",
        "studies": " ".join(studies),
        "printed": sum(given.values()),
    } | {word.replace(" ", "_"): number for word, number in given.items()}


def _page(rows: list[dict[str, object]]) -> str:
    headers = ["Table or figure", "Kind", "Ours", "Printed numbers", *(word.capitalize() for word in VERDICTS)]
    body = [
        [
            Cell(str(row["title"]), link=f"{row['published']}.md"),
            Cell(str(row["kind"])),
            Cell(f"{row['ours']}: {row['studies']}" if row["studies"] else "none"),
            Cell(str(row["printed"])),
            *(Cell(str(row[word.replace(" ", "_")])) for word in VERDICTS),
        ]
        for row in rows
    ]
    sums = [sum(int(row[word.replace(" ", "_")]) for row in rows) for word in VERDICTS]
    body.append([Cell("All"), Cell(""), Cell(""), Cell(str(sum(sums))), *(Cell(str(number)) for number in sums)])
    note = (
        "Reproduced: our study of the paper's protocol ran, and its 95 % interval holds the printed number. Differs: "
        "it ran, and the interval does not hold it. Not comparable: ours are of other corpora, which stand in, or of "
        "another protocol. Not run: there is no such method here, or no corpus. Where 0 numbers are printed, none are "
        "known, and ours stand alone."
    )
    return "# Printed numbers beside ours\n\n" + markdown(Table(headers, headers, body, 3, note))
