"""The meaning of a definition: its syntax tree without docstrings, annotations, checks and the wording of messages."""

import ast
import re
import sys
from functools import cache

from rawm.code_hash.sources import find_module, names_defined, read_source

#: Names of variables that collect messages, and words in the names of functions that return them.
COLLECTS_MESSAGES = re.compile(r"(^|[_.])(problem|error|warning|reason|sentence|message)s?$")
RETURNS_MESSAGES = re.compile(r"(^|_)(problems?|sentences?|messages?|command|require)(_|$)")
SHOWS_MESSAGES = re.compile(r"^(print|warn|warning|info|echo|track)$|Error$|^BadAudio$")
DOCUMENTATION = {"paper", "memory"}  # attributes of methods that docs/ shows
#: Modules whose functions, called as a statement, stop a job or add a checksum to its files, and change no result.
CHECKS = {"rawm.checksums", "rawm.detectors.fitting", "rawm.features.guard"}
#: Several words: a message, and not a key, a column or a pattern.
PROSE = re.compile(r"\w\W{0,3} \W{0,3}\w")


@cache
def meaning_of(module: str, node: ast.stmt) -> tuple[str, list[tuple[str, str]]]:
    """The text of a definition without what does not count, and the definitions of this package that it uses."""
    reader = _Reader(module)
    # A copy, since the transformation works in place.
    meaning = reader.visit(ast.parse(ast.unparse(node)).body[0])
    return tree_text(meaning) if meaning is not None else "", list(dict.fromkeys(reader.uses))


def tree_text(tree: ast.AST) -> str:
    """A syntax tree as text, the same under every Python: 3.12 added type parameters, 3.13 leaves out empty lists."""
    everything = {"show_empty": True} if sys.version_info >= (3, 13) else {}
    return ast.dump(tree, **everything).replace(", type_params=[]", "")


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
        source = read_source(self.module)
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
        self.uses += [(module, name) for name in read_source(module).defined]

    def _in_module(self, node: ast.Attribute) -> tuple[str, str] | None:
        """(module, name) where an attribute chain leads from an imported module to one of its names."""
        chain: list[str] = []
        inner: ast.expr = node
        while isinstance(inner, ast.Attribute):
            chain.insert(0, inner.attr)
            inner = inner.value
        if not isinstance(inner, ast.Name) or inner.id in read_source(self.module).defined or self._is_local(inner.id):
            return None
        for module, name in read_source(self.module).imported.get(inner.id, ()):
            if name != "*":
                continue
            while len(chain) > 1 and find_module(f"{module}.{chain[0]}"):
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
        if name in read_source(module).defined or name in read_source(module).imported:
            self.uses.append(target)
        return ast.Name(name, node.ctx)

    def visit_Import(self, node: ast.Import) -> None:
        return None

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        return None

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        node.body = [part for part in node.body if not DOCUMENTATION & set(names_defined(part))]
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
            if isinstance(part, ast.Name) and (part.id in read_source(self.module).defined or part.id != "Any"):
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

    def visit_Expr(self, node: ast.Expr) -> ast.AST | None:
        if isinstance(node.value, ast.Call) and isinstance(node.value.func, ast.Attribute):
            target = self._in_module(node.value.func)
            if target is not None and target[0] in CHECKS:
                return None
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
        and all(find_module(str(value.value).split(":")[0]) for value in node.values if isinstance(value, ast.Constant))
    )
