"""Searches for hyper-parameters: what is tried for each method, validated before anything runs."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rawm import paths
from rawm.config.files import file_of
from rawm.config.methods import MethodFile
from rawm.config.reading import ConfigError, parse, read_model, read_yaml
from rawm.config.search import Cases, Range, SearchFile, Space
from rawm.study.load import load_study
from rawm.study.study import Study


@dataclass(frozen=True)
class Search:
    """A search: the study it is on, and what is tried for each method.

    Attributes:
        contents: method -> what its file says, without the keys that are searched.
        spaces: method -> key of its file (dotted) -> what is tried.
    """

    name: str
    settings: SearchFile
    study: Study
    contents: dict[str, dict[str, Any]]
    spaces: dict[str, dict[str, Space]]

    def study_of(self, method: str, values: dict[str, Any]) -> Study:
        """The study with one method alone, whose searched keys have these values (dotted key -> value)."""
        path = Path(f"config/searches/{self.name}.yaml: methods.{method}")
        return replace(self.study, methods={method: parse(changed(self.contents[method], values), MethodFile, path)})


def load_search(name: str, config: Path = paths.CONFIG) -> Search:
    """Read a search and every file it names.

    Raises:
        ConfigError: all problems together; both ends of each range and every value of a list are checked.
    """
    path = file_of("searches", name, config)
    settings = read_model(path, SearchFile)
    study = load_study(settings.study, config)
    problems = []
    if shared := sorted(set(settings.seeds) & set(study.settings.seeds)):
        problems.append(
            f"{path}: seeds: {shared[0]} is a seed of study {study.name} too; take others, so that what is chosen is "
            "not chosen for the runs that are reported"
        )
    spaces = {
        method: {key: space for key, space in (settings.everywhere | own).items() if space is not None}
        for method, own in settings.methods.items()
    }
    if study.settings.equal_training and any(key.startswith("training.") for keys in spaces.values() for key in keys):
        problems.append(
            f"{path}: training.* is tried, but study {study.name} has `equal_training: true`, which lets no "
            "method have values of its own; leave them out, or search on another study"
        )
    contents: dict[str, dict[str, Any]] = {}
    for method, keys in spaces.items():
        try:
            contents[method] = without(read_yaml(file_of("methods", method, config)), keys)
        except ConfigError as error:
            problems += error.problems
            continue
        problems += _problems(f"{path}: methods.{method}", contents[method], keys)
    if problems:
        raise ConfigError(list(dict.fromkeys(problems)))
    return Search(name, settings, study, contents, spaces)


def _problems(where: str, content: dict[str, Any], spaces: dict[str, Space]) -> list[str]:
    """Sentences about keys and values that the method's file could not have."""
    problems = []
    if not spaces:
        problems.append(f"{where}: has nothing to try; name a key of its file and its values")
    known: set[str] = set()
    for key, space in spaces.items():
        if isinstance(space, Cases) and space.by not in known:
            problems.append(f"{where}.{key}: by is {space.by}, which is not a key before it; name one that is")
        known.add(key)
        for value in extremes(space):
            try:
                parse(changed(content, {key: value}), MethodFile, Path(where))
            except ConfigError as error:
                problems += error.problems
    return problems


def extremes(space: Space) -> list[Any]:
    """Both ends of a range, or every value of a list; of all cases together."""
    if isinstance(space, Cases):
        return [value for case in space.cases.values() for value in extremes(case)]
    return [space.low, space.high] if isinstance(space, Range) else space


def chosen_space(space: Space, values: dict[str, Any]) -> Range | list[Any] | None:
    """Choose the range or list that applies to the values of the keys before; None where no case does."""
    return space.cases.get(str(values.get(space.by))) if isinstance(space, Cases) else space


def without(content: dict[str, Any], keys: Iterable[str]) -> dict[str, Any]:
    """Copy a method file's content without some keys (dotted), so that what a search wrote does not count in it."""
    result = changed(content, {})
    for key in keys:
        *section, last = key.split(".")
        (result.get(section[0], {}) if section else result).pop(last, None)
    return result


def changed(content: dict[str, Any], values: dict[str, Any]) -> dict[str, Any]:
    """Copy a method file's content with some values (dotted key -> value) replaced."""
    result = {key: dict(value) if isinstance(value, dict) else value for key, value in content.items()}
    for key, value in values.items():
        *section, last = key.split(".")
        inside = result.setdefault(section[0], {}) if section else result
        inside[last] = value
    return result
