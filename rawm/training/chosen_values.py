"""What a search has chosen: shown on the screen, with values at the edge of their range, and written to files."""

import json
import math
import re
from pathlib import Path
from typing import Any

import yaml

from rawm import paths
from rawm.config.files import file_of
from rawm.config.methods import MethodFile
from rawm.config.reading import parse, read_yaml
from rawm.config.search import Range
from rawm.errors import UserError
from rawm.files import write_text
from rawm.metrics.measure import MEASURES
from rawm.study.searches import Search, changed, chosen_space

EDGE = 0.05  # share of a range that counts as its edge
SHOWN = 10  # trials of one method on the screen; the CSV file has all


def edges(search: Search, method: str, values: dict[str, Any]) -> list[str]:
    """A sentence about each value at an edge of its range: within 5 % of it, on its own scale."""
    sentences = []
    for key, space in search.spaces[method].items():
        chosen = chosen_space(space, values)
        if not isinstance(chosen, Range):
            continue
        low, high, value = (_on_scale(chosen, number) for number in (chosen.low, chosen.high, values[key]))
        for end, distance in ((chosen.low, value - low), (chosen.high, high - value)):
            if distance <= EDGE * (high - low):
                message = f"{method}: {key} = {values[key]} is at the edge of its range, {end}; widen it in the search"
                sentences.append(message)
    return sentences


def _on_scale(space: Range, value: float) -> float:
    if space.scale == "log_complement":
        return -math.log(1 - value)
    return math.log(value) if space.scale == "log" else value


def show(search: Search, results: dict[str, list[dict[str, Any]]]) -> None:
    """Print each method's best trials, and which of the best values are at the edge of their range."""
    from rich.console import Console
    from rich.table import Table

    measured_by = MEASURES[search.study.measure.name].title
    for method, ranking in results.items():
        title = f"{method}: average incremental {measured_by} on development data (%), best of {len(ranking)} trials"
        table = Table(title=title)
        for column in (*search.spaces[method], measured_by):
            table.add_column(column, justify="right")
        for result in ranking[:SHOWN]:
            shown = "diverged" if result["score"] is None else f"{result['score']:.2f}"
            table.add_row(*(str(result["values"].get(key, "")) for key in search.spaces[method]), shown)
        Console().print(table)
    for method, ranking in results.items():
        if ranking[0]["score"] is not None:
            for sentence in edges(search, method, ranking[0]["values"]):
                print(sentence)


def write_chosen(search: str, results: dict[str, list[dict[str, Any]]]) -> list[Path]:
    """Overwrite files of config/methods/ by the chosen ones; return their paths."""
    written = []
    for method in results:
        chosen = paths.tuning(search) / f"{method}.yaml"
        if chosen.is_file():
            write_text(paths.CONFIG / "methods" / chosen.name, chosen.read_text(encoding="utf-8"))
            written.append(paths.CONFIG / "methods" / chosen.name)
    return written


def chosen_file(search: Search, method: str, ranking: list[dict[str, Any]]) -> str:
    """The method's file with the best trial's values, and a note that says how they were chosen."""
    best = ranking[0]
    seeds = " and ".join(map(str, search.settings.seeds))
    note = (
        f"Chosen by `rawm tune {search.name}` on the development data of the tasks seen so far, the best of "
        f"{len(ranking)} trials with seeds {seeds}; average incremental {search.study.measure.title} "
        f"{best['score']:.1f} %."
    )
    path = file_of("methods", method)
    text = path.read_text(encoding="utf-8")
    for key, value in (best["values"] | {"note": note}).items():
        text = _replaced(text, key, value)
    wanted = parse(changed(read_yaml(path), best["values"] | {"note": note}), MethodFile, path)
    if parse(yaml.safe_load(text), MethodFile, path) != wanted:
        raise UserError(f"{path}: its layout is not understood; put these values in by hand: {best['values']}")
    return text


def _replaced(text: str, key: str, value: Any) -> str:
    """Replace one value in a YAML text, keeping its comment, or add it at the end of its section."""
    *section, last = key.split(".")
    shown = json.dumps(value, ensure_ascii=False) if not isinstance(value, str) else value
    lines = text.rstrip("\n").split("\n")
    indent, start, end = "", 0, len(lines)
    if section:
        indent = "  "
        if f"{section[0]}:" not in lines:
            note = next((i for i, line in enumerate(lines) if line.startswith("note:")), len(lines))
            lines.insert(note, f"{section[0]}:")
        start = lines.index(f"{section[0]}:") + 1
        end = next((i for i in range(start, len(lines)) if not lines[i].startswith(" ")), len(lines))
    for index in range(start, end):
        if found := re.match(rf"{indent}{re.escape(last)}:[^#]*?(\s+#.*)?$", lines[index]):
            comment = (found[1] or "").strip()
            column = lines[index].index(comment) if comment else 0
            lines[index] = f"{indent}{last}: {shown}".ljust(column - 1) + f" {comment}".rstrip()
            break
    else:
        lines.insert(end, f"{indent}{last}: {shown}")
    return "\n".join(lines) + "\n"
