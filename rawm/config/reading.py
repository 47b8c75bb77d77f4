"""Read YAML files into typed models; report every mistake in one sentence."""

import difflib
import functools
import os
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from rawm.config import guarded_yaml
from rawm.config.shown import shortened
from rawm.config.shown import shown as _shown
from rawm.errors import UserError

MOST = 50  # sentences about one file
LONGEST = 1000  # characters of a sentence


class ConfigError(UserError):
    """Mistakes in the configuration, one line each."""

    def __init__(self, problems: list[str]):
        self.problems = problems
        super().__init__("\n".join(problems))


def read_yaml(path: Path) -> dict[str, Any]:
    """Read the mapping in a YAML file.

    Raises:
        ConfigError: the file is missing, cannot be read, is not YAML (with its line) or is no mapping.
    """
    try:
        content = guarded_yaml.read(path)
    except FileNotFoundError:
        raise ConfigError([f"{path}: no such file{_similar_file(path)}"]) from None
    except guarded_yaml.Refused as error:
        raise ConfigError([str(error)]) from None
    if not isinstance(content, dict):
        raise ConfigError([f"{path}: is {_shown(content)}; write lines of the form `key: value`"])
    return content


def read_model(path: Path, model: Any, extra: dict[str, Any] | None = None) -> Any:
    """Read `path` as `model`, a pydantic model or union; `extra` keys are added to those of the file.

    Raises:
        ConfigError: all mistakes of the file, each with file, key, what is wrong and what would be right.
    """
    return parse(read_yaml(path), model, path, extra)


def parse(content: dict[str, Any], model: Any, path: Path, extra: dict[str, Any] | None = None) -> Any:
    """Like `read_model`, for a mapping that was already read from `path`."""
    extra = extra or {}
    if written := sorted(extra.keys() & content.keys()):
        raise ConfigError([f"{path}: {key}: must not be written in the file; remove it" for key in written])
    try:
        return _validator(model).validate_python(content | extra)
    except ValidationError as error:
        problems = error.errors()
        unknown = [problem["loc"] for problem in problems if problem["type"] == "extra_forbidden"]
        problems = [problem for problem in problems if not _explained(problem, unknown)]
        sentences = [shortened(_sentence(path, content, one, model), LONGEST) for one in problems[:MOST]]
        if len(problems) > MOST:
            sentences.append(f"{path}: has {len(problems) - MOST} more mistakes")
        raise ConfigError(sentences) from None


_validator = functools.cache(TypeAdapter)


def _explained(problem: dict, unknown: list[tuple]) -> bool:
    """Whether a missing key is probably an unknown key beside it, misspelt, which is reported anyway."""
    if problem["type"] != "missing":
        return False
    *parent, key = problem["loc"]
    beside = [str(other[-1]) for other in unknown if list(other[:-1]) == parent]
    return bool(difflib.get_close_matches(str(key), beside))


def _sentence(path: Path, content: dict, problem: dict, model: Any) -> str:
    """One sentence for one pydantic error: `file: key: what is wrong; what would be right`."""
    keys = [shortened(str(part)) for part in _location(problem["loc"], content)]
    where = f"{path}: {'.'.join(keys)}" if keys else str(path)
    kind, given, context = problem["type"], problem["input"], problem.get("ctx", {})
    if kind == "extra_forbidden":
        allowed = _known_keys(model, content, problem["loc"])
        return f"{where}: unknown key{_nearest(keys[-1], allowed)}; known keys: {', '.join(allowed)}"
    if kind == "missing":
        return f"{where}: is missing; add it"
    if kind == "union_tag_not_found":
        key = context["discriminator"].strip("'")
        return f"{where}: {key}: is missing; write one of {_tags(model)}"
    if kind == "union_tag_invalid":
        key = context["discriminator"].strip("'")
        tags = [tag.strip(" '") for tag in context["expected_tags"].split(",")]
        tag = context["tag"]
        return f"{where}: {key}: unknown {_shown(tag)}{_nearest(tag, tags)}; known: {', '.join(tags)}"
    if kind == "value_error":
        return f"{where}: {context['error']}"
    message = problem["msg"].replace("Input should be", "must be").replace("Input", "it")
    return f"{where}: is {_shown(given)}; {message[0].lower() + message[1:]}"


def _location(location: tuple, content: Any) -> list:
    """Keys of the file in a pydantic location, without its names of union members."""
    keys: list = []
    for index, part in enumerate(location):
        last = index == len(location) - 1
        if isinstance(content, dict) and part in content:
            content = content[part]
        elif isinstance(content, list) and isinstance(part, int) and part < len(content):
            content = content[part]
            part = part + 1
        elif not last or (not isinstance(content, dict)):
            continue
        keys.append(part)
    return keys


def _models(model: Any) -> list:
    """The pydantic models inside a model, an Annotated union, a list or a dict type."""
    if hasattr(model, "model_fields"):
        return [model]
    return [found for part in getattr(model, "__args__", ()) for found in _models(part)]


def _known_keys(model: Any, content: Any, location: tuple) -> list[str]:
    """Keys that may be used in place of the unknown one at the end of `location`."""
    candidates = _models(model)
    for part in location[:-1]:
        if isinstance(part, str):
            inside = [m for c in candidates if part in c.model_fields for m in _models(c.model_fields[part].annotation)]
            tagged = [c for c in candidates if _tag(c) == part]
            candidates = inside or tagged or candidates
    names = {field.alias or name for c in candidates for name, field in c.model_fields.items()}
    return sorted(names - {"name"} | ({"name"} if any("train" in c.model_fields for c in candidates) else set()))


def _tag(model: Any) -> str | None:
    """Discriminator value of a union member, e.g. rawm; None if it has no discriminator."""
    for key in ("algorithm", "loader", "type"):
        if key in model.model_fields:
            return getattr(model.model_fields[key].annotation, "__args__", (None,))[0]
    return None


def _tags(model: Any) -> str:
    return ", ".join(tag for tag in map(_tag, _models(model)) if tag)


def _nearest(word: Any, allowed: list[str]) -> str:
    close = difflib.get_close_matches(str(word), allowed, n=1)
    return f" (did you mean {close[0]!r}?)" if close else ""


def _similar_file(path: Path) -> str:
    names = sorted(other.stem for other in path.parent.glob("*.yaml"))
    close = difflib.get_close_matches(path.stem, names, n=1)
    if close:
        return f"; did you mean {close[0]!r}?"
    return f"; existing files: {', '.join(names)}" if names else ""


def expand(folder: str) -> Path:
    """Expand ~ and ${VARIABLES} in the name of a folder."""
    return Path(os.path.expandvars(folder)).expanduser()


def find_file(folder: str, name: str) -> Path:
    """Return the file `name` under a folder; the path `name` itself where the folder has no such file."""
    inside = Path(folder) / name
    return inside if inside.is_file() else Path(name)
