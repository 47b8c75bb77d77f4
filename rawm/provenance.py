"""Which code and which versions made a result."""

import ast
import hashlib
import subprocess
from functools import lru_cache
from pathlib import Path

PACKAGE = Path(__file__).parent
#: Modules that cannot change a number: settings are compared on their own, registries only name modules.
_NEUTRAL = {
    "rawm.corpora",
    "rawm.corpora.made.open_speech.apt",  # fetching; the versions of what was fetched are in the receipt
    "rawm.corpora.made.open_speech.packages",
    "rawm.detectors",
    "rawm.errors",
    "rawm.files",
    "rawm.frontends",
    "rawm.methods",
    "rawm.paths",
    "rawm.progress",
    "rawm.provenance",
}


@lru_cache
def code_hash(*modules: str) -> str:
    """Hash of the meaning of some modules of this package and of all modules of it that they import.

    Comments, docstrings and layout do not count, so polishing them does not make any result stale. Registries name
    their entries as strings, so a method's code counts only for the rules that name its module.

    Args:
        modules: dotted names, e.g. "rawm.training.loop".
    """
    digest = hashlib.sha256()
    for name in sorted(_closure(modules)):
        digest.update(name.encode() + b"\0" + _meaning(name).encode())
    return digest.hexdigest()[:16]


def _file(module: str) -> Path | None:
    parts = module.split(".")[1:]
    for path in (PACKAGE.joinpath(*parts).with_suffix(".py"), PACKAGE.joinpath(*parts, "__init__.py")):
        if path.is_file():
            return path
    return None


@lru_cache
def _tree(module: str) -> ast.Module:
    return ast.parse(_file(module).read_text(encoding="utf-8"))


def _closure(modules: tuple[str, ...]) -> set[str]:
    found: set[str] = set()
    waiting = list(modules)
    while waiting:
        module = waiting.pop()
        if module in found or module in _NEUTRAL or module.startswith("rawm.config"):
            continue
        found.add(module)
        for node in ast.walk(_tree(module)):
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
                names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
            waiting += [name for name in names if name.split(".")[0] == "rawm" and name != "rawm" and _file(name)]
    return found


@lru_cache
def _meaning(module: str) -> str:
    """The syntax tree without docstrings, as text."""
    tree = ast.parse(_file(module).read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if (
            isinstance(body, list)
            and body
            and isinstance(body[0], ast.Expr)
            and isinstance(body[0].value, ast.Constant)
        ):
            body.pop(0)
    return ast.dump(tree)


def git_state() -> tuple[str, bool]:
    """Commit of the working directory and whether files differ from it; ("", False) outside of a repository."""
    try:
        commit = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=True).stdout.strip()
        changes = subprocess.run(["git", "status", "--porcelain"], capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return "", False
    return commit, bool(changes.strip())
