"""Labels: what they may hold, wherever they come from; nothing else reaches paths, patterns or the shell.

Kind: names of files that mean something to a shell, a path or a pattern. Reported: a method's label with a backtick, a
dollar sign, a blank or a quote. Others: + | ( { of patterns, letters beyond ASCII, a dash in front, 65 characters, a
line break, folders (`../x`, `/tmp/x`); labels in keys and lists of files, and of an import; hidden files of editors.
"""

import re
import shlex
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError
from typer.testing import CliRunner

from rawm import paths
from rawm.cli.verbs import app
from rawm.config.labels import Label, problem
from rawm.config.reading import ConfigError, read_model
from rawm.corpora import importing
from rawm.errors import UserError
from rawm.study import (
    KINDS,
    check_all,
    labels,
    load_corpus,
    load_frontend,
    load_method,
    load_published,
    load_stream,
    load_study,
)
from rawm.study.searches import load_search

RULES = Path(__file__).parents[2] / "workflow" / "rules"
BAD = ("a`touch x`", "$(touch x)", "a b", "a'b", 'a"b', "a+b", "a|b", "a(b", "a{b}", "ä", "-x", "_x", "a" * 65, "a\n")
BAD_PATHS = (".x", "../escaped", "/tmp/escaped", "a/b", "..", "", "a\0b")
LOADERS = (load_study, load_search, load_published, load_corpus, load_frontend, load_method, load_stream)


@given(st.text(max_size=70) | st.from_regex(r"[A-Za-z0-9_.-]{1,66}"))
def test_a_label_is_one_plain_word_for_shells_paths_and_patterns(text):
    if problem(text) is None:
        assert shlex.quote(text) == text and not text.startswith("-")
        assert Path("x", text).parent == Path("x") and Path("x", text).name == text and text not in (".", "..")
        assert text.isascii() and len(text) <= 64
        assert re.fullmatch(re.escape(text), text)
        assert TypeAdapter(Label).validate_python(text) == text
    else:
        with pytest.raises(ValidationError):
            TypeAdapter(Label).validate_python(text)


def test_every_label_that_ships_is_one():
    assert all(problem(label, kind) is None for kind in KINDS for label in labels(kind))


@pytest.fixture
def config(tmp_path, monkeypatch):
    """An empty config/ in a working folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(paths, "SHIPPED_CONFIG", tmp_path / "not there")
    for kind in KINDS:
        (tmp_path / "config" / kind).mkdir(parents=True)
    Path("config/config.yaml").write_text("study: a\n")
    return tmp_path / "config"


@pytest.mark.parametrize("name", BAD)
def test_a_file_with_another_name_is_refused_by_check(name, config):
    (config / "methods" / f"{name}.yaml").write_text("algorithm: rawm\n")
    (problem,) = check_all()
    assert problem.startswith("config/methods: ") and "is no label; write up to 64 of the characters A-Z a-z" in problem
    assert problem.isprintable()


@pytest.mark.parametrize("name", ["._rawm", ".#rawm"])
def test_hidden_files_are_no_methods(name, config):
    (config / "methods" / f"{name}.yaml").write_text("\x00")
    assert check_all() == [] and labels("methods") == []


@pytest.mark.parametrize("name", paths.TAKEN)
def test_a_study_is_not_called_as_another_folder_of_results(name, config):
    (config / "studies" / f"{name}.yaml").write_text("")
    assert check_all() == [f"config/studies: {name!r} is a folder of results/ already; give the study another name"]


@pytest.mark.parametrize("label", [*BAD, *BAD_PATHS])
@pytest.mark.parametrize("load", LOADERS, ids=lambda load: load.__name__)
def test_what_is_no_label_is_not_looked_for(load, label, config):
    with pytest.raises(ConfigError, match="is no label; write up to 64"):
        load(label)


@pytest.mark.parametrize(
    ("kind", "content", "key"),
    [
        ("studies", "{title: x, stream: '../x', frontend: a, detector: a, methods: [a], seeds: [0]}", "stream"),
        ("studies", "{title: x, stream: a, frontend: '$x', detector: a, methods: [a], seeds: [0]}", "frontend"),
        ("studies", "{title: x, stream: a, frontend: a, detector: 'a b', methods: [a], seeds: [0]}", "detector"),
        ("studies", "{title: x, stream: a, frontend: a, detector: a, methods: ['a|b'], seeds: [0]}", "methods.1"),
        ("streams", "{title: x, tasks: [{name: a, corpora: ['`x`']}]}", "tasks.1.corpora.1"),
        ("streams", "{title: x, tasks: [{name: a b, corpora: [a]}]}", "tasks.1.name"),
        ("streams", "{title: x, tasks: [{name: " + "a" * 65 + ", corpora: [a]}]}", "tasks.1.name"),
        ("searches", "{title: x, study: a/b, seeds: [0], methods: {a: {}}}", "study"),
        ("searches", "{title: x, study: a, seeds: [0], methods: {a+b: {}}}", "methods.a+b"),
        ("frontends", "{type: stored, features: ../x}", "features"),
    ],
)
def test_what_a_file_names_is_refused_with_its_key(kind, content, key, config):
    path = config / kind / "x.yaml"
    path.write_text(content)
    with pytest.raises(ConfigError) as caught:
        read_model(path, KINDS[kind])
    (sentence,) = caught.value.problems
    assert sentence.startswith(f"{path}: {key}")


@pytest.mark.parametrize("name", ["../escaped", "/tmp/escaped", "a b", "", "a/b", ".."])
def test_an_import_writes_nothing_outside_its_folder(name, tmp_path):
    (tmp_path / "table.csv").write_text("utterance_id,path,label\na,a.npy,x\n")
    with pytest.raises(UserError, match=r"^--name: .* is no label; write up to 64"):
        importing.import_table(tmp_path / "table.csv", tmp_path / "out", name, "none")
    with pytest.raises(UserError, match=r"^--features: .* is no label"):
        arguments = ["import", "clear", str(tmp_path), "--output", str(tmp_path / "out"), "--features", name]
        CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert [path.name for path in tmp_path.iterdir()] == ["table.csv"]


def test_rules_quote_whatever_reaches_the_shell():
    commands = [
        command
        for path in RULES.glob("*.smk")
        for command in re.findall(r'^    shell:\n((?:        ".*"\n)+)', path.read_text(), re.M)
    ]
    rules = sum(len(re.findall(r"^    shell:", path.read_text(), re.M)) for path in RULES.glob("*.smk"))
    assert len(commands) == rules > 10
    for command in commands:
        values = re.findall(r"\{[^}]*\}", command)
        assert values and all(value.endswith(":q}") for value in values), command
