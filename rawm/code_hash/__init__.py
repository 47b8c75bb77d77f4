"""Hash the code that a job executes, so that a result knows when it is stale.

The hash follows behaviour. It starts at a job's functions and classes and takes in whatever of this package they use,
wherever it is defined. Moving a function to another module, renaming a module, comments, docstrings, type annotations,
layout, the wording of messages, and statements that call a check (`CHECKS`) leave it as it is; any other change of the
code in reach changes it.

The code is read, not run: references are names, and attributes of imported modules. So a job's code may not look up
functions of this package by strings. Registries ("module:name" strings) do: name the entry in the call,
`code_hash("rawm.methods:METHODS[rawm]")`.
"""

import ast
import hashlib
import re
from functools import cache

from rawm.code_hash.meaning import CHECKS, meaning_of
from rawm.code_hash.sources import read_source

#: Code that cannot change a result: where files are, how they are written, what is shown meanwhile. Modules, or
#: "module:name".
NEUTRAL = {
    *CHECKS,
    "rawm.code_hash",
    "rawm:__getattr__",  # `from rawm import Detector`
    "rawm.config.guarded_yaml",  # the values that it reads are parameters
    "rawm.corpora.made.open_speech.apt",  # the versions of what was fetched are in the receipt
    "rawm.errors",
    "rawm.files:_umask",
    "rawm.files:_writing",
    "rawm.files:atomic",
    "rawm.files:irregular",
    "rawm.files:read_json",
    "rawm.files:sha256",
    "rawm.files:write_json",
    "rawm.files:write_text",
    "rawm.manifest:_REMEDY",
    "rawm.paths",
    "rawm.progress",
    "rawm.provenance",
    "rawm.training.eager",  # a shorter start
}


def is_neutral(module: str, name: str) -> bool:
    """Whether a definition is left out of every hash."""
    return module in NEUTRAL or f"{module}:{name}" in NEUTRAL


@cache
def code_hash(*entries: str) -> str:
    """Hash the behaviour of some functions and classes with all that they use of this package.

    Args:
        entries: "module:name", e.g. "rawm.training.task:train_task"; "module:REGISTRY[key]" for the entry of a
            registry, "module:ONE|OTHER[key]" for that of one of two.

    Raises:
        LookupError: there is no such module, name or key.
    """
    texts = sorted(set(definitions(*entries).values()) - {""})
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()[:16]


def definitions(*entries: str) -> dict[tuple[str, str], str]:
    """Definitions that `code_hash` hashes: (module, name) -> syntax tree without what does not count, as text."""
    waiting = [_entry(entry) for entry in entries]
    reached: dict[tuple[str, str], str] = {}
    while waiting:
        module, name = waiting.pop()
        if (module, name) in reached or is_neutral(module, name):
            continue
        source = read_source(module)
        if name in source.imported and name not in source.defined:
            waiting += source.imported[name]
            continue
        texts, uses = [], []
        for node in [*source.defined.get(name, ()), *source.effects]:
            text, used = meaning_of(module, node)
            texts.append(text)
            uses += used
        if name not in source.defined and not module.startswith("rawm.config"):
            raise LookupError(f"{module}: defines no {name}")
        reached[module, name] = "\n".join(texts)
        waiting += uses
    return reached


def _entry(entry: str) -> tuple[str, str]:
    match = re.fullmatch(r"([\w.]+):([\w|]+)(?:\[(.+)\])?", entry)
    if match is None:
        raise LookupError(f"{entry}: write module:name or module:REGISTRY[key]")
    module, names, key = match.groups()
    if key is None:
        return module, names
    for node in (node for name in names.split("|") for node in read_source(module).defined.get(name, ())):
        registry = getattr(node, "value", None)
        if isinstance(registry, ast.Dict) and key in (entries := ast.literal_eval(registry)):
            return _entry(entries[key])
    raise LookupError(f"{entry}: there is no such entry")
