"""Hash the code that a job executes, so that a result knows when it is stale.

The hash follows behaviour. It starts at a job's functions and classes and takes in whatever of this package they use,
wherever it is defined. Moving a function to another module, renaming a module, comments, docstrings, type annotations,
layout and the wording of messages leave it as it is; any other change of the code in reach changes it.

The code is read, not run: references are names, and attributes of imported modules. So a job's code may not look up
functions of this package by strings. Registries ("module:name" strings) do: name the entry in the call,
`code_hash("rawm.methods:METHODS[rawm]")`.
"""

import ast
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).parent
#: Modules whose code cannot change a result: where files are, how they are written and what is shown meanwhile.
NEUTRAL = {
    "rawm.code_hash",
    "rawm.corpora.made.open_speech.apt",  # the versions of what was fetched are in the receipt
    "rawm.errors",
    "rawm.files",
    "rawm.paths",
    "rawm.progress",
    "rawm.provenance",
}
#: Names of variables that collect messages, and words in the names of functions that return them.
COLLECTS_MESSAGES = re.compile(r"(^|[_.])(problem|error|warning|reason|sentence|message)s?$")
RETURNS_MESSAGES = re.compile(r"(^|_)(problems?|sentences?|messages?|command|require)(_|$)")
SHOWS_MESSAGES = re.compile(r"^(print|warn|warning|info|echo|track)$|Error$|^BadAudio$")
DOCUMENTATION = {"paper", "memory"}  # attributes of methods that docs/ shows
#: Several words: a message, and not a key, a column or a pattern.
PROSE = re.compile(r"\w\W{0,3} \W{0,3}\w")


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
        if (module, name) in reached or module in NEUTRAL:
            continue
        source = _read(module)
        if name in source.imported and name not in source.defined:
            waiting += source.imported[name]
            continue
        texts, uses = [], []
        for node in [*source.defined.get(name, ()), *source.effects]:
            text, used = _meaning(module, node)
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
    for node in (node for name in names.split("|") for node in _read(module).defined.get(name, ())):
        registry = getattr(node, "value", None)
        if isinstance(registry, ast.Dict) and key in (entries := ast.literal_eval(registry)):
            return _entry(entries[key])
    raise LookupError(f"{entry}: there is no such entry")


@dataclass
class _Module:
    """A module's syntax tree, sorted by name.

    Attributes:
        defined: name -> statements at the top level that define or change it.
        imported: name -> the definitions of this package that it may stand for; a name is "*" for a whole module.
        effects: other statements at the top level, which run on import.
    """

    defined: dict[str, list[ast.stmt]] = field(default_factory=dict)
    imported: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    effects: list[ast.stmt] = field(default_factory=list)


def _file(module: str) -> Path | None:
    parts = module.split(".")
    if parts[0] != PACKAGE.name:
        return None
    base = PACKAGE.joinpath(*parts[1:])
    for path in (base.with_suffix(".py"), base / "__init__.py"):
        if path.is_file():
            return path
    return None


@cache
def _read(module: str) -> _Module:
    path = _file(module)
    if path is None:
        raise LookupError(f"{module}: there is no such module")
    tree = ast.parse(path.read_text(encoding="utf-8"))
    read = _Module()
    for node in ast.walk(tree):
        for name, target in _imports(node):
            read.imported.setdefault(name, []).append(target)
    for node in tree.body:
        if module.startswith("rawm.config") and _is_type(node):
            continue  # models: their values are parameters of the jobs
        names = list(_names_defined(node))
        for name in names:
            read.defined.setdefault(name, []).append(node)
        if not names and not _is_passive(node):
            read.effects.append(node)
    return read


def _imports(node: ast.AST) -> Iterator[tuple[str, tuple[str, str]]]:
    """(local name, (module, name)) of what an import statement takes from this package."""
    if isinstance(node, ast.Import):
        for alias in node.names:
            if _file(alias.name):
                yield (alias.asname, (alias.name, "*")) if alias.asname else (PACKAGE.name, (PACKAGE.name, "*"))
    elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module and _file(node.module):
        for alias in node.names:
            module = f"{node.module}.{alias.name}"
            yield alias.asname or alias.name, ((module, "*") if _file(module) else (node.module, alias.name))


def _names_defined(node: ast.stmt) -> Iterator[str]:
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


@cache
def _meaning(module: str, node: ast.stmt) -> tuple[str, list[tuple[str, str]]]:
    """The text of a definition without what does not count, and the definitions of this package that it uses."""
    reader = _Reader(module)
    # A copy, since the transformation works in place.
    meaning = reader.visit(ast.parse(ast.unparse(node)).body[0])
    return ast.dump(meaning) if meaning is not None else "", list(dict.fromkeys(reader.uses))


