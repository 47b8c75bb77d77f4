"""Searches for hyper-parameters: the trials of each method, validated before any of them runs."""

import itertools
import random
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rawm import paths
from rawm.config.methods import MethodFile
from rawm.config.reading import ConfigError, parse, read_model, read_yaml
from rawm.config.search import SearchFile
from rawm.study.load import load_study
from rawm.study.study import Study


@dataclass(frozen=True)
class Trial:
    """One method with one combination of values: `values` (dotted key -> value), `settings` the complete method."""

    method: str
    values: dict[str, Any]
    settings: Any


@dataclass(frozen=True)
class Search:
    """A search: the study it is on, and the trials of each method in the order of the grid."""

    name: str
    settings: SearchFile
    study: Study
    trials: dict[str, list[Trial]]

    def study_of(self, trial: Trial) -> Study:
        """The study with the trial's method alone."""
        return replace(self.study, methods={trial.method: trial.settings})


def load_search(name: str, config: Path = paths.CONFIG) -> Search:
    """Read a search and every file it names.

    Raises:
        ConfigError: all problems together; each combination of values is checked.
    """
    path = config / "searches" / f"{name}.yaml"
    settings = read_model(path, SearchFile)
    study = load_study(settings.study, config)
    problems = []
    if shared := sorted(set(settings.seeds) & set(study.settings.seeds)):
        problems.append(
            f"{path}: seeds: {shared[0]} is a seed of study {study.name} too; take others, so that what is chosen is "
            "not chosen for the runs that are reported"
        )
    keys = [key for grid in settings.methods.values() for key in grid]
    if study.settings.equal_training and any(key.startswith("training.") for key in keys):
        problems.append(
            f"{path}: methods: training.* is tried, but study {study.name} has `equal_training: true`, which lets no "
            "method have values of its own; leave them out, or search on another study"
        )
    trials: dict[str, list[Trial]] = {}
    for method, grid in settings.methods.items():
        try:
            content = read_yaml(config / "methods" / f"{method}.yaml")
            combinations = _combinations(grid, settings.trials, settings.seed)
            trials[method] = [_trial(f"{path}: methods.{method}", method, content, values) for values in combinations]
        except ConfigError as error:
            problems += error.problems
    if problems:
        raise ConfigError(list(dict.fromkeys(problems)))
    return Search(name, settings, study, trials)


def _combinations(grid: dict[str, list[Any]], most: int, seed: int) -> list[dict[str, Any]]:
    """The whole grid where it is no larger than `most`, else a random part of it, in the order of the grid."""
    everything = [dict(zip(grid, values, strict=True)) for values in itertools.product(*grid.values())]
    if len(everything) <= most:
        return everything
    chosen = sorted(random.Random(seed).sample(range(len(everything)), most))
    return [everything[index] for index in chosen]


def _trial(where: str, method: str, content: dict[str, Any], values: dict[str, Any]) -> Trial:
    return Trial(method, values, parse(changed(content, values), MethodFile, Path(where)))


def changed(content: dict[str, Any], values: dict[str, Any]) -> dict[str, Any]:
    """Copy a method file's content with some values (dotted key -> value) replaced."""
    result = {key: dict(value) if isinstance(value, dict) else value for key, value in content.items()}
    for key, value in values.items():
        *section, last = key.split(".")
        inside = result.setdefault(section[0], {}) if section else result
        inside[last] = value
    return result
