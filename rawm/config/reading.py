"""Read YAML files into typed models; report every mistake in one sentence."""

import difflib
import functools
import os
import types
from pathlib import Path
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import Tag, TypeAdapter, ValidationError

from rawm import paths
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
    keys, models = _place(problem["loc"], model)
    keys = [shortened(key) for key in keys]
    where = f"{path}: {'.'.join(keys)}" if keys else str(path)
    kind, given, context = problem["type"], problem["input"], problem.get("ctx", {})
    if kind == "extra_forbidden":
        allowed = _known_keys(models)
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


def _place(location: tuple, model: Any) -> tuple[list[str], list]:
    """Find the keys of the file in a pydantic location, which also names the members of unions on its way.

    Returns:
        the keys, counted from 1 in lists, and the models in which the last of them is looked up.
    """
    keys: list[str] = []
    models: list = []
    for part in location:
        members = _members(model)
        if len(members) > 1:
            model = next((member for member in members if str(part) in _names(member)), Any)
            continue
        model = _plain(members[0])
        if part == "[key]":
            break
        models = _models(model)
        keys.append(str(part + 1) if isinstance(part, int) and get_origin(model) in (list, tuple) else str(part))
        model = _inside(model, part)
    return keys, models


def _plain(model: Any) -> Any:
    """The type without Annotated."""
    return get_args(model)[0] if get_origin(model) is Annotated else model


def _members(model: Any) -> list:
    """The members of a union but None; the type alone if it is none. Pydantic's locations name a member of several."""
    plain = _plain(model)
    if get_origin(plain) not in (Union, types.UnionType):
        return [model]
    return [inner for part in get_args(plain) if part is not type(None) for inner in _members(part)]


def _names(member: Any) -> set[str]:
    """What pydantic may call a member of a union: its tags, its class, or e.g. list[str]."""
    tags = {note.tag for note in getattr(member, "__metadata__", ()) if isinstance(note, Tag)}
    plain = _plain(member)
    name = getattr(plain, "__name__", "")
    arguments = ",".join(getattr(_plain(argument), "__name__", "any").lower() for argument in get_args(plain))
    return tags | {*_discriminators(plain), name, f"{name}[{arguments}]"}


def _inside(model: Any, part: Any) -> Any:
    """The type of a key's value, or of a list's item."""
    if hasattr(model, "model_fields"):
        fields = model.model_fields.items()
        return next((field.annotation for name, field in fields if part in (name, field.alias)), Any)
    arguments = get_args(model)
    return arguments[-1 if get_origin(model) is dict else 0] if arguments else Any


def _models(model: Any) -> list:
    """The pydantic models inside a model, an Annotated union, a list or a dict type."""
    if hasattr(model, "model_fields"):
        return [model]
    return [inner for part in getattr(model, "__args__", ()) for inner in _models(part)]


def _known_keys(models: list) -> list[str]:
    """Keys that may be used in a file or section."""
    names = {field.alias or name for model in models for name, field in model.model_fields.items()}
    return sorted(names - {"name"} | ({"name"} if any("train" in model.model_fields for model in models) else set()))


def _discriminators(model: Any) -> tuple[str, ...]:
    """Values of the key that chooses a union's member, e.g. ("rawm",); () if it has none."""
    fields = getattr(model, "model_fields", {})
    return next((get_args(fields[key].annotation) for key in ("algorithm", "loader", "type") if key in fields), ())


def _tags(model: Any) -> str:
    return ", ".join(tag for member in _models(model) for tag in _discriminators(member))


def _nearest(word: Any, allowed: list[str]) -> str:
    close = difflib.get_close_matches(str(word), allowed, n=1)
    return f" (did you mean {close[0]!r}?)" if close else ""


def _similar_file(path: Path) -> str:
    folders = (path.parent, paths.SHIPPED_CONFIG / path.parent.name)
    names = sorted({other.stem for folder in folders for other in folder.glob("*.yaml")})
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
