"""All figures of a study from the files of its finished runs; nothing is trained or scored again."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from rawm import results
from rawm.config import Study
from rawm.figures import comparison, matrix, projectors, stream, style, subspaces
from rawm.results import Results

FRAMES = 50_000  # most feature vectors of a task whose subspace is computed


def _matrices(found: Results) -> Figure:
    means = {found.titles[method]: found.matrices(method).mean(axis=0) for method in found.methods}
    return matrix.matrices(means, found.tasks, len(found.seeds), found.measure)


def _stream(found: Results) -> Figure:
    matrices = {method: found.matrices(method) for method in found.methods}
    return stream.stream(matrices, found.titles, found.tasks, found.measure)


def _average(found: Results) -> Figure:
    return stream.average(_each(found, found.measure.average_after_task), found.titles, found.measure)


def _comparison(found: Results) -> Figure:
    average, forgetting = _each(found, found.measure.average), _each(found, found.measure.forgetting)
    return comparison.comparison(average, forgetting, found.titles, found.measure)


def _learning_vs_forgetting(found: Results) -> Figure:
    learning, forgetting = _each(found, found.measure.learning), _each(found, found.measure.forgetting)
    return comparison.learning_vs_forgetting(learning, forgetting, found.titles, found.measure)


def _each(found: Results, metric: str) -> dict[str, np.ndarray]:
    """Method -> one metric of each seed."""
    return {method: found.values(method, metric) for method in found.methods}


def _projector_spectra(found: Results) -> Figure:
    """Spectra of the first seed."""
    spectra = {method: results.spectra(found.study, method, found.seeds[0]) for method in found.methods}
    return projectors.projector_spectra({method: tasks for method, tasks in spectra.items() if tasks}, found.titles)


def _projector_rank(found: Results) -> Figure:
    ranks: dict[str, dict[str, np.ndarray]] = {}
    limits: dict[str, int] = {}
    for method in found.methods:
        seeds = [results.spectra(found.study, method, seed) for seed in found.seeds]
        layers = {layer: spectrum for layer, spectrum in (seeds[0][0] if seeds[0] else {}).items() if spectrum.rank}
        for layer, spectrum in layers.items():
            limits[layer] = len(spectrum.eigenvalues)
            found_ranks = [[task[layer].rank for task in tasks] for tasks in seeds]
            ranks.setdefault(method, {})[layer] = np.array(found_ranks, dtype=float)
    return projectors.projector_rank(ranks, limits, found.titles)


def _subspaces(found: Results) -> Figure:
    """Inputs of the first seed, its tasks by name."""
    seed = found.seeds[0]
    study = found.study.ordered(seed)
    return subspaces.subspaces(task_inputs(study, seed), [task.title or task.name for task in study.tasks])


def task_inputs(study: Study, seed: int) -> list[np.ndarray]:
    """Training features of each task as the detector sees them: standardised by mean and deviation of the first task.

    Returns:
        Per task (N_i, d) float32: vectors of a pooled front-end, or every n-th frame of a frame-level one.
    """
    from rawm.stream import load_split

    tasks = []
    for number in range(1, len(study.tasks) + 1):
        samples = load_split(study, number, "train", seed)
        if number == 1:
            mean, std = (value.numpy() for value in samples.mean_std())
        step = max(1, len(samples) * len(samples.features[0].reshape(-1, samples.n_features)) // FRAMES)
        rows = range(0, len(samples), 1 if samples.pooled else step)
        vectors = np.concatenate([samples.features[row].reshape(-1, samples.n_features).numpy() for row in rows])
        tasks.append((vectors - mean) / np.where(std > 0, std, 1))
    return tasks


#: Name of a figure -> how it is drawn.
DRAW: dict[str, Callable[[Results], Figure]] = {
    "matrices": _matrices,
    "stream": _stream,
    "average": _average,
    "comparison": _comparison,
    "learning_vs_forgetting": _learning_vs_forgetting,
    "projector_spectra": _projector_spectra,
    "projector_rank": _projector_rank,
    "subspaces": _subspaces,
}


def make(study: Study, output_dir: str | Path, formats: Sequence[str]) -> None:
    """Draw every figure of `DRAW` in every format."""
    found = results.load(study)
    for name, draw in DRAW.items():
        figure = draw(found)
        for suffix in formats:
            style.save(figure, Path(output_dir) / f"{name}.{suffix}")