class _Reader(ast.NodeTransformer):
    """Drop docstrings, annotations and the wording of messages; collect the definitions that are used."""

    def __init__(self, module: str):
        self.module = module
        self.uses: list[tuple[str, str]] = []
        self.local: list[set[str]] = []  # names that the functions around bind

    def _is_local(self, name: str) -> bool:
        return any(name in names for names in self.local)

    def _use(self, name: str) -> str:
        """Note a use of a name of this module; return the name that its definition has."""
        source = _read(self.module)
        if self._is_local(name):
            return name
        if name in source.defined:
            self.uses.append((self.module, name))
        elif name in source.imported:
            for module, original in source.imported[name]:
                if original == "*":
                    self._use_whole(module)
                else:
                    self.uses.append((module, original))
                    name = original
        return name

    def _use_whole(self, module: str) -> None:
        if module not in NEUTRAL:
            self.uses += [(module, name) for name in _read(module).defined]

    def _in_module(self, node: ast.Attribute) -> tuple[str, str] | None:
        """(module, name) where an attribute chain leads from an imported module to one of its names."""
        chain: list[str] = []
        inner: ast.expr = node
        while isinstance(inner, ast.Attribute):
            chain.insert(0, inner.attr)
            inner = inner.value
        if not isinstance(inner, ast.Name) or inner.id in _read(self.module).defined or self._is_local(inner.id):
            return None
        for module, name in _read(self.module).imported.get(inner.id, ()):
            if name != "*":
                continue
            while len(chain) > 1 and _file(f"{module}.{chain[0]}"):
                module = f"{module}.{chain.pop(0)}"
            if len(chain) == 1:
                return module, chain[0]
        return None

    def visit_Name(self, node: ast.Name) -> ast.AST:
        return ast.Name(self._use(node.id), node.ctx)

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        target = self._in_module(node)
        if target is None:
            return self.generic_visit(node)
        module, name = target
        if module in NEUTRAL or name in _read(module).defined or name in _read(module).imported:
            self.uses.append(target)
        return ast.Name(name, node.ctx)

    def visit_Import(self, node: ast.Import) -> None:
        return None

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        return None

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        node.body = [part for part in node.body if not DOCUMENTATION & set(_names_defined(part))]
        return self._with_body(node)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        for argument in ast.walk(node.args):
            if isinstance(argument, ast.arg) and argument.annotation is not None:
                self._note_names(argument.annotation)
                argument.annotation = None
        node.returns = None
        if RETURNS_MESSAGES.search(node.name):
            node.body = [_without_prose(statement) for statement in node.body]
        self.local.append(_bound(node))
        self._with_body(node)
        self.local.pop()
        return node

    visit_AsyncFunctionDef = visit_FunctionDef

    def _with_body(self, node: ast.AST) -> ast.AST:
        if node.body and _is_docstring(node.body[0]):
            node.body.pop(0)
        self.generic_visit(node)
        node.body = node.body or [ast.Pass()]
        return node

    def _note_names(self, annotation: ast.expr) -> None:
        """Count the named types: what their values do is behaviour too."""
        if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
            annotation = ast.parse(annotation.value, mode="eval").body
        for part in ast.walk(annotation):
            if isinstance(part, ast.Name) and (part.id in _read(self.module).defined or part.id != "Any"):
                self._use(part.id)
            elif isinstance(part, ast.Attribute) and (target := self._in_module(part)):
                self.uses.append(target)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        self._note_names(node.annotation)
        node.annotation = ast.Constant(None)
        if node.value is not None and COLLECTS_MESSAGES.search(ast.unparse(node.target)):
            node.value = _without_prose(node.value)
        return self.generic_visit(node)

    def visit_Assign(self, node: ast.Assign) -> ast.AST:
        if _is_registry(node.value):
            node.value = ast.Dict([], [])
        elif any(COLLECTS_MESSAGES.search(ast.unparse(target)) for target in node.targets):
            node.value = _without_prose(node.value)
        return self.generic_visit(node)

    def visit_AugAssign(self, node: ast.AugAssign) -> ast.AST:
        if COLLECTS_MESSAGES.search(ast.unparse(node.target)):
            node.value = _without_prose(node.value)
        return self.generic_visit(node)

    def visit_Raise(self, node: ast.Raise) -> ast.AST:
        if isinstance(node.exc, ast.Call):
            node.exc.args, node.exc.keywords = [], []
        node.cause = None
        return self.generic_visit(node)

    def visit_Assert(self, node: ast.Assert) -> ast.AST:
        node.msg = None
        return self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> ast.AST:
        name = getattr(node.func, "attr", getattr(node.func, "id", ""))
        collects = isinstance(node.func, ast.Attribute) and COLLECTS_MESSAGES.search(ast.unparse(node.func.value))
        if SHOWS_MESSAGES.search(name) or RETURNS_MESSAGES.search(name) or collects:
            node.args = [_without_prose(argument) for argument in node.args]
            for keyword in node.keywords:
                keyword.value = _without_prose(keyword.value)
        return self.generic_visit(node)


def _bound(function: ast.FunctionDef) -> set[str]:
    """Names that a function binds: its parameters and what it assigns."""
    parameters = {part.arg for part in ast.walk(function) if isinstance(part, ast.arg)}
    stored = {p.id for p in ast.walk(function) if isinstance(p, ast.Name) and not isinstance(p.ctx, ast.Load)}
    return parameters | stored


class _WithoutProse(ast.NodeTransformer):
    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        return ast.Constant("") if isinstance(node.value, str) and PROSE.search(node.value) else node

    def visit_JoinedStr(self, node: ast.JoinedStr) -> ast.AST:
        text = "".join(str(part.value) if isinstance(part, ast.Constant) else "x" for part in node.values)
        return ast.Constant("") if PROSE.search(text) else self.generic_visit(node)


def _without_prose(node: ast.AST) -> ast.AST:
    return _WithoutProse().visit(node)


def _is_docstring(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def _is_registry(node: ast.expr) -> bool:
    """A dict of "module:name" strings: each job names the entry that it uses."""
    return (
        isinstance(node, ast.Dict)
        and bool(node.values)
        and all(isinstance(value, ast.Constant) and ":" in str(value.value) for value in node.values)
        and all(_file(str(value.value).split(":")[0]) for value in node.values if isinstance(value, ast.Constant))
    )
