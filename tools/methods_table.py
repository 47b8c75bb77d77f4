"""Fill the tables of docs/methods.md, docs/results.md and README.md: `python tools/methods_table.py`.

Sources: a method's class (memory, paper), `make bench` (results/bench.json: time of a step), and the finished studies
`STUDIES` (error rates). Where a source is missing, the page keeps its numbers. The
README shows some rows of docs/results.md.
"""

import csv
import json
import re
import statistics
from pathlib import Path

from marks import replaced

from rawm.methods import class_of
from rawm.runs.run import runs_of
from rawm.study import load_method, load_study

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "methods.md"
RESULTS = ROOT / "docs" / "results.md"
README = ROOT / "README.md"
BENCH = Path("results/bench.json")
STUDIES = ("open_speech_all", "open_speech", "open_speech_ablation")
COMPARISON = "results/{}/tables/comparison.csv"
INTERVALS = "results/{}/intervals.json"
METRICS = ("average_eer", "aulc_eer", "forgetting_eer_increase", "learning_eer", "fixed_threshold_error")
RESULTS_HEAD = (
    "| method | old samples | average EER | against RAWM | average incremental EER | forgetting | EER when learned "
    "| at task 1's threshold |\n|---|---|--:|--:|--:|--:|--:|--:|\n"
)
#: Mark in docs/results.md -> studies whose methods are shown there, the first that has a method counts.
SECTIONS = {
    "ablation": ("open_speech_ablation", "open_speech_parts"),
    "factors": ("open_speech_factors",),
    "lcnn": ("open_speech_lcnn",),
    "orders": ("open_speech_orders",),
    "attacks": ("open_speech_attacks",),
    "classes": ("open_speech_classes",),
    "watch": ("open_speech_watch",),
    "shots": ("open_speech_10_shots",),
}
#: Studies without and with augmented training data; each run of the second is compared with that of the first.
AUGMENTED = ("open_speech_all", "open_speech_augmented")
AUGMENTED_HEAD = (
    "| method | average EER | with copies | difference of each seed | forgetting | with copies |\n"
    "|---|--:|--:|---|--:|--:|\n"
)
SECTION_HEAD = (
    "| method | average {0} | average incremental {0} | forgetting | {0} when learned |\n|---|--:|--:|--:|--:|\n"
)
#: Utterances of the new corpus -> study of the mark `few` in docs/results.md.
FEW = {25: "open_speech_few_25", 100: "open_speech_few_100", 625: "open_speech_few_all"}
FEW_TASKS = ("eer_en_tts", "eer_fr_world")
#: Methods and columns of docs/results.md that the README shows.
README_METHODS = ("Joint", "Analytic (input)", "DER++", "RWM", "OWM", "RAWM (paper)", "RAWM", "Fine-tuning")
README_COLUMNS = (0, 1, 2, 4, 5)
HEAD = (
    "| file | old samples | numbers kept | step | average EER | average incremental EER | forgetting | from |\n"
    "|---|---|---|--:|--:|--:|--:|---|\n"
)


def shown() -> list[str]:
    """The methods of the open-speech studies; others are points of a sweep, or are for other classes."""
    return sorted({method for name in STUDIES for method in load_study(name, on_disk=False).methods})


def from_registry(label: str) -> tuple[str, str, str]:
    """Whether old samples are needed, what is kept, and the paper."""
    method = class_of(load_method(label).algorithm)
    old = "all of them" if method.uses_old_data else "M of them" if method.keeps_samples else "no"
    return old, method.memory, method.paper or "-"


def measured(label: str, ratios: dict[str, float], rows: dict[str, dict[str, str]]) -> list[str] | None:
    """Step over fine-tuning, average EER, average incremental EER and forgetting; None without results."""
    if not ratios and not rows:
        return None
    step = ratios.get(label, ratios.get(load_method(label).algorithm))
    cells = ["-" if step is None else f"{step:.1f}"]
    row = rows.get(label)
    return cells + (["-"] * 3 if row is None else [spread(row, name) for name in METRICS[:3]])


def spread(row: dict[str, str], name: str) -> str:
    """Mean and standard deviation of a number."""
    return f"{float(row[name + '_mean']):.1f} ± {float(row[name + '_std']):.1f}"


def shown_before(page: str) -> dict[str, list[str]]:
    """Method label -> the measured cells that the page shows now."""
    rows = re.findall(r"^\| `(\w+)` \|[^|]*\|[^|]*\|([^|]*)\|([^|]*)\|([^|]*)\|([^|]*)\|", page, re.MULTILINE)
    return {label: [cell.strip() for cell in cells] for label, *cells in rows}


def filled(page: str) -> str:
    """docs/methods.md with a new table."""
    ratios = next(iter(json.loads(BENCH.read_text()).values())) if BENCH.is_file() else {}
    rows, before, lines = comparison(*STUDIES), shown_before(page), []
    for label in shown():
        old, memory, paper = from_registry(label)
        cells = measured(label, ratios, rows) or before.get(label, ["-"] * 4)
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


