"""The modules of this package as syntax trees: which names they define, import and run."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).parents[1]


@dataclass
class Source:
    """A module's syntax tree, sorted by name.

    Attributes:
        defined: name -> statements at the top level that define or change it.
        imported: name -> the definitions of this package that it may stand for; a name is "*" for a whole module.
        effects: other statements at the top level, which run on import.
    """

    defined: dict[str, list[ast.stmt]] = field(default_factory=dict)
    imported: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    effects: list[ast.stmt] = field(default_factory=list)


def find_module(module: str) -> Path | None:
    """File of a module of this package; None for any other."""
    parts = module.split(".")
    if parts[0] != PACKAGE.name:
        return None
    base = PACKAGE.joinpath(*parts[1:])
    for path in (base.with_suffix(".py"), base / "__init__.py"):
        if path.is_file():
            return path
    return None


@cache
def read_source(module: str) -> Source:
    """Parse a module; raises LookupError where there is none."""
    path = find_module(module)
    if path is None:
        raise LookupError(f"{module}: there is no such module")
    tree = ast.parse(path.read_text(encoding="utf-8"))
    source = Source()
    for node in ast.walk(tree):
        for name, target in _imports(node):
            source.imported.setdefault(name, []).append(target)
    for node in tree.body:
        if module.startswith("rawm.config") and _is_type(node):
            continue  # models: their values are parameters of the jobs
        names = list(names_defined(node))
        for name in names:
            source.defined.setdefault(name, []).append(node)
        if not names and not _is_passive(node):
            source.effects.append(node)
    return source


def _imports(node: ast.AST) -> Iterator[tuple[str, tuple[str, str]]]:
    """(local name, (module, name)) of what an import statement takes from this package."""
    if isinstance(node, ast.Import):
        for alias in node.names:
            if find_module(alias.name):
                yield (alias.asname, (alias.name, "*")) if alias.asname else (PACKAGE.name, (PACKAGE.name, "*"))
    elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module and find_module(node.module):
        for alias in node.names:
            module = f"{node.module}.{alias.name}"
            yield alias.asname or alias.name, ((module, "*") if find_module(module) else (node.module, alias.name))


def names_defined(node: ast.stmt) -> Iterator[str]:
    """Names that a statement defines."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        yield node.name
    elif isinstance(node, ast.Assign | ast.AugAssign | ast.AnnAssign):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        for target in targets:
            yield from (part.id for part in ast.walk(target) if isinstance(part, ast.Name))


def _is_type(node: ast.stmt) -> bool:
    """Whether a statement defines a class or a type, e.g. a union of models."""
    if isinstance(node, ast.ClassDef):
        return True
    return isinstance(node, ast.Assign) and isinstance(node.value, ast.Subscript | ast.BinOp)


def _is_passive(node: ast.stmt) -> bool:
    """Whether a statement at the top level does nothing: an import, a docstring, imports for type checkers."""
    if isinstance(node, ast.Import | ast.ImportFrom):
        return True
    if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
        return True
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
