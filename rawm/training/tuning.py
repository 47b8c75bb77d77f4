"""Choose hyper-parameters on development data of the tasks seen so far, never on evaluation data.

A trial trains a method through the whole stream, with seeds of its own. After each task it looks at the development
sets of the tasks met so far, and at nothing else: its score is the average incremental EER (or accuracy, where the
classes are not fake and genuine), the mean over all moments of the mean over the tasks seen until then. The best score
is chosen. Every method has the same number of trials; Optuna's tree-structured Parzen estimator suggests them.

Trials are asked in rounds, and each suggestion has a seed of its own, so that neither the number of workers nor an
interruption changes what is tried. Optuna's journal and one JSON file a trial are the memory of a search.

The model is the continual hyper-parameter framework of De Lange et al. (A continual learning survey, TPAMI 2021,
doi:10.1109/TPAMI.2021.3057446), also in FACIL (Masana et al., TPAMI 2022, doi:10.1109/TPAMI.2022.3213473): no future
data. Deviation: they choose anew for each task, from the new task's data; here one setting serves the whole stream.
"""

import hashlib
import json
import math
import multiprocessing
import os
import re
import threading
import time
import warnings
from collections import defaultdict
from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from contextlib import contextmanager
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
import yaml

from rawm import paths
from rawm.code_hash import code_hash
from rawm.config.methods import MethodFile
from rawm.config.reading import parse, read_yaml
from rawm.config.search import Range, Space
from rawm.detectors.scoring import measured
from rawm.errors import Diverged, UserError
from rawm.files import csv, sha256, write_json, write_text
from rawm.methods import build as build_method
from rawm.metrics.measure import EER, MEASURES
from rawm.progress import track
from rawm.seeding import derive
from rawm.study import jobs
from rawm.study.searches import Search, changed, chosen_space, extremes
from rawm.tasks.loading import load_split
from rawm.training.loop import fit
from rawm.training.task import task_of, untrained

if TYPE_CHECKING:
    from optuna import Study as OptunaStudy
    from optuna import Trial
    from optuna.trial import FrozenTrial

ROUND = 4  # trials of one method that are asked before the first of them is finished
EDGE = 0.05  # share of a range that counts as its edge
SHOWN = 10  # trials of one method on the screen; the CSV file has all


def tune(search: Search, methods: Iterable[str], workers: int, device: str) -> dict[str, list[dict[str, Any]]]:
    """Run the missing trials, and write each method's table and its file with the best values.

    Returns:
        Method -> its trials, best first.
    """
    with _alone(search):
        return _tune(search, methods, workers, device)


@contextmanager
def _alone(search: Search) -> Iterator[None]:
    """Hold the search's lock; two processes would train the same trials."""
    from filelock import FileLock, Timeout

    path = paths.tuning(search.name) / ".lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(path, timeout=0):
            yield
    except Timeout:
        raise UserError(f"{path}: another `rawm tune {search.name}` is running; wait for it or stop it") from None


def _tune(search: Search, methods: Iterable[str], workers: int, device: str) -> dict[str, list[dict[str, Any]]]:
    studies = {method: open_study(search, method) for method in methods}
    finished = sum(min(len(_finished(study)), search.settings.trials) for study in studies.values())
    total = search.settings.trials * len(studies)
    title = f"{search.name}: trials ({finished} of {total} there already)"
    for _ in track(_run_all(search, studies, workers, device), title, total - finished):
        pass
    results = {method: ranked(search, method, study) for method, study in studies.items()}
    for method, ranking in results.items():
        folder = paths.tuning(search.name)
        write_text(folder / f"{method}.csv", csv(_rows(search, method, ranking)))
        if ranking[0]["score"] is not None:
            write_text(folder / f"{method}.yaml", chosen_file(search, method, ranking))
    return results


def open_study(search: Search, method: str) -> "OptunaStudy":
    """Optuna's memory of a method's trials, of those alone that a trial of today would equal."""
    import optuna
    from optuna.storages.journal import JournalFileBackend

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)
    backend = JournalFileBackend(str(paths.tuning(search.name) / "optuna.log"))
    return optuna.create_study(
        storage=optuna.storages.JournalStorage(backend),
        study_name=f"{method}-{key_of(search, method)}",
        direction="minimize" if search.study.measure is EER else "maximize",
        load_if_exists=True,
    )


def _finished(study: "OptunaStudy") -> "list[FrozenTrial]":
    return [trial for trial in study.get_trials(deepcopy=False) if trial.state.name == "COMPLETE"]


