"""Choose hyper-parameters on development data of the tasks seen so far, never on evaluation data.

A trial trains a method through the whole stream, with seeds of its own. After each task it looks at the development
sets of the tasks met so far, and at nothing else: its score is the average incremental EER (or accuracy, where the
classes are not fake and genuine), the mean over all moments of the mean over the tasks seen until then. The best score
is chosen. Every method has the same number of trials; Optuna's tree-structured Parzen estimator suggests them.

The model is the continual hyper-parameter framework of De Lange et al. (A continual learning survey, TPAMI 2021,
doi:10.1109/TPAMI.2021.3057446), also in FACIL (Masana et al., TPAMI 2022, doi:10.1109/TPAMI.2022.3213473): no future
data. Deviation: they choose anew for each task, from the new task's data; here one setting serves the whole stream.
"""

import hashlib
import json
import multiprocessing
import os
import threading
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from rawm import checksums, paths
from rawm.code_hash import code_hash
from rawm.detectors.scoring import measured
from rawm.errors import Diverged, UserError
from rawm.files import csv, read_json, sha256, write_json, write_text
from rawm.methods import build as build_method
from rawm.metrics.measure import EER
from rawm.progress import track
from rawm.study import jobs
from rawm.study.searches import Search, chosen_space, extremes
from rawm.tasks.loading import load_split
from rawm.training import suggestions
from rawm.training.chosen_values import chosen_file
from rawm.training.loop import fit
from rawm.training.task import extend, task_of, untrained

if TYPE_CHECKING:
    from optuna import Study as OptunaStudy


def tune(search: Search, methods: Iterable[str], workers: int, device: str) -> dict[str, list[dict[str, Any]]]:
    """Run the missing trials, and write each method's table and its file with the best values.

    Returns:
        Method -> its trials, best first.
    """
    folder = paths.tuning(search.name)
    with _locked(search):
        studies = {method: suggestions.open_study(search, study_name(search, method)) for method in methods}
        for method, study in studies.items():
            _require_same(search, method, study)
        there = sum(min(len(suggestions.finished(study)), search.settings.trials) for study in studies.values())
        there -= sum(len(_lost(search, method, study)) for method, study in studies.items())
        total = search.settings.trials * len(studies)
        title = f"{search.name}: trials ({there} of {total} there already)"
        for _ in track(_run_all(search, studies, workers, device), title, total - there):
            pass
        results = {method: ranked(search, study) for method, study in studies.items()}
        for method, ranking in results.items():
            write_text(folder / f"{method}.csv", csv(_rows(search, method, ranking)))
            if ranking[0]["score"] is not None:
                write_text(folder / f"{method}.yaml", chosen_file(search, method, ranking))
    return results


@contextmanager
def _locked(search: Search) -> Iterator[None]:
    """Hold the search's lock; two processes would train the same trials."""
    from filelock import FileLock, Timeout

    path = paths.tuning(search.name) / ".lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(path, timeout=0):
            yield
    except Timeout:
        raise UserError(f"{path}: another `rawm tune {search.name}` is running; wait for it or stop it") from None


@dataclass
class _Running:
    """A trial that is being trained; `done` holds seed -> what `_timed` returned."""

    method: str
    number: int
    values: dict[str, Any]
    done: dict[int, tuple[list[list[float | None]], float, float]] = field(default_factory=dict)


def _run_all(search: Search, studies: "dict[str, OptunaStudy]", workers: int, device: str) -> Iterator[None]:
    """Train what is missing, trials of all methods side by side; yield once per finished trial."""
    waiting: dict[Future, tuple[_Running, int]] = {}  # -> trial, seed
    pool = ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"), _prepare_worker)

    def submit(method: str, trials: list[tuple[int, dict[str, Any]]]) -> None:
        for number, values in trials:
            trial = _Running(method, number, values)
            for seed in search.settings.seeds:
                waiting[pool.submit(_timed, search, method, values, seed, device)] = trial, seed

    try:
        for method, study in studies.items():
            submit(method, [*_lost(search, method, study), *suggestions.next_round(search, method, study)])
        while waiting:
            for job in wait(waiting, return_when=FIRST_COMPLETED).done:
                trial, seed = waiting.pop(job)
                trial.done[seed] = job.result()
                if len(trial.done) == len(search.settings.seeds):
                    _finish(search, studies[trial.method], trial)
                    yield
                    if not any(other.method == trial.method for other, _ in waiting.values()):
                        submit(trial.method, suggestions.next_round(search, trial.method, studies[trial.method]))
    finally:
        pool.shutdown(cancel_futures=True)


