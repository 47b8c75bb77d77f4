"""Fill the table of docs/methods.md: `python docs/methods_table.py`.

What a method keeps and where it is from comes from its class; its step time from `make bench` (results/bench.json) and
its error rates from a finished study (results/open_speech_all/tables/comparison.csv). Cells without results keep what
the page says.
"""

import csv
import json
import re
from pathlib import Path

from rawm import config
from rawm.methods import class_of

PAGE = Path(__file__).parent / "methods.md"
BENCH = Path("results/bench.json")
COMPARISON = Path("results/open_speech_all/tables/comparison.csv")
BEGIN, END = "<!-- table: begin -->\n", "<!-- table: end -->"
HEAD = "| file | old samples | numbers kept | step | average EER | forgetting | from |\n|---|---|---|--:|--:|--:|---|\n"


def from_registry(label: str) -> tuple[str, str, str]:
    """Whether old samples are needed, what is kept, and the paper."""
    method = class_of(config.load_method(label).algorithm)
    old = "all of them" if method.uses_old_data else "M of them" if method.keeps_samples else "no"
    return old, method.memory, method.paper or "-"


def measured(label: str, ratios: dict[str, float], rows: dict[str, dict[str, str]]) -> list[str] | None:
    """Step over fine-tuning, average EER and forgetting; None without results."""
    if not ratios and not rows:
        return None
    step = ratios.get(label, ratios.get(config.load_method(label).algorithm))
    cells = ["-" if step is None else f"{step:.1f}"]
    for name in ("average_eer", "forgetting_eer_increase"):
        row = rows.get(label)
        cells.append("-" if row is None else f"{float(row[name + '_mean']):.1f} ± {float(row[name + '_std']):.1f}")
    return cells


def shown_before(page: str) -> dict[str, list[str]]:
    """The measured cells that the page has now."""
    found = re.findall(r"^\| `(\w+)` \|[^|]*\|[^|]*\|([^|]*)\|([^|]*)\|([^|]*)\|", page, re.MULTILINE)
    return {label: [cell.strip() for cell in cells] for label, *cells in found}


def filled(page: str) -> str:
    """The page with its table made anew."""
    ratios = next(iter(json.loads(BENCH.read_text()).values())) if BENCH.is_file() else {}
    rows = {row["method"]: row for row in csv.DictReader(COMPARISON.open())} if COMPARISON.is_file() else {}
    before, lines = shown_before(page), []
    for label in config.labels("methods"):
        old, memory, paper = from_registry(label)
        cells = measured(label, ratios, rows) or before.get(label, ["-"] * 3)
        lines.append(
            (cells[1] == "-", _number(cells[1]), f"| `{label}` | {old} | {memory} | {' | '.join(cells)} | {paper} |\n")
        )
    table = HEAD + "".join(line for *_, line in sorted(lines))
    start, end = page.index(BEGIN) + len(BEGIN), page.index(END)
    return page[:start] + table + page[end:]


def _number(cell: str) -> float:
    return float(cell.split()[0]) if cell != "-" else 0.0


if __name__ == "__main__":
    PAGE.write_text(filled(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
