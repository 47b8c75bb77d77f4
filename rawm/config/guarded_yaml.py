"""Read a YAML file that may hold anything: too much, too deep, or what no configuration needs.

YAML can do more than a configuration file should: aliases that stand for gigabytes, tags that make objects, dates,
numbers of any length. Whatever is refused gets one sentence.
"""

import errno
import re
from pathlib import Path
from typing import Any, ClassVar

import yaml

from rawm import files
from rawm.config.shown import shown

SIZE = 1_000_000  # bytes of a file, and of what its aliases stand for
NODES = 20_000  # keys, values and lists, aliases written out
DEPTH = 50  # lists and mappings inside each other
NUMBER = 100  # characters of a number
LARGEST = 2**63 - 1

_MARKS = {b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16", b"\x00\x00\xfe\xff": "UTF-32"}
#: Not line feed and tab; the last range is halves of characters, which no file can hold.
_UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_REASONS = {
    errno.ELOOP: "is a link that leads back to itself; remove it",
    errno.ENAMETOOLONG: "is too long a name; give it a shorter one",
    errno.EACCES: "may not be read; give yourself the right to",
}


class Refused(Exception):
    """Why a file is refused: `path[, line N]: what is wrong; what would be right`."""


def read(path: Path) -> Any:
    """The content of a YAML file: mappings, lists, text, numbers, booleans and null.

    Raises:
        Refused: for anything else, in one sentence.
        FileNotFoundError: there is no such file.
    """
    text = _decoded(path, _bytes(path))
    try:
        _examine(text)
        return yaml.load(text, _Loader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark else ""
        what = getattr(error, "problem", None) or str(error).splitlines()[0]
        raise Refused(f"{path}{where}: {'' if isinstance(error, _Wrong) else 'not valid YAML: '}{what}") from None


def _bytes(path: Path) -> bytes:
    """The bytes of a regular file of at most `SIZE`."""
    if problem := files.irregular(path):
        raise Refused(f"{path}: {problem}; write the configuration into a file")
    try:
        with open(path, "rb") as file:
            content = file.read(SIZE + 1)
    except FileNotFoundError:
        raise
    except (OSError, ValueError) as error:
        reason = _REASONS.get(getattr(error, "errno", None), f"cannot be read ({getattr(error, 'strerror', error)})")
        raise Refused(f"{path}: {reason}") from None
    if len(content) > SIZE:
        raise Refused(f"{path}: holds more than {SIZE // 1_000_000} MB; a configuration file holds less")
    return content


def _decoded(path: Path, content: bytes) -> str:
    """The text of a file in UTF-8, with or without a byte order mark."""
    name = next((name for mark, name in _MARKS.items() if content.startswith(mark)), None)
    if name or b"\x00" in content:
        raise Refused(f"{path}: is {name or 'not text, it holds a NUL byte'}; save it as UTF-8")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise Refused(f"{path}, line {line}: is not UTF-8; save it as UTF-8") from None


class _Wrong(yaml.MarkedYAMLError):
    """Valid YAML that no configuration needs."""

    def __init__(self, what: str, mark: yaml.Mark):
        super().__init__(problem=what, problem_mark=mark)


def _examine(text: str) -> None:
    """Raise _Wrong for what would take too long, or make what is no configuration; nothing is built."""
    open_sizes, open_anchors = [[0, 0]], [None]  # nodes and characters inside each open list or mapping
    anchors: dict[str, list[int]] = {}
    documents = 0
    for event in yaml.parse(text, _Parser):
        nodes, characters = 0, 0
        if isinstance(event, yaml.NodeEvent):
            _refuse_tag(event)
        elif isinstance(event, yaml.DocumentStartEvent):
            documents += 1
            if documents > 1:
                raise _Wrong("a second document (---) begins; write one", event.start_mark)
        if isinstance(event, yaml.CollectionStartEvent):
            open_sizes.append([1, 1])
            open_anchors.append(event.anchor)
            if len(open_sizes) > DEPTH:
                raise _Wrong(f"is nested deeper than {DEPTH}; a configuration is flat", event.start_mark)
        elif isinstance(event, yaml.CollectionEndEvent):
            nodes, characters = open_sizes.pop()
            if anchor := open_anchors.pop():
                anchors[anchor] = [nodes, characters]
        elif isinstance(event, yaml.AliasEvent):
            if event.anchor not in anchors:
                what = "is inside what it stands for" if event.anchor in open_anchors else "stands for nothing"
                raise _Wrong(f"alias {shown(event.anchor)} {what}; write the value", event.start_mark)
            nodes, characters = anchors[event.anchor]
        elif isinstance(event, yaml.ScalarEvent):
            if found := _UNPRINTABLE.search(event.value):
                raise _Wrong(f"holds the character {found[0]!a}; write printable text", event.start_mark)
            nodes, characters = 1, len(event.value)
            if event.anchor:
                anchors[event.anchor] = [nodes, characters]
        open_sizes[-1][0] += nodes
        open_sizes[-1][1] += characters
        if open_sizes[-1][0] > NODES or open_sizes[-1][1] > SIZE:
            raise _Wrong(f"holds more than {NODES} values or {SIZE} characters, aliases written out", event.start_mark)


def _refuse_tag(event: yaml.NodeEvent) -> None:
    tag = getattr(event, "tag", None)
    if tag not in (None, "!"):  # "!" is what the parser gives to quoted text
        raise _Wrong(f"tag {shown(tag)} is not allowed; write the plain value", event.start_mark)


_Parser = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # in C where PyYAML was built with it: ten times as fast


class _Loader(_Parser):
    """SafeLoader without dates and merge keys, whose keys are text as written; it refuses a key written twice.

    Plain YAML makes a number of the key `1` and False of `no`, and silently takes the last of two equal keys.
    """

    yaml_implicit_resolvers: ClassVar = {
        first: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith((":timestamp", ":value"))]
        for first, resolvers in _Parser.yaml_implicit_resolvers.items()
    }

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict:
        seen = set()
        for key_node, _ in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                raise _Wrong("a key is a list or mapping; write text", key_node.start_mark)
            if key_node.tag.endswith(":merge"):
                raise _Wrong("merge keys (<<) are not read; write the keys themselves", key_node.start_mark)
            key_node.tag = "tag:yaml.org,2002:str"
            key = self.construct_object(key_node, deep=True)
            if key in seen:
                raise _Wrong(f"key {shown(key)} is written twice; remove one", key_node.start_mark)
            seen.add(key)
        return super().construct_mapping(node, deep)

    def construct_number(self, node: yaml.ScalarNode) -> int | float:
        """A number that every program can hold."""
        make = self.construct_yaml_int if node.tag.endswith(":int") else self.construct_yaml_float
        try:
            value = make(node) if len(node.value) <= NUMBER else None
        except (ValueError, OverflowError):
            value = None
        if value is None or (isinstance(value, int) and abs(value) > LARGEST):
            raise _Wrong(f"{shown(node.value)} is no number that fits into 64 bits", node.start_mark)
        return value


for _tag in ("int", "float"):
    _Loader.add_constructor(f"tag:yaml.org,2002:{_tag}", _Loader.construct_number)
