"""Numbers printed in papers, checked against the studies that they are compared with."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from rawm import paths
from rawm.config.files import file_of
from rawm.config.published import Column, PublishedFile
from rawm.config.reading import ConfigError
from rawm.study.load import load_file, load_study


def read_published(label: str, config: Path = paths.CONFIG) -> PublishedFile:
    """One file of config/published/; raises ConfigError."""
    return load_file("published", label, config)


def load_published(label: str, config: Path = paths.CONFIG) -> PublishedFile:
    """Read a file of config/published/ and check it against the studies that it names.

    Raises:
        ConfigError: mistakes of the file; studies, methods or tasks that are not there.
    """
    file = read_published(label, config)
    path, problems, studies = file_of("published", label, config), [], {}
    for name in dict.fromkeys([*studies_of(file), *stand_ins_of(file)]):
        try:
            studies[name] = load_study(name, config, on_disk=False)
        except ConfigError as error:
            problems += error.problems
    if not problems:
        problems = [f"{path}: {problem}" for problem in _cross_checks(file, studies)]
    if problems:
        raise ConfigError(list(dict.fromkeys(problems)))
    return file


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


def _cross_checks(file: PublishedFile, studies: dict[str, Any]) -> list[str]:
    """Problems of a file with the studies that it names: unknown methods, too few tasks, unknown columns."""
    problems = []
    for row in file.rows:
        study = row.study or file.study
        if study and row.ours and row.ours not in studies[study].methods:
            methods = ", ".join(studies[study].methods)
            problems.append(f"rows: {row.method}: ours: {row.ours} is no method of study {study}; it has {methods}")
    for name in studies_of(file):
        most = len(studies[name].tasks)
        problems += [
            f"columns: {column.title}: task: is {column.task}, but study {name} has {most} tasks"
            for column in file.columns
            if column.task and column.task > most
        ]
    drawn = set(file.drawing.columns) if file.drawing else set()
    if unknown := sorted(drawn - {column.title for column in columns_of(file)}):
        problems.append(
            f"drawing: columns: unknown {unknown[0]!r}; columns: {', '.join(c.title for c in file.columns)}"
        )
    return problems
