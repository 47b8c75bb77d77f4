"""Uncertainty of a study's results: intervals, paired differences and ranks, from stored scores.

Everything is computed from resamples of the evaluation utterances and of the seeds (`rawm.metrics.intervals`), the same
for every checkpoint, method and seed, and from tests over (task, seed) blocks (`rawm.metrics.ranking`).
"""

from concurrent.futures import ThreadPoolExecutor
from itertools import combinations
from typing import Any, NamedTuple

import numpy as np

from rawm import manifest, paths
from rawm.errors import UserError
from rawm.files import read_json, write_json
from rawm.metrics import continual, intervals, ranking
from rawm.metrics.measure import EER
from rawm.progress import track
from rawm.runs.results import Results
from rawm.runs.results import load as load_results
from rawm.runs.run import Run, make_command
from rawm.study import Study

RESAMPLES = 1000
LEVEL = 0.95
ALPHA = 0.05
FEWEST = 10  # groups; drawing from fewer says nothing about how groups differ
GROUPS = ("group", "speaker", "utterance")


class Evaluated(NamedTuple):
    """The evaluation utterances of a task: ids and classes in the order of the scores, (N,) each."""

    ids: np.ndarray
    labels: np.ndarray


def make(
    study: Study,
    resamples: int = RESAMPLES,
    seed: int = 0,
    level: float = LEVEL,
    groups: str = "group",
    threads: int = 1,
) -> None:
    """Write results/<study>/intervals.json; the same bytes for the same runs, whatever the number of threads.

    Args:
        resamples: how many; bounds of a 95 % interval are steady from 1,000 on.
        seed: of the random numbers.
        level: share of the resamples inside an interval.
        groups: what is drawn: the manifest's groups, its speakers, or single utterances (`GROUPS`). A task that has
            fewer than `FEWEST` of them is drawn by utterance.
        threads: runs that are resampled at a time.

    Raises:
        UserError: a run is not finished, or runs were evaluated on different utterances.
    """
    results = load_results(study)
    tasks = _evaluated(study, next(iter(results.runs.values())))
    groups_of = [_groups(study, number, task.ids, groups) for number, task in enumerate(tasks, 1)]
    draws = [
        intervals.draw(names, resamples, seed, task.labels.tolist() if study.measure is EER else None)
        for task, names in zip(tasks, groups_of, strict=True)
    ]

    def resample(run: Run) -> np.ndarray:
        return _resample(study, run, tasks, draws)

    with ThreadPoolExecutor(threads) as pool:
        done = track(pool.map(resample, results.runs.values()), f"{study.name} intervals", len(results.runs))
        samples = np.stack(list(done)).reshape(len(results.methods), len(results.seeds), *(resamples, *_shape(study)))
    weights = intervals.draw_seeds(results.seeds, resamples, seed)
    resampled = _scalars(results, samples)
    resampled = {
        key: None if values is None else np.einsum("msr,rs->mr", values, weights) for key, values in resampled.items()
    }
    observed = {method: _scalars(results, results.matrices(method)) for method in results.methods}
    content = {"resamples": resamples, "seed": seed, "level": level, "groups": _described(study, groups_of, groups)}
    content["methods"] = {
        method: {key: _estimate(observed[method][key], _row(resampled[key], index), level) for key in resampled}
        for index, method in enumerate(results.methods)
    }
    content["pairs"] = _pairs(results, content["methods"], resampled, level)
    content["ranks"] = _ranks(results)
    write_json(paths.intervals(study.name), content)


def load(study: Study) -> dict[str, Any]:
    """Read what `make` wrote; raises UserError where it is missing or has other methods."""
    path, command = paths.intervals(study.name), f"rawm intervals --study {study.name}"
    if not path.is_file():
        raise UserError(f"{path}: no such file; make it with `{command}`")
    try:
        content = read_json(path)
        methods = [str(name) for name in content["methods"]]
    except (ValueError, KeyError, TypeError):
        raise UserError(f"{path}: not the intervals of a study; make it again with `{command}`") from None
    if methods != study.settings.methods:
        raise UserError(
            f"{path}: is about the methods {', '.join(methods)}, but the study has "
            f"{', '.join(study.settings.methods)}; make it again with `{command}`"
        )
    return content


def bounds(study: Study) -> set[str]:
    """Labels of joint training, the upper bound, which is not compared."""
    return {label for label, method in study.methods.items() if method.algorithm == "joint"}


def _shape(study: Study) -> tuple[int, int]:
    return len(study.tasks) + 1, len(study.tasks)


def _scores(run: Run) -> dict[str, np.ndarray]:
    """The columns of a run's scores, checkpoint after checkpoint."""
    table = run.scores.sort_values(["task", "after"], kind="stable")
    return {name: table[name].to_numpy() for name in table.columns}


def _evaluated(study: Study, run: Run) -> list[Evaluated]:
    """The utterances of each task of the stream, as one run has them."""
    scores = _scores(run)
    here = [(scores["after"] == 0) & (scores["task"] == run.study.tasks.index(task) + 1) for task in study.tasks]
    return [Evaluated(scores["utterance_id"][rows], scores["label"][rows]) for rows in here]


