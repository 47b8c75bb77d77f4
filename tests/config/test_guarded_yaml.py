"""Files that are no configuration: each gets one sentence, soon, whatever it holds."""

import json
import os
import random
import time
from pathlib import Path

import pytest
import yaml
from support.mutations import PIECES, reshaped, spoilt_text

from rawm.config import guarded_yaml
from rawm.config.reading import ConfigError, parse, read_model, read_yaml
from rawm.config.study import MainFile, StudyFile
from rawm.study.load import KINDS

ROOT = Path(__file__).parents[2]
FILES = 2_000  # `make test-faults` tries more

BOMB = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 10)}]\n" for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)
#: What is wrong -> content of the file, and what the sentence must say.
REFUSED = {
    "an alias bomb": (BOMB, "aliases written out"),
    "an alias of long text": ("a: &a " + "x" * 500_000 + "\nb: [*a, *a]", "aliases written out"),
    "an alias inside itself": ("a: &a [*a]", "alias 'a' is inside what it stands for"),
    "an alias of nothing": ("a: *b", "alias 'b' stands for nothing"),
    "a size": ("a: " + "x" * 1_000_000, "holds more than 1 MB"),
    "too many values": ("a: [" + "1," * 20_000 + "1]", "holds more than 20000 values"),
    "a depth": ("a: " + "[" * 200 + "]" * 200, "line 1: is nested deeper than 50"),
    "a depth that overflows the stack": ("a: " + "[" * 900_000, "nested deeper than 50"),
    "mappings in mappings": ("{a: " * 300, "nested deeper than 50"),
    "a key twice": ("a: 1\nb: 2\na: 3", "line 3: key 'a' is written twice"),
    "a key twice inside": ("a: {b: 1, b: 1}", "line 1: key 'b' is written twice"),
    "a merge key": ("a: &a {b: 1}\nc: {<<: *a}", "line 2: merge keys (<<) are not read; write the keys themselves"),
    "a list as key": ("[a, b]: 1", "a key is a list or mapping; write text"),
    "a mapping as key": ("? {a: 1}\n: 2", "a key is a list or mapping; write text"),
    "a tag that makes an object": ("a: !!python/object/apply:os.system [true]", "tag 'tag:yaml.org,2002:python/obj"),
    "a tag of bytes": ("a: !!binary aGk=", "is not allowed; write the plain value"),
    "a tag that does not fit": ("a: !!int ''", "is not allowed; write the plain value"),
    "a tag on a list": ("a: !!set {b, c}", "is not allowed; write the plain value"),
    "an integer of 5,000 digits": ("a: " + "9" * 5000, "line 1: '9999"),
    "an integer of 66 bits": ("a: 0x3ffffffffffffffff", "is no number that fits into 64 bits"),
    "a hexadecimal number without digits": ("a: 0x_", "'0x_' is no number"),
    "a number to the base of sixty": ("a: 1" + ":1" * 300_000, "is no number that fits into 64 bits"),
    "a character that moves the cursor": ('a: "\\e[2J"', "holds the character '\\x1b'; write printable text"),
    "half a character": ('a: "\\ud800"', "line 1: "),
    "two documents": ("a: 1\n---\na: 2", "line 2: a second document (---) begins"),
    "no mapping": ("- a\n- b", "is ['a', 'b']; write lines of the form `key: value`"),
    "nothing": ("", "is None; write lines of the form `key: value`"),
    "a tab": ("a:\n\t- b", "line 2: not valid YAML"),
    "UTF-16": ("a: ü".encode("utf-16"), "is UTF-16; save it as UTF-8"),
    "UTF-32": ("a: ü".encode("utf-32-be"), "holds a NUL byte; save it as UTF-8"),
    "Latin-1": ("a: 1\nb: ü".encode("latin-1"), "line 2: is not UTF-8; save it as UTF-8"),
    "a NUL byte": (b"a: \x00", "holds a NUL byte"),
}


def said(path, model=None):
    """The one sentence about a file, which names it; it comes within a second of processor time."""
    started = time.process_time()
    with pytest.raises(ConfigError) as caught:
        read_model(path, model) if model else read_yaml(path)
    assert time.process_time() - started < 1
    (sentence,) = caught.value.problems
    assert sentence.startswith(str(path)) and len(sentence) < 1100 and sentence.isprintable()
    return sentence


