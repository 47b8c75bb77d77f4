"""Fill the tables of docs/methods.md and of the README: `python docs/methods_table.py`.

What a method keeps and where it is from comes from its class; its step time from `make bench` (results/bench.json) and
its error rates from the finished studies open_speech_all and open_speech_ablation. Cells without results keep what the
page says.
"""

import csv
import json
import re
from pathlib import Path

from marks import replaced

from rawm import config
from rawm.methods import class_of

PAGE = Path(__file__).parent / "methods.md"
README = Path(__file__).parent.parent / "README.md"
BENCH = Path("results/bench.json")
STUDIES = ("open_speech_all", "open_speech_ablation")
COMPARISON = "results/{}/tables/comparison.csv"
NUMBERS = ("average_eer", "forgetting_eer_increase", "learning_eer", "pooled_eer")
README_HEAD = (
    "| method | old samples | average EER | forgetting | EER when learned | pooled EER |\n|---|---|--:|--:|--:|--:|\n"
)
HEAD = "| file | old samples | numbers kept | step | average EER | forgetting | from |\n|---|---|---|--:|--:|--:|---|\n"


def shown() -> list[str]:
    """The methods of the open-speech studies; others are points of a sweep, or are for other classes."""
    return sorted({method for name in STUDIES for method in config.load_study(name, on_disk=False).methods})


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
    row = rows.get(label)
    return cells + (["-", "-"] if row is None else [spread(row, name) for name in NUMBERS[:2]])


def spread(row: dict[str, str], name: str) -> str:
    """Mean and standard deviation of a number."""
    return f"{float(row[name + '_mean']):.1f} ± {float(row[name + '_std']):.1f}"


def shown_before(page: str) -> dict[str, list[str]]:
    """The measured cells that the page has now."""
    found = re.findall(r"^\| `(\w+)` \|[^|]*\|[^|]*\|([^|]*)\|([^|]*)\|([^|]*)\|", page, re.MULTILINE)
    return {label: [cell.strip() for cell in cells] for label, *cells in found}


def filled(page: str) -> str:
    """The page with its table made anew."""
    ratios = next(iter(json.loads(BENCH.read_text()).values())) if BENCH.is_file() else {}
    rows, before, lines = comparison(*STUDIES), shown_before(page), []
    for label in shown():
        old, memory, paper = from_registry(label)
        cells = measured(label, ratios, rows) or before.get(label, ["-"] * 3)
        lines.append(
            (cells[1] == "-", _number(cells[1]), f"| `{label}` | {old} | {memory} | {' | '.join(cells)} | {paper} |\n")
        )
    return replaced(page, "table", HEAD + "".join(line for *_, line in sorted(lines)))


def comparison(*studies: str) -> dict[str, dict[str, str]]:
    """Method -> its row in the table of the first of some studies that has it; empty without a finished study."""
    rows: dict[str, dict[str, str]] = {}
    for path in (Path(COMPARISON.format(study)) for study in studies):
        if path.is_file():
            rows = {row["method"]: row for row in csv.DictReader(path.open())} | rows
    return rows


def readme(page: str) -> str:
    """The README with the results of the finished study; as it is without one."""
    rows = sorted(comparison(STUDIES[0]).values(), key=lambda row: float(row["average_eer_mean"]))
    cells = [[row["title"], kept(row["method"]), *(spread(row, name) for name in NUMBERS)] for row in rows]
    return replaced(page, "table", README_HEAD + "".join(f"| {' | '.join(row)} |\n" for row in cells)) if rows else page


def kept(label: str) -> str:
    """How many old samples a method keeps."""
    settings = config.load_method(label)
    method = class_of(settings.algorithm)
    return "all" if method.uses_old_data else str(settings.capacity) if method.keeps_samples else "none"


def _number(cell: str) -> float:
    return float(cell.split()[0]) if cell != "-" else 0.0


if __name__ == "__main__":
    PAGE.write_text(filled(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    README.write_text(readme(README.read_text(encoding="utf-8")), encoding="utf-8")