def _groups(study: Study, number: int, ids: np.ndarray, column: str) -> list[str]:
    """The name of each utterance's group; its own where the column does not group the task's utterances."""
    if column not in GROUPS:
        raise UserError(f"groups: unknown column {column!r}; known: {', '.join(GROUPS)}")
    names: dict[str, str] = {}
    for corpus in study.task(number).corpora:
        rows = manifest.read(paths.manifest(corpus))
        values = rows.utterance_id if column == "utterance" else getattr(rows, column)
        for name, value in zip(rows.utterance_id, values, strict=True):
            names.setdefault(name, f"{corpus}/{name if value == '-' else value}")
    if missing := [name for name in ids if name not in names]:
        raise UserError(
            f"task {study.task(number).name}: {len(missing)} utterance(s) that were scored, first {missing[0]!r}, are "
            f"not in the manifests of its corpora; bring the runs up to date with `{make_command(study)}`"
        )
    results = [names[name] for name in ids]
    return results if len(set(results)) >= FEWEST else list(ids)


def _described(study: Study, groups_of: list[list[str]], column: str) -> str:
    """Describe the units that were resampled."""
    counts = [f"{task.name} {len(set(names))}/{len(names)}" for task, names in zip(study.tasks, groups_of, strict=True)]
    return f"by {column}; groups/utterances: {', '.join(counts)}"


def _resample(study: Study, run: Run, tasks: list[Evaluated], draws: list[intervals.Draws]) -> np.ndarray:
    """The matrix of a run on every resample in percent, (R, T + 1, T); raises UserError for other utterances."""
    scores = _scores(run)
    columns = []
    for number, met in enumerate(run.study.tasks, 1):
        index = study.tasks.index(met)
        task, resampled = tasks[index], draws[index]
        here = {name: values[scores["task"] == number] for name, values in scores.items()}
        for name, expected in (("utterance_id", task.ids), ("label", task.labels)):
            if not np.array_equal(here[name], np.tile(expected, len(tasks) + 1)):
                raise UserError(
                    f"{run.scores_path}: has other utterances of task {met.name} than the study's first run; "
                    f"bring the runs up to date with `{run.command}`"
                )
        rows = {name: values.reshape(len(tasks) + 1, -1) for name, values in here.items()}
        if study.measure is EER:
            columns.append(intervals.eer(rows["score"], task.labels == "genuine", resampled))
        else:
            columns.append(intervals.accuracy(rows["label"] == rows["predicted"], resampled))
    return 100 * np.stack(columns, axis=-1)


def _scalars(results: Results, matrices: np.ndarray) -> dict[str, Any]:
    """The numbers of a stack of matrices (..., T + 1, T) by key: those of a run, then each task's final value."""
    final = {f"{results.measure.name}_{name}": matrices[..., -1, column] for column, name in enumerate(results.names)}
    return continual.scalars(matrices, results.measure) | final


def _row(values: np.ndarray | None, index: int) -> np.ndarray | None:
    return None if values is None else values[index]


def _estimate(observed: np.ndarray | None, resampled: np.ndarray | None, level: float) -> dict[str, float | None]:
    """Mean over seeds (S,) and the interval of its resamples (R,); None for a number that does not exist."""
    if observed is None or resampled is None:
        return {"value": None, "low": None, "high": None}
    low, high = intervals.interval(resampled, level)
    return {"value": float(observed.mean()), "low": float(low), "high": float(high)}


def _pairs(results: Results, methods: dict[str, Any], resampled: dict[str, Any], level: float) -> list[dict[str, Any]]:
    """Every two methods' paired difference in average and in forgetting; p values are also adjusted per metric."""
    measure = results.measure
    errors = {method: measure.errors(results.matrices(method)) for method in results.methods}
    blocks = {
        measure.average: {method: matrices[:, -1].ravel() for method, matrices in errors.items()},
        measure.forgetting: {method: continual.forgetting_by_task(m).ravel() for method, m in errors.items()},
    }
    lower = {metric.key: metric.lower_is_better for metric in measure.metrics}
    rows = []
    for metric in (key for key in blocks if resampled[key] is not None):
        tested = []
        for (one, first), (other, second) in combinations(enumerate(results.methods), 2):
            pair = [resampled[metric][one], resampled[metric][other]]
            low, high = intervals.interval(pair[0] - pair[1], level)
            tested.append(
                {
                    "first": first,
                    "second": second,
                    "metric": metric,
                    "difference": methods[first][metric]["value"] - methods[second][metric]["value"],
                    "low": float(low),
                    "high": float(high),
                    "probability": ranking.share_better(*(pair if lower[metric] else pair[::-1])),
                    "wilcoxon_p": ranking.wilcoxon(blocks[metric][first], blocks[metric][second]),
                }
            )
        adjusted = ranking.holm([row["wilcoxon_p"] for row in tested])
        rows += [row | {"holm_p": p} for row, p in zip(tested, adjusted, strict=True)]
    return rows


def _ranks(results: Results) -> dict[str, Any]:
    """Ranks of the methods by their final error on each task of each seed, the upper bound aside."""
    methods = [method for method in results.methods if method not in bounds(results.study)]
    errors = np.array([results.measure.errors(results.matrices(method))[:, -1].ravel() for method in methods]).T
    blocks = len(errors)
    ranks = dict(zip(methods, ranking.mean_ranks(errors).tolist(), strict=True)) if methods else {}
    testable = len(methods) > 1 and blocks > 1
    difference = ranking.critical_difference(len(methods), blocks, ALPHA) if testable else None
    return {
        "friedman_p": ranking.friedman(errors) if testable else None,
        "critical_difference": difference,
        "alpha": ALPHA,
        "mean_ranks": ranks,
        "blocks": blocks,
        "cliques": ranking.cliques(ranks, difference) if difference is not None else [],
    }