def _run_all(search: Search, studies: "dict[str, OptunaStudy]", workers: int, device: str) -> Iterator[None]:
    """Train what is missing, trials of all methods side by side; yield once per finished trial."""
    seeds = search.settings.seeds
    jobs_of: dict[Future, tuple[str, int, int]] = {}  # -> method, number of its trial, seed
    matrices: defaultdict[tuple[str, int], dict[int, Any]] = defaultdict(dict)
    started: dict[tuple[str, int], float] = {}
    values: dict[tuple[str, int], dict[str, Any]] = {}
    pool = ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"), _prepare_worker)

    def submit(method: str) -> None:
        for number, chosen in next_round(search, method, studies[method]):
            values[method, number], started[method, number] = chosen, time.time()
            for seed in seeds:
                jobs_of[pool.submit(_timed, search, method, chosen, seed, device)] = (method, number, seed)

    try:
        for method in studies:
            submit(method)
        while jobs_of:
            for job in wait(jobs_of, return_when=FIRST_COMPLETED).done:
                method, number, seed = jobs_of.pop(job)
                trial = method, number
                matrices[trial][seed] = job.result()
                if len(matrices[trial]) == len(seeds):
                    done = [matrices[trial][seed] for seed in seeds]
                    rows, seconds = [rows for rows, _ in done], sum(taken for _, taken in done)
                    _finish(search, studies[method], *trial, values[trial], rows, started[trial], seconds)
                    yield
                    if not any(other == method for other, *_ in jobs_of.values()):
                        submit(method)
    finally:
        pool.shutdown(cancel_futures=True)


def _timed(*arguments: Any) -> tuple[list[list[float | None]], float]:
    """What `seen_tasks` returns, and the seconds that it took."""
    started = time.time()
    return seen_tasks(*arguments), time.time() - started


def _prepare_worker() -> None:
    from rawm.training.eager import skip_compiler

    torch.set_num_threads(1)
    skip_compiler()
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """Stop this worker once `rawm tune` is gone, also where it was killed."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def next_round(search: Search, method: str, study: "OptunaStudy") -> list[tuple[int, dict[str, Any]]]:
    """Numbers and values of the trials to train next: those that were left running, and new ones to fill the round."""
    import optuna

    trials = []
    for trial in study.get_trials(deepcopy=False):
        if trial.state.name == "RUNNING" and values_of(search, method, trial.params) is None:
            study.tell(trial.number, state=optuna.trial.TrialState.FAIL)  # stopped while it was asked
        elif trial.state.name in ("RUNNING", "COMPLETE"):
            trials.append(trial)
    running = [(t.number, values_of(search, method, t.params)) for t in trials if t.state.name == "RUNNING"]
    asked = len(trials)
    while asked < search.settings.trials and (asked % ROUND or not running):
        study.sampler = optuna.samplers.TPESampler(
            multivariate=True,
            group=True,
            constant_liar=True,
            seed=derive(search.settings.seed, method, asked) % 2**32,
        )
        trial = study.ask()
        running.append((trial.number, suggested(trial, search.spaces[method])))
        asked += 1
    return [(number, values) for number, values in running if values is not None]


def suggested(trial: "Trial", spaces: dict[str, Space]) -> dict[str, Any]:
    """Ask Optuna for a value of each key, in their order."""
    values: dict[str, Any] = {}
    for key, space in spaces.items():
        chosen = chosen_space(space, values)
        name = _name(key, space, values)
        if isinstance(chosen, Range):
            values[key] = drawn(chosen, _number(trial, name, chosen))
        elif chosen is not None:
            values[key] = chosen[trial.suggest_categorical(name, range(len(chosen)))]
    return values


def values_of(search: Search, method: str, params: dict[str, Any]) -> dict[str, Any] | None:
    """The values that Optuna's parameters stand for; None where one is missing."""
    values: dict[str, Any] = {}
    for key, space in search.spaces[method].items():
        chosen, name = chosen_space(space, values), _name(key, space, values)
        if chosen is None:
            continue
        if name not in params:
            return None
        values[key] = drawn(chosen, params[name]) if isinstance(chosen, Range) else chosen[params[name]]
    return values


def _number(trial: "Trial", name: str, space: Range) -> float:
    """What Optuna suggests for a range; for log_complement it is 1 - value."""
    low, high = space.low, space.high
    if isinstance(low, int) and isinstance(high, int):
        return trial.suggest_int(name, low, high, log=space.scale == "log")
    if space.scale == "log_complement":
        low, high = 1 - high, 1 - low
    return trial.suggest_float(name, low, high, log=space.scale != "linear")


def drawn(space: Range, number: float) -> float:
    """The value to try, for Optuna's number: three significant digits, so that a file shows exactly what was tried."""
    short = float(f"{number:.3g}")
    if space.scale == "log_complement":
        return round(1 - short, 12)
    return int(short) if isinstance(number, int) else short