def results(page: str) -> str:
    """docs/results.md with the numbers of the first finished study; unchanged without one."""
    study = next((name for name in STUDIES if Path(COMPARISON.format(name)).is_file()), None)
    if study is None:
        return page
    rows = sorted(comparison(study).values(), key=lambda row: float(row["average_eer_mean"]))
    intervals = json.loads(Path(INTERVALS.format(study)).read_text(encoding="utf-8"))
    lines = []
    for row in rows:
        average = intervals["methods"][row["method"]][METRICS[0]]
        shown = f"{average['value']:.1f} [{average['low']:.1f}, {average['high']:.1f}]"
        cells = [row["title"], kept(row["method"]), shown, against(row["method"], intervals["pairs"])]
        lines.append(f"| {' | '.join([*cells, *(spread(row, name) for name in METRICS[1:])])} |\n")
    return replaced(page, "table", RESULTS_HEAD + "".join(lines))


def sections(page: str) -> str:
    """docs/results.md with the tables of `SECTIONS`; those of studies that were not run stay as they are."""
    for mark, studies in SECTIONS.items():
        measure = load_study(studies[0], on_disk=False).measure
        names = (measure.average, f"aulc_{measure.name}", measure.forgetting, measure.learning)
        best_first = 1 if measure.lower_is_better else -1
        rows = sorted(comparison(*studies).values(), key=lambda row: best_first * float(row[f"{names[0]}_mean"]))
        if rows:
            lines = (f"| {row['title']} | {' | '.join(spread(row, name) for name in names)} |\n" for row in rows)
            page = replaced(page, mark, SECTION_HEAD.format(measure.title) + "".join(lines))
    return page


def few(page: str) -> str:
    """docs/results.md with the EER on the old and on the new corpus by number of utterances of the new one."""
    found = {number: comparison(study) for number, study in FEW.items()}
    if not all(found.values()):
        return page
    heads = [f"{corpus}, {number}" for number in FEW for corpus in ("old", "new")]
    lines = [f"| method | {' | '.join(heads)} |\n|---|{'--:|' * len(heads)}\n"]
    for label, row in found[25].items():
        cells = [spread(rows[label], task) for rows in found.values() for task in FEW_TASKS]
        lines.append(f"| {row['title']} | {' | '.join(cells)} |\n")
    return replaced(page, "few", "".join(lines))


def augmented(page: str) -> str:
    """docs/results.md with the table of augmentation; unchanged without both studies.

    The study without copies has more seeds; only those of the study with copies count.
    """
    runs = {
        name: {run.key.split("/", 1)[1]: run for run in runs_of(load_study(name, on_disk=False))} for name in AUGMENTED
    }
    plain, copies = runs.values()
    if not all(plain[key].is_finished and run.is_finished for key, run in copies.items()):
        return page
    lines = []
    for method in dict.fromkeys(run.method for run in copies.values()):
        keys = [key for key, run in copies.items() if run.method == method]
        cells = {
            name: [[side[key].metrics[name] for key in keys] for side in (plain, copies)] for name in METRICS[:3:2]
        }
        (before, after), forgotten = cells.values()
        differences = " ".join(f"{b - a:+.1f}" for a, b in zip(before, after, strict=True))
        shown = [_mean_std(before), _mean_std(after), differences, *map(_mean_std, forgotten)]
        lines.append(f"| {load_method(method).title or method} | {' | '.join(shown)} |\n")
    return replaced(page, "augmented", AUGMENTED_HEAD + "".join(lines))


def _mean_std(values: list[float]) -> str:
    return f"{statistics.mean(values):.1f} ± {statistics.stdev(values):.1f}"


def readme(page: str, results_page: str) -> str:
    """The README with its rows and columns of docs/results.md."""
    first = results_page.partition("<!-- table: end -->")[0]
    lines = [line for line in first.splitlines() if line.startswith("|")]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    shown = [row for number, row in enumerate(rows) if number < 2 or row[0] in README_METHODS]
    table = [f"| {' | '.join(row[column] for column in README_COLUMNS)} |\n" for row in shown]
    table[1] = table[1].replace(" ", "")
    return replaced(page, "table", "".join(table))


def against(label: str, pairs: list[dict], other: str = "rawm") -> str:
    """Paired difference in average EER with its interval; ≈ in front where the interval contains 0."""
    for pair in pairs:
        ends = pair["difference"], pair["low"], pair["high"]
        if pair["metric"] != METRICS[0] or {pair["first"], pair["second"]} != {label, other}:
            continue
        difference, low, high = ends if pair["first"] == label else (-ends[0], -ends[2], -ends[1])
        alike = "≈ " if low <= 0 <= high else ""
        return f"{alike}{difference:+.1f} [{low:+.1f}, {high:+.1f}]"
    return "-"


def kept(label: str) -> str:
    """How many old samples a method keeps."""
    settings = load_method(label)
    method = class_of(settings.algorithm)
    return "all" if method.uses_old_data else str(settings.capacity) if method.keeps_samples else "none"


def _number(cell: str) -> float:
    return float(cell.split()[0]) if cell != "-" else 0.0


if __name__ == "__main__":
    PAGE.write_text(filled(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    page = RESULTS.read_text(encoding="utf-8")
    for fill in (results, sections, few, augmented):
        page = fill(page)
    RESULTS.write_text(page, encoding="utf-8")
    README.write_text(readme(README.read_text(encoding="utf-8"), page), encoding="utf-8")
