"""Runs of a study: one method trained with one seed on the tasks of a stream, one after another."""

from rawm import paths
from rawm.study import Study


def checkpoints(study: Study, method: str, seed: int) -> list[str]:
    """Detectors, memories and histories of one run."""
    names = ("detector.safetensors", "memory.safetensors", "history.jsonl")
    numbers = range(1, len(study.tasks) + 1)
    return [str(paths.task(study.name, method, seed, number) / name) for number in numbers for name in names]


def all_checkpoints(study: Study) -> list[str]:
    """Detectors, memories and histories of every run."""
    return [path for run in _all(study) for path in checkpoints(study, *run)]


def all_metrics(study: Study) -> list[str]:
    """Metrics and scores of every run."""
    return [str(file(study.name, *run)) for run in _all(study) for file in (paths.metrics, paths.scores)]


def _all(study: Study) -> list[tuple[str, int]]:
    return [(method, seed) for method in study.methods for seed in study.settings.seeds]