def _name(key: str, space: Space, values: dict[str, Any]) -> str:
    """Optuna's name of a key; the ranges of different cases are different parameters."""
    return key if isinstance(space, Range | list) else f"{key} ({space.by} = {values.get(space.by)})"


def _finish(
    search: Search,
    study: "OptunaStudy",
    method: str,
    number: int,
    values: dict[str, Any],
    matrices: list[list[list[float | None]]],
    started: float,
    seconds: float,
) -> None:
    """Write a trial's result, and tell Optuna its score; one that diverged counts as all wrong."""
    result = {
        "search": search.name,
        "method": method,
        "values": values,
        "score": score(matrices),
        "seeds": search.settings.seeds,
        "tasks": [task.name for task in search.study.tasks],
        "measure": search.study.measure.name,
        search.study.measure.dev: matrices,
        "started": started,
        "seconds": round(seconds, 3),
    }
    write_json(trial_path(search, study, number), result)
    worst = 100.0 if search.study.measure is EER else 0.0
    study.tell(number, worst if result["score"] is None else result["score"])


def trial_path(search: Search, study: "OptunaStudy", number: int) -> Path:
    """File of a trial's result."""
    return paths.tuning(search.name) / "trials" / study.study_name / f"{number}.json"


def key_of(search: Search, method: str) -> str:
    """Hash of what all trials of a method share: fixed values, ranges, code, and content of manifests and features."""
    spaces = search.spaces[method]
    first: dict[str, Any] = {}  # any values: the ranges count by themselves
    for key, space in spaces.items():
        if (chosen := chosen_space(space, first)) is not None:
            first[key] = extremes(chosen)[0]
    study = search.study_of(method, first)
    numbers = range(1, len(study.tasks) + 1)
    algorithm, detector = study.methods[method].algorithm, study.detector.type
    parts = {
        "spaces": {key: space if isinstance(space, list) else space.model_dump() for key, space in spaces.items()},
        "seeds": search.settings.seeds,
        "seed": search.settings.seed,
        "round": ROUND,
        "optuna": version("optuna"),
        "settings": [jobs.training_settings(study, method, number) for number in numbers],
        "code": code_hash(
            "rawm.training.tuning:seen_tasks",
            f"rawm.methods:METHODS[{algorithm}]",
            f"rawm.detectors:DETECTORS[{detector}]",
        ),
        "features_code": jobs.features_code(study.frontend),
        "inputs": {path: _content(Path(path)) for path in jobs.training_inputs(study, method, len(numbers))},
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


def seen_tasks(search: Search, method: str, values: dict[str, Any], seed: int, device: str) -> list[list[float | None]]:
    """Train a trial with one seed; row i holds EER or accuracy (%) on development data of tasks 1..i after task i.

    A detector whose weights are not finite any more has None from there on.
    """
    study, measure, where = search.study_of(method, values), search.study.measure, torch.device(device)
    learner, training = build_method(study.methods[method], study.classes), study.training(method)
    detector, rows, devs = None, [], []
    for number in range(1, len(study.tasks) + 1):
        task = task_of(study, number, seed, learner, training, where)
        detector = detector or untrained(study, seed, task.train)
        devs.append(load_split(study, number, "dev", seed))
        dev = devs[-1] if training.checkpoint == "best_dev" else None
        try:
            fit(detector, learner, task, training, dev=dev, measure=measure)
            rows.append([measured(detector, dev, where, measure) for dev in devs])
        except Diverged:
            return [*rows, *([None] * (n + 1) for n in range(len(rows), len(study.tasks)))]
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


def ranked(search: Search, method: str, study: "OptunaStudy") -> list[dict[str, Any]]:
    """Results of a method's trials, best first, diverged ones last; ties in the order in which they were asked."""
    finished = sorted(_finished(study), key=lambda trial: trial.number)[: search.settings.trials]
    results = [json.loads(trial_path(search, study, t.number).read_text(encoding="utf-8")) for t in finished]
    errors = search.study.measure.errors
    return sorted(results, key=lambda result: (result["score"] is None, errors(result["score"] or 0.0)))


def _rows(search: Search, method: str, ranking: list[dict[str, Any]]) -> list[dict[str, Any]]:
    name = f"average_incremental_{search.study.measure.name}"
    return [
        {key: result["values"].get(key) for key in search.spaces[method]}
        | {name: result["score"], "seconds": result["seconds"]}
        for result in ranking
    ]


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
        if found := re.match(rf"{indent}{re.escape(last)}:[^#]*?(\s+#.*)?$", lines[index]):
            comment = (found[1] or "").strip()
            column = lines[index].index(comment) if comment else 0
            lines[index] = f"{indent}{last}: {shown}".ljust(column - 1) + f" {comment}".rstrip()
            break
    else:
        lines.insert(end, f"{indent}{last}: {shown}")
    return "\n".join(lines) + "\n"
