"""Numbers printed in papers, checked against the studies that they are compared with."""

from pathlib import Path
from typing import Any

from rawm import paths
from rawm.config.published import PublishedFile
from rawm.config.reading import ConfigError, read_model
from rawm.study.load import load_study


def read_published(label: str, config: Path = paths.CONFIG) -> PublishedFile:
    """One file of config/published/; raises ConfigError."""
    return read_model(config / "published" / f"{label}.yaml", PublishedFile)


def load_published(label: str, config: Path = paths.CONFIG) -> PublishedFile:
    """As `read_published`, with a look at the studies that the file names.

    Raises:
        ConfigError: mistakes of the file; studies, methods or tasks that are not there.
    """
    found = read_published(label, config)
    path, problems, studies = config / "published" / f"{label}.yaml", [], {}
    for name in dict.fromkeys([*found.studies, *found.stand_ins]):
        try:
            studies[name] = load_study(name, config, on_disk=False)
        except ConfigError as error:
            problems += error.problems
    if not problems:
        problems = [f"{path}: {problem}" for problem in _cross_checks(found, studies)]
    if problems:
        raise ConfigError(list(dict.fromkeys(problems)))
    return found


def _cross_checks(found: PublishedFile, studies: dict[str, Any]) -> list[str]:
    """What the file alone cannot know: a study has the methods that it names, and enough tasks."""
    problems = []
    for row in found.rows:
        study = row.study or found.study
        if study and row.ours and row.ours not in studies[study].methods:
            known = ", ".join(studies[study].methods)
            problems.append(f"rows: {row.method}: ours: {row.ours} is no method of study {study}; it has {known}")
    for name in found.studies:
        most = len(studies[name].tasks)
        problems += [
            f"columns: {column.title}: task: is {column.task}, but study {name} has {most} tasks"
            for column in found.columns
            if column.task and column.task > most
        ]
    return problems
