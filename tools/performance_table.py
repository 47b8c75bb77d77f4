"""Fill the table of docs/performance.md from `make bench` (results/bench.json): `python tools/performance_table.py`.

Rows without a number keep what the page says; without results all of it stays.
"""

import json
import re
from pathlib import Path

from marks import replaced

PAGE = Path(__file__).parents[1] / "docs" / "performance.md"
BENCH = Path("results/bench.json")
HEAD = "| what | measured | target | met |\n|---|--:|--:|---|\n"


def shown_before(page: str) -> dict[str, tuple[str, str]]:
    """What was measured -> its number and whether the target was met, as the page has them."""
    found = re.findall(r"^\| (.*?) \| (.*?) \|.*\|(.*)\|$", page, re.MULTILINE)
    return {what: (number, met.strip()) for what, number, met in found}


def row(record: dict, before: dict[str, tuple[str, str]]) -> str:
    """One line of the table."""
    number, met = record["shown"], {None: "", True: "yes", False: "no"}[record["met"]]
    if record["value"] is None:
        number, met = before.get(record["what"], (number, met))
    return f"| {record['what']} | {number} | {record['target']} | {met} |\n"


def machine(values: dict) -> str:
    """One sentence on the machine."""
    return (
        f"Measured on {values['cpu']}, {values['cores']} cores, {values['memory_gib']} GiB of memory, the CPU alone; "
        f"Python {values['python']}, torch {values['torch']}.\n"
    )


def filled(page: str) -> str:
    """The page with its table made anew."""
    if not BENCH.is_file():
        return page
    results, before = json.loads(BENCH.read_text(encoding="utf-8")), shown_before(page)
    table = HEAD + "".join(row(record, before) for record in results["measured"])
    return replaced(page, "table", f"{table}\n{machine(results['machine'])}")


if __name__ == "__main__":
    PAGE.write_text(filled(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