@pytest.mark.parametrize("what", REFUSED)
def test_what_no_configuration_needs_is_refused_in_one_sentence(what, tmp_path):
    content, words = REFUSED[what]
    path = tmp_path / "file.yaml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    assert words in said(path)


def test_what_is_no_file_is_refused_in_one_sentence(tmp_path):
    (tmp_path / "folder.yaml").mkdir()
    os.mkfifo(tmp_path / "pipe.yaml")
    (tmp_path / "one.yaml").symlink_to("two.yaml")
    (tmp_path / "two.yaml").symlink_to("one.yaml")
    for name, words in {
        "folder": "is a folder, not a regular file",
        "pipe": "is a named pipe, not a regular file",
        "one": "is a link that leads back to itself",
        "x" * 300: "is too long a name",
        "folder.yaml/x": "no such file",
        "pipe.yaml/x": "cannot be read (Not a directory)",
        "a\0b": "cannot be read",
    }.items():
        with pytest.raises(ConfigError, match=words.replace("(", r"\(").replace(")", r"\)")) as caught:
            read_yaml(tmp_path / f"{name}.yaml")
        assert len(caught.value.problems) == 1


def test_what_editors_write_is_read(tmp_path):
    path = tmp_path / "file.yaml"
    path.write_bytes("\ufeff# ü\r\na: &a [1, 2.5, yes, ~, 2024-13-45]\r\nb: *a\r\n'<<': {1: c}\r\n".encode())
    assert read_yaml(path) == {"a": (held := [1, 2.5, True, None, "2024-13-45"]), "b": held, "<<": {"1": "c"}}


def test_limits_are_far_from_what_the_shipped_files_hold():
    for path in (ROOT / "config").rglob("*.yaml"):
        assert path.stat().st_size < guarded_yaml.SIZE / 50
        assert guarded_yaml.read(path) == yaml.safe_load(path.read_text())


@pytest.mark.parametrize(
    "value",
    ["x" * 10_000_000, [["x"] * 1000] * 1000, -(10**5000), {"a": {"b": [1] * 100_000}}],
    ids=["text", "lists", "a number", "mappings"],
)
def test_a_wrong_value_is_shown_shortened_whatever_its_size(value):
    started = time.process_time()
    with pytest.raises(ConfigError) as caught:
        parse({"study": "synthetic", "shards": value}, MainFile, Path("config.yaml"))
    assert time.process_time() - started < 1
    assert len(str(caught.value)) < 200


def test_an_alias_bomb_that_another_program_has_read_is_shown_shortened():
    bomb = yaml.safe_load(BOMB)["i"]
    with pytest.raises(ConfigError, match="title: is "):
        parse({"title": bomb}, StudyFile, Path("study.yaml"))


def test_thousands_of_mistakes_are_counted(tmp_path):
    path = tmp_path / "file.yaml"
    path.write_text("study: synthetic\n" + "".join(f"study{number}: x\n" for number in range(5000)))
    with pytest.raises(ConfigError) as caught:
        read_model(path, MainFile)
    assert len(caught.value.problems) == 51
    assert caught.value.problems[-1] == f"{path}: has 4950 more mistakes"


@pytest.mark.slow
def test_generated_files_are_read_or_refused(tmp_path):
    rng = random.Random(5)
    kinds = {kind: sorted((ROOT / "config" / kind).glob("*.yaml")) for kind in KINDS}
    texts = {path: path.read_text() for paths in kinds.values() for path in paths}
    contents = {path: json.dumps(guarded_yaml.read(path)) for path in texts}
    path, read, slowest = tmp_path / "file.yaml", 0, 0.0
    for _ in range(FILES):
        kind = rng.choice(list(KINDS))
        source = rng.choice(kinds[kind])
        if rng.random() < 0.5:
            text = spoilt_text(rng, texts[source], PIECES)
        else:
            text = json.dumps(reshaped(rng, json.loads(contents[source])), ensure_ascii=False)  # JSON is YAML
        path.write_bytes(text.encode("latin-1" if rng.random() < 0.02 else "utf-8", "replace"))
        started = time.process_time()
        try:
            read_model(path, KINDS[kind], {"name": "x"} if kind == "corpora" else None)
            read += 1
        except ConfigError as error:
            assert all(one.startswith(str(path)) and len(one) < 1100 for one in error.problems), text
        except Exception as error:
            raise AssertionError(f"{kind}: {text}") from error
        slowest = max(slowest, time.process_time() - started)
    assert slowest < 1
    assert FILES / 20 < read < FILES * 19 / 20  # both happen often
