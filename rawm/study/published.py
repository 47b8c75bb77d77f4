"""Numbers printed in papers, checked against the studies that they are compared with."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from rawm import paths
from rawm.config.published import Column, PublishedFile
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
    for name in dict.fromkeys([*studies_of(found), *stand_ins_of(found)]):
        try:
            studies[name] = load_study(name, config, on_disk=False)
        except ConfigError as error:
            problems += error.problems
    if not problems:
        problems = [f"{path}: {problem}" for problem in _cross_checks(found, studies)]
    if problems:
        raise ConfigError(list(dict.fromkeys(problems)))
    return found


def columns_of(file: PublishedFile) -> list[Column]:
    """The printed columns, and the mean of a row where all of them are tasks."""
    if len(file.columns) > 1 and all(column.task for column in file.columns):
        return [*file.columns, Column(title="Average", metric="average")]
    return file.columns


def studies_of(file: PublishedFile) -> list[str]:
    """Our studies of the paper's protocol."""
    return _unique(row.study or file.study for row in file.rows)


def stand_ins_of(file: PublishedFile) -> list[str]:
    """Studies on open data that run where the corpora of the paper's are not on disk."""
    return _unique(row.stand_in or file.stand_in for row in file.rows)


def _unique(names: Iterable[str | None]) -> list[str]:
    return [name for name in dict.fromkeys(names) if name]


def _cross_checks(found: PublishedFile, studies: dict[str, Any]) -> list[str]:
    """Problems of a file with the studies that it names: unknown methods, too few tasks, unknown columns."""
    problems = []
    for row in found.rows:
        study = row.study or found.study
        if study and row.ours and row.ours not in studies[study].methods:
            known = ", ".join(studies[study].methods)
            problems.append(f"rows: {row.method}: ours: {row.ours} is no method of study {study}; it has {known}")
    for name in studies_of(found):
        most = len(studies[name].tasks)
        problems += [
            f"columns: {column.title}: task: is {column.task}, but study {name} has {most} tasks"
            for column in found.columns
            if column.task and column.task > most
        ]
    drawn = set(found.drawing.columns) if found.drawing else set()
    if unknown := sorted(drawn - {column.title for column in columns_of(found)}):
        problems.append(
            f"drawing: columns: unknown {unknown[0]!r}; columns: {', '.join(c.title for c in found.columns)}"
        )
    return problems
