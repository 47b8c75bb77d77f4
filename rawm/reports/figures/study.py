"""All figures of a study from the files of its finished runs; nothing is trained or scored again."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from rawm.metrics.measure import EER
from rawm.reports.figures import (
    calibration,
    comparison,
    confusion,
    critical_difference,
    det,
    embeddings,
    matrix,
    projectors,
    stream,
    style,
    subspaces,
)
from rawm.runs import uncertainty
from rawm.runs.results import Results, confusions
from rawm.runs.results import load as load_results
from rawm.runs.run import Run
from rawm.runs.spectra import spectra as spectra_of
from rawm.study import Study

FRAMES = 50_000  # most feature vectors of a task whose subspace is computed
SHOWN = 200  # most utterances of a task whose embeddings are shown


def _matrices(results: Results) -> Figure:
    def means(of: Callable[[str], np.ndarray]) -> dict[str, np.ndarray]:
        return {results.titles[method]: of(method).mean(axis=0) for method in results.methods}

    watched = means(results.watched_matrices), results.watched
    return matrix.matrices(means(results.matrices), results.tasks, len(results.seeds), results.measure, *watched)


def _stream(results: Results) -> Figure:
    matrices = {
        method: np.concatenate([results.matrices(method), results.watched_matrices(method)], axis=2)
        for method in results.methods
    }
    return stream.stream(matrices, results.titles, results.tasks, results.measure, results.watched)


def _average(results: Results) -> Figure:
    return stream.average(_each(results, results.measure.average_after_task), results.titles, results.measure)


def _comparison(results: Results) -> Figure:
    estimates = uncertainty.load(results.study)["methods"]

    def side(metric: str) -> comparison.Side:
        values = {method: results.values(method, metric) for method in results.methods}
        return comparison.Side(values, {method: estimates[method][metric] for method in results.methods})

    average, forgetting = side(results.measure.average), side(results.measure.forgetting)
    return comparison.comparison(average, forgetting, results.titles, results.measure)


def _critical_difference(results: Results) -> Figure:
    return critical_difference.critical_difference(uncertainty.load(results.study)["ranks"], results.titles)


def _learning_vs_forgetting(results: Results) -> Figure:
    learning, forgetting = (
        _each(results, results.measure.learning),
        _each(results, results.measure.forgetting),
    )
    return comparison.learning_vs_forgetting(learning, forgetting, results.titles, results.measure)


def _confusion(results: Results) -> Figure:
    if results.study.detects_fakes:
        return style.message("Confusions are of several classes; fake and genuine speech have DET curves.")
    classes, shares = results.study.classes, {}
    for method in results.methods:
        counts = np.stack([confusions(results.runs[method, seed], classes)[-1] for seed in results.seeds])
        totals = counts.sum(2, keepdims=True)
        shares[results.titles[method]] = (100 * counts / np.where(totals, totals, np.nan)).mean(0)
    return confusion.confusion(shares, classes, len(results.seeds))


def _det(results: Results) -> Figure:
    if results.measure is not EER:
        return style.message("DET curves are of detectors of fakes; these classes are others.")
    ends = {method: [_last_scores(results.runs[method, seed]) for seed in results.seeds] for method in results.methods}
    return det.det(ends, results.titles, style.REFERENCES)


def _calibration(results: Results) -> Figure:
    if results.measure is not EER:
        return style.message("Calibration is of detectors of fakes; these classes are others.")
    found = {
        method: [results.runs[method, seed].metrics["calibration"] for seed in results.seeds]
        for method in results.methods
    }
    if any(run is None for runs in found.values() for run in runs):
        return style.message("The first task has no development data of both classes, so nothing can be calibrated.")

    def final(name: str) -> dict[str, dict[str, np.ndarray]]:
        return {
            method: {policy: np.array([run[policy][f"final_{name}"] for run in runs]) for policy in runs[0]}
            for method, runs in found.items()
        }

    return calibration.calibration(
        final("cllr"), final("error"), _each(results, results.measure.average), results.titles
    )


def _last_scores(run: Run) -> tuple[np.ndarray, np.ndarray]:
    """Scores of the genuine and of the fake utterances of all tasks after the last one."""
    scores = run.scores
    last = scores[scores.after == len(run.study.tasks)]
    genuine = (last.label == "genuine").to_numpy()
    return last.score.to_numpy()[genuine], last.score.to_numpy()[~genuine]


def _each(results: Results, metric: str) -> dict[str, np.ndarray]:
    """Method -> one metric of each seed."""
    return {method: results.values(method, metric) for method in results.methods}


def _projector_spectra(results: Results) -> Figure:
    """Spectra of the first seed."""
    spectra = {method: spectra_of(results.runs[method, results.seeds[0]]) for method in results.methods}
    return projectors.projector_spectra({method: tasks for method, tasks in spectra.items() if tasks}, results.titles)


def _projector_rank(results: Results) -> Figure:
    ranks: dict[str, dict[str, np.ndarray]] = {}
    limits: dict[str, int] = {}
    for method in results.methods:
        seeds = [spectra_of(results.runs[method, seed]) for seed in results.seeds]
        layers = {layer: spectrum for layer, spectrum in (seeds[0][0] if seeds[0] else {}).items() if spectrum.rank}
        for layer, spectrum in layers.items():
            limits[layer] = len(spectrum.eigenvalues)
            found_ranks = [[task[layer].rank for task in tasks] for tasks in seeds]
            ranks.setdefault(method, {})[layer] = np.array(found_ranks, dtype=float)
    return projectors.projector_rank(ranks, limits, results.titles)


def _subspaces(results: Results) -> Figure:
    """Inputs of the first seed, its tasks by name."""
    seed = results.seeds[0]
    study = results.study.ordered(seed)
    return subspaces.subspaces(task_inputs(study, seed), [task.title or task.name for task in study.tasks])


def task_inputs(study: Study, seed: int) -> list[np.ndarray]:
    """Training features of each task as a detector sees them that has just learned it: standardised.

    Returns:
        Per task (N_i, d) float32: vectors of a pooled front-end, or every n-th frame of a frame-level one.
    """
    import torch

    from rawm.detectors.detector import Detector
    from rawm.tasks.loading import load_split

    tasks = []
    for number in range(1, len(study.tasks) + 1):
        samples = load_split(study, number, "train", seed)
        if number == 1:
            detector = Detector(samples.n_features)
            detector.standardisation = study.detector.standardisation
        if number == 1 or detector.standardisation == "per_task":
            detector.standardise(*samples.mean_std())
        step = max(1, len(samples) * len(samples.features[0].reshape(-1, samples.n_features)) // FRAMES)
        rows = range(0, len(samples), 1 if samples.pooled else step)
        vectors = torch.cat([samples.features[row].reshape(-1, samples.n_features) for row in rows])
        tasks.append(detector.standardised(vectors).numpy())
    return tasks


def _embeddings(results: Results) -> Figure:
    """Fine-tuning beside RAWM where the study has them, otherwise its first two methods; the first seed."""
    shown = [method for method in ("finetune", "rawm") if method in results.methods]
    seed, methods = results.seeds[0], shown if len(shown) == 2 else results.methods[:2]
    study = results.study.ordered(seed)
    after = sorted({1, len(study.tasks)})
    labels, points = task_embeddings([results.runs[method, seed] for method in methods], after)
    by_title = {results.titles[method]: points[method] for method in methods}
    return embeddings.embeddings(by_title, labels, [task.title or task.name for task in study.tasks], after)


def task_embeddings(
    runs: Sequence[Run], after: Sequence[int]
) -> tuple[list[np.ndarray], dict[str, list[list[np.ndarray]]]]:
    """Classes of some evaluation utterances of each task, and method -> checkpoint -> task -> embeddings (N, d).

    Args:
        runs: of several methods with the same seed.
        after: numbers of the tasks after which the detectors are taken.
    """
    import torch

    from rawm.detectors.scoring import outputs
    from rawm.tasks.loading import load_split
    from rawm.tasks.samples import Samples

    study, tasks = runs[0].study, []
    for number in runs[0].numbers:
        task = load_split(study, number, "eval", runs[0].seed)
        rows = torch.arange(0, len(task), max(1, len(task) // SHOWN))
        features = task.features[rows] if task.pooled else task.features.take(rows)
        tasks.append(Samples([task.ids[row] for row in rows], task.labels[rows], features))
    classes = np.array(study.classes, dtype=object)
    points: dict[str, list[list[np.ndarray]]] = {}
    for run in runs:
        for number in after:
            here = [outputs(run.detector(number), task, torch.device("cpu")).embedding.numpy() for task in tasks]
            points.setdefault(run.method, []).append(here)
    return [classes[task.labels.numpy()] for task in tasks], points


#: Name of a figure -> how it is drawn.
DRAW: dict[str, Callable[[Results], Figure]] = {
    "matrices": _matrices,
    "stream": _stream,
    "average": _average,
    "comparison": _comparison,
    "critical_difference": _critical_difference,
    "learning_vs_forgetting": _learning_vs_forgetting,
    "confusion": _confusion,
    "det": _det,
    "calibration": _calibration,
    "projector_spectra": _projector_spectra,
    "projector_rank": _projector_rank,
    "subspaces": _subspaces,
    "embeddings": _embeddings,
}


def make(study: Study, output_dir: str | Path, formats: Sequence[str]) -> None:
    """Draw every figure of `DRAW` in every format."""
    results = load_results(study)
    for name, draw in DRAW.items():
        figure = draw(results)
        for suffix in formats:
            style.save(figure, Path(output_dir) / f"{name}.{suffix}")