def _lost(search: Search, method: str, study: "OptunaStudy") -> list[tuple[int, dict[str, Any]]]:
    """Numbers and values of finished trials whose files were deleted."""
    trials = [
        (trial.number, suggestions.restored(search.spaces[method], trial.params))
        for trial in suggestions.finished(study)[: search.settings.trials]
        if not trial_path(search, study, trial.number).is_file()
    ]
    return [(number, values) for number, values in trials if values is not None]


def _require_same(search: Search, method: str, study: "OptunaStudy") -> None:
    """Raise UserError where Optuna's journal has other values than the files of its trials, which have checksums."""
    for trial in suggestions.finished(study)[: search.settings.trials]:
        path = trial_path(search, study, trial.number)
        if not path.is_file():
            continue
        result = _read_trial(path)
        values = suggestions.restored(search.spaces[method], trial.params)
        if values != result["values"] or trial.value != _told(search, result["score"]):
            journal = suggestions.journal_of(search)
            raise UserError(
                f"{journal}: says of trial {trial.number} of {method} something else than {path}; delete "
                f"{journal.parent} and run `rawm tune {search.name}` again"
            )


def _read_trial(path: Path) -> dict[str, Any]:
    try:
        return read_json(path)
    except ValueError as error:
        raise UserError(f"{path}: not readable ({error}); {checksums.remedy(path)}") from None


def _timed(*arguments: Any) -> tuple[list[list[float | None]], float, float]:
    """What `seen_tasks` returns, when it started, and the seconds that it took."""
    started = time.time()
    return seen_tasks(*arguments), started, time.time() - started


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


def _finish(search: Search, study: "OptunaStudy", trial: _Running) -> None:
    """Write a trial's result, and tell Optuna its score; one that diverged counts as all wrong."""
    matrices, started, seconds = zip(*(trial.done[seed] for seed in search.settings.seeds), strict=True)
    result = {
        "search": search.name,
        "method": trial.method,
        "values": trial.values,
        "score": score(matrices),
        "seeds": search.settings.seeds,
        "tasks": [task.name for task in search.study.tasks],
        "measure": search.study.measure.name,
        search.study.measure.dev: matrices,
        "started": min(started),
        "seconds": round(sum(seconds), 3),
    }
    write_json(trial_path(search, study, trial.number), result)
    study.tell(trial.number, _told(search, result["score"]), skip_if_finished=True)


def _told(search: Search, score: float | None) -> float:
    """The score of a trial as Optuna gets it."""
    worst = 100.0 if search.study.measure is EER else 0.0
    return worst if score is None else score


def trial_path(search: Search, study: "OptunaStudy", number: int) -> Path:
    """File of a trial's result."""
    return paths.tuning(search.name) / "trials" / study.study_name / f"{number}.json"


def study_name(search: Search, method: str) -> str:
    """Optuna's name of the trials of a method that a trial of today would equal."""
    return f"{method}-{key_of(search, method)}"


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
        "round": suggestions.ROUND,
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
    learner, training = build_method(study.methods[method], study.classes_after(1)), study.training(method)
    detector, rows, devs = None, [], []
    for number in range(1, len(study.tasks) + 1):
        task = task_of(study, number, seed, learner, training, where)
        detector = detector or untrained(study, seed, task.train)
        if (classes := study.classes_after(number)) != learner.classes:
            extend(detector, study, number, seed)
            memory, learner = learner.state(), build_method(study.methods[method], classes)
            learner.load(memory)
        devs.append(load_split(study, number, "dev", seed))
        dev = devs[-1] if training.checkpoint == "best_dev" else None
        try:
            fit(detector, learner, task, training, dev=dev, measure=measure)
            rows.append([measured(detector, dev, where, measure) for dev in devs])
        except Diverged:
            return [*rows, *([None] * (n + 1) for n in range(len(rows), len(study.tasks)))]
    return rows


def score(matrices: Iterable[list[list[float | None]]]) -> float | None:
    """Mean over seeds of the mean over rows of each row's mean, in percent; None where a trial diverged."""
    means = []
    for rows in matrices:
        for row in rows:
            values = [value for value in row if value is not None]
            if not values:
                return None
            means.append(sum(values) / len(values))
    return sum(means) / len(means)


def ranked(search: Search, study: "OptunaStudy") -> list[dict[str, Any]]:
    """Results of a method's trials, best first, diverged ones last; ties in the order in which they were asked."""
    trials = suggestions.finished(study)[: search.settings.trials]
    results = [_read_trial(trial_path(search, study, t.number)) for t in trials]
    errors = search.study.measure.errors
    return sorted(results, key=lambda result: (result["score"] is None, errors(result["score"] or 0.0)))


def _rows(search: Search, method: str, ranking: list[dict[str, Any]]) -> list[dict[str, Any]]:
    name = f"average_incremental_{search.study.measure.name}"
    return [
        {key: result["values"].get(key) for key in search.spaces[method]}
        | {name: result["score"], "seconds": result["seconds"]}
        for result in ranking
    ]
