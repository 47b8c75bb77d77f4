"""Mistakes in files that are one of several models are blamed on their own key."""

import os
from pathlib import Path

import pytest
import yaml

from rawm.config.corpora import CorpusFile
from rawm.config.detectors import DetectorFile
from rawm.config.methods import MethodFile
from rawm.config.reading import ConfigError, _discriminators, _members, _plain, parse, read_yaml
from rawm.config.search import SearchFile
from rawm.study import KINDS, labels

UNIONS = {"corpora": CorpusFile, "detectors": DetectorFile, "methods": MethodFile, "frontends": KINDS["frontends"]}
KEYS = {"corpora": "loader", "detectors": "type", "methods": "algorithm", "frontends": "type"}


def members():
    """(kind, value of the key that chooses the member, its model), of every union of files."""
    for kind, union in UNIONS.items():
        for member in _members(union):
            for value in _discriminators(_plain(member)):
                yield kind, value, _plain(member)


def problems(content, model):
    with pytest.raises(ConfigError) as caught:
        parse(content, model, Path("f.yaml"))
    return caught.value.problems


MISTAKES = {
    "numbers": ({"labels": {1: "genuine", 0: "real"}}, ["labels.0: is 'real'; must be 'genuine' or 'fake'"]),
    "missing_allowed": ({"missing_allowed": 2}, ["missing_allowed: is 2; must be less than or equal to 1"]),
    "lables": ({"lables": {}}, ["lables: unknown key (did you mean 'labels'?); known keys: bad_audio"]),
    "nested": ({"splits": {"train": 2, "eval": 0}}, ["splits.train: is 2; must be less than or equal to 1"]),
    "nested_unknown": ({"splits": {"train": 1, "eval": 0, "bye": 1}}, ["splits.bye: unknown key (did you mean 'by'?)"]),
    "in_a_list": (
        {"splits": {"train": 1, "eval": 0, "of": ["dev", "test"]}},
        ["splits.of.2: is 'test'; string should match"],
    ),
    "table_itself": ({"table": 5}, ["table: is 5; must be a valid string"]),
    "two": ({"bad_audio": "go", "table": None}, ["bad_audio: is 'go'", "table: is None"]),
}


@pytest.mark.parametrize("case", MISTAKES)
def test_mistakes_in_a_member_called_like_one_of_its_keys(case):
    """Kind: pydantic names the member of a union in its locations, which was taken for the key of that name.

    In the list: labels, missing_allowed and lables of loader table. Others: nested keys, items of lists, the key table.
    """
    change, sentences = MISTAKES[case]
    found = problems({"loader": "table", "name": "x", "table": "t.csv"} | change, CorpusFile)
    assert len(found) == len(sentences)
    for problem, sentence in zip(sorted(found), sorted(sentences), strict=True):
        assert problem.startswith(f"f.yaml: {sentence}")


@pytest.mark.parametrize(
    ("kind", "value", "model"), list(members()), ids=lambda value: value if isinstance(value, str) else ""
)
def test_every_key_of_every_member_takes_its_own_blame(kind, value, model):
    key, needed = KEYS[kind], {}
    for name, field in model.model_fields.items():
        if field.is_required() and name != key:
            needed[field.alias or name] = "x"
    for name, field in model.model_fields.items():
        name = field.alias or name
        if name not in (key, "version"):  # versions differ by loader: a check of the whole model
            blamed = [problem for problem in problems(needed | {key: value, name: object()}, UNIONS[kind])]
            assert any(problem.startswith((f"f.yaml: {name}: is <object", f"f.yaml: {name}.")) for problem in blamed), (
                blamed
            )
    unknown = problems(needed | {key: value, "nonsense": 1}, UNIONS[kind])
    known = sorted({field.alias or name for name, field in model.model_fields.items()} - {"name"})
    assert any(line == f"f.yaml: nonsense: unknown key; known keys: {', '.join(known)}" for line in unknown), unknown


def test_unions_inside_a_file_are_looked_through():
    found = problems({"everywhere": {"a": {"low": 1, "hihg": 2}}}, SearchFile)
    assert any(line.startswith("f.yaml: everywhere.a.hihg: unknown key (did you mean 'high'?)") for line in found), (
        found
    )


def test_a_missing_loader_is_told_all_there_are():
    (found,) = problems({"name": "x"}, CorpusFile)
    assert "loader: is missing; write one of table, folder, evda_list, rais_list, arena_list, antideepfake" in found


def test_keys_are_text_as_written_and_shipped_files_have_no_others(tmp_path):
    (tmp_path / "a.yaml").write_text("base: &b {no: 1}\n1: a\nyes: b\n01: c\n~: d\nbound: *b\n")
    assert read_yaml(tmp_path / "a.yaml") == {
        "base": {"no": 1}, "1": "a", "yes": "b", "01": "c", "~": "d", "bound": {"no": 1},
    }  # fmt: skip
    (tmp_path / "b.yaml").write_text("1: a\n'1': b\n")
    with pytest.raises(ConfigError, match="'1' is written twice"):
        read_yaml(tmp_path / "b.yaml")
    for kind in ("published", "streams", "searches"):
        for label in labels(kind):
            path = Path("config") / kind / f"{label}.yaml"
            assert read_yaml(path) == yaml.safe_load(path.read_text(encoding="utf-8")), path


def test_a_named_pipe_is_no_configuration(tmp_path):
    os.mkfifo(tmp_path / "a.yaml")
    with pytest.raises(ConfigError, match=r"a\.yaml: is a named pipe, not a regular file"):
        read_yaml(tmp_path / "a.yaml")
