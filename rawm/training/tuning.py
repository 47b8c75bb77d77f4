"""Choose hyper-parameters on development data of the tasks seen so far, never on evaluation data.

A trial trains a method through the whole stream, with seeds of its own. After each task it looks at the development
sets of the tasks met so far, and at nothing else: its score is the average incremental EER (or accuracy, where the
classes are not fake and genuine), the mean over all moments of the mean over the tasks seen until then. The best score
is chosen.

The model is the continual hyper-parameter framework of De Lange et al. (A continual learning survey, TPAMI 2021,
doi:10.1109/TPAMI.2021.3057446), also in FACIL (Masana et al., TPAMI 2022, doi:10.1109/TPAMI.2022.3213473): no future
data. Deviation: they choose anew for each task, from the new task's data; here one setting serves the whole stream.
"""

import hashlib
import json
import multiprocessing
import re
import time
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any

import torch
import yaml

from rawm import paths
from rawm.code_hash import code_hash
from rawm.config.methods import MethodFile
from rawm.config.reading import parse, read_yaml
from rawm.detectors.scoring import measured
from rawm.errors import UserError
from rawm.files import csv, sha256, write_json, write_text
from rawm.methods import build as build_method
from rawm.metrics.measure import MEASURES
from rawm.progress import track
from rawm.study import jobs
from rawm.study.searches import Search, Trial, changed
from rawm.tasks.loading import load_split
from rawm.training.loop import Diverged, fit
from rawm.training.task import task_of, untrained


def tune(search: Search, methods: Iterable[str], workers: int, device: str) -> dict[str, list[dict[str, Any]]]:
    """Run the missing trials, and write each method's table and its file with the best values.

    Returns:
        Method -> its trials, best first.
    """
    trials = [trial for method in methods for trial in search.trials[method]]
    missing = [trial for trial in trials if not trial_path(search, trial).is_file()]
    title = f"{search.name}: trials ({len(trials) - len(missing)} of {len(trials)} there already)"
    for _ in track(_run_all(search, missing, workers, device), title, len(missing)):
        pass
    results = {method: ranked(search, method) for method in methods}
    for method, ranking in results.items():
        folder = paths.tuning(search.name)
        write_text(folder / f"{method}.csv", csv([_row(result) for result in ranking]))
        if ranking[0]["score"] is not None:
            write_text(folder / f"{method}.yaml", chosen_file(search, method, ranking))
    return results


def _run_all(search: Search, trials: list[Trial], workers: int, device: str) -> Iterable[None]:
    if workers == 1:
        for trial in trials:
            yield run_trial(search, trial, device)
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, context, _prepare_worker) as pool:
        yield from pool.map(run_trial, *zip(*((search, trial, device) for trial in trials), strict=True))


def _prepare_worker() -> None:
    from rawm.training.eager import skip_compiler

    torch.set_num_threads(1)
    skip_compiler()


def key_of(search: Search, trial: Trial) -> str:
    """Hash of everything that a trial's result depends on: values, code, and the content of manifests and features."""
    study = search.study_of(trial)
    numbers = range(1, len(study.tasks) + 1)
    method, detector = trial.settings.algorithm, study.detector.type
    parts = {
        "values": trial.values,
        "seeds": search.settings.seeds,
        "settings": [jobs.training_settings(study, trial.method, number) for number in numbers],
        "code": code_hash(
            "rawm.training.tuning:run_trial", f"rawm.methods:METHODS[{method}]", f"rawm.detectors:DETECTORS[{detector}]"
        ),
        "features_code": jobs.features_code(study.frontend),
        "inputs": {path: _content(Path(path)) for path in jobs.training_inputs(study, trial.method, len(numbers))},
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]


def _content(path: Path) -> str:
    """Hash of a file, computed once as long as it stays as it is; raises UserError where there is none."""
    try:
        about = path.stat()
    except FileNotFoundError:
        raise UserError(f"{path}: no such file; make it with `snakemake --cores 2 {path}`") from None
    return _hashed(path, about.st_mtime_ns, about.st_size)


