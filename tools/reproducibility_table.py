"""Fill the table of docs/reproducibility.md from config/published/*.yaml: `python tools/reproducibility_table.py`.

Verdicts come from results/paper/index.csv (`snakemake --cores 2 paper`); without it they stay what the page says.
"""

import csv
import re
from pathlib import Path

from marks import replaced

from rawm.config.published import PublishedFile
from rawm.reports.paper.verdicts import VERDICTS
from rawm.study import labels, read_published
from rawm.study.published import stand_ins_of, studies_of

PAGE = Path(__file__).parents[1] / "docs" / "reproducibility.md"
INDEX = Path("results/paper/index.csv")
HEAD = (
    "| file | what | numbers known | our study | same protocol | stands in | "
    f"{' | '.join(VERDICTS)} |\n|---|---|--:|---|---|---|{'--:|' * len(VERDICTS)}\n"
)


def verdicts() -> dict[str, list[str]]:
    """Label -> how often each verdict was given; empty where the tables are not made."""
    if not INDEX.is_file():
        return {}
    with INDEX.open(encoding="utf-8", newline="") as file:
        return {row["published"]: [row[word.replace(" ", "_")] for word in VERDICTS] for row in csv.DictReader(file)}


def shown_before(page: str) -> dict[str, list[str]]:
    """The verdicts that the page has."""
    found = re.findall(r"^\| `(\w+)` \|(.*)\|$", page, re.MULTILINE)
    return {label: [cell.strip() for cell in cells.split("|")[-len(VERDICTS) :]] for label, cells in found}


def row(label: str, found: PublishedFile, counted: list[str]) -> str:
    """One line of the table."""
    known = sum(value is not None for one in found.rows for value in one.values)
    protocol = "-" if not studies_of(found) else "yes" if found.comparable else "no"
    cells = [f"`{label}`", f"{found.title}: {found.where}", str(known), _named(studies_of(found)), protocol]
    return f"| {' | '.join([*cells, _named(stand_ins_of(found)), *counted])} |\n"


def _named(studies: list[str]) -> str:
    return ", ".join(f"`{name}`" for name in studies) or "none"


def filled(page: str) -> str:
    """The page with its table made anew."""
    counted = shown_before(page) | verdicts()
    lines = [
        row(label, read_published(label), counted.get(label, ["-"] * len(VERDICTS))) for label in labels("published")
    ]
    return replaced(page, "table", HEAD + "".join(lines))


if __name__ == "__main__":
    PAGE.write_text(filled(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