@cache
def _hashed(path: Path, modified: int, size: int) -> str:
    return sha256(path)


def trial_path(search: Search, trial: Trial) -> Path:
    """File of a trial's result."""
    return paths.tuning(search.name) / trial.method / f"{key_of(search, trial)}.json"


def run_trial(search: Search, trial: Trial, device: str) -> None:
    """Train one trial with every seed, and write its result."""
    started = time.time()
    matrices = [seen_tasks(search, trial, seed, torch.device(device)) for seed in search.settings.seeds]
    result = {
        "search": search.name,
        "method": trial.method,
        "values": trial.values,
        "score": score(matrices),
        "seeds": search.settings.seeds,
        "tasks": [task.name for task in search.study.tasks],
        "measure": search.study.measure.name,
        search.study.measure.dev: matrices,
        "started": started,
        "seconds": round(time.time() - started, 3),
    }
    write_json(trial_path(search, trial), result)


def seen_tasks(search: Search, trial: Trial, seed: int, device: torch.device) -> list[list[float | None]]:
    """Train a trial with one seed; row i holds EER or accuracy (%) on development data of tasks 1..i after task i.

    A detector whose weights are not finite any more has None from there on.
    """
    study, measure = search.study_of(trial), search.study.measure
    learner, training = build_method(trial.settings, study.classes), study.training(trial.method)
    detector, rows, devs = None, [], []
    for number in range(1, len(study.tasks) + 1):
        task = task_of(study, number, seed, learner, training, device)
        detector = detector or untrained(study, seed, task.train)
        devs.append(load_split(study, number, "dev", seed))
        dev = devs[-1] if training.checkpoint == "best_dev" else None
        try:
            fit(detector, learner, task, training, dev=dev, measure=measure)
        except Diverged:
            return [*rows, *([None] * (n + 1) for n in range(len(rows), len(study.tasks)))]
        rows.append([measured(detector, dev, device, measure) for dev in devs])
    return rows


def score(matrices: list[list[list[float | None]]]) -> float | None:
    """Mean over seeds of the mean over rows of each row's mean, in percent; None where a trial diverged."""
    means = []
    for rows in matrices:
        for row in rows:
            values = [value for value in row if value is not None]
            if not values:
                return None
            means.append(sum(values) / len(values))
    return sum(means) / len(means)


def ranked(search: Search, method: str) -> list[dict[str, Any]]:
    """Results of a method's trials, best first, diverged ones last; ties in the order of the grid."""
    results = [json.loads(trial_path(search, trial).read_text(encoding="utf-8")) for trial in search.trials[method]]
    errors = search.study.measure.errors
    return sorted(results, key=lambda result: (result["score"] is None, errors(result["score"] or 0.0)))


def _row(result: dict[str, Any]) -> dict[str, Any]:
    name = f"average_incremental_{result['measure']}"
    return result["values"] | {name: result["score"], "seconds": result["seconds"]}


def show(results: dict[str, list[dict[str, Any]]]) -> None:
    """Print each method's trials, best first."""
    from rich.console import Console
    from rich.table import Table

    for method, ranking in results.items():
        measured_by = MEASURES[ranking[0]["measure"]].title
        table = Table(title=f"{method}: average incremental {measured_by} on development data (%)")
        for column in (*ranking[0]["values"], measured_by):
            table.add_column(column, justify="right")
        for result in ranking:
            shown = "diverged" if result["score"] is None else f"{result['score']:.2f}"
            table.add_row(*map(str, result["values"].values()), shown)
        Console().print(table)


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
    path = paths.CONFIG / "methods" / f"{method}.yaml"
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
        if results := re.match(rf"{indent}{re.escape(last)}:[^#]*?(\s+#.*)?$", lines[index]):
            lines[index] = f"{indent}{last}: {shown}{results[1] or ''}"
            break
    else:
        lines.insert(end, f"{indent}{last}: {shown}")
    return "\n".join(lines) + "\n"
