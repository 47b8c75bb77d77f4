"""Help texts of the command line."""

import platform

import pytest
import typer
from typer.testing import CliRunner

from rawm.cli.verbs import app


def verbs(command, *names):
    """The words of every verb, those of groups included."""
    if hasattr(command, "commands"):
        return [path for name, inside in command.commands.items() for path in verbs(inside, *names, name)]
    return [names]


VERBS = verbs(typer.main.get_command(app))


def test_there_are_verbs():
    expected = {"check", "extract", "train", "evaluate", "tables", "figures", "track", "ui"}
    assert expected <= {verb[0] for verb in VERBS}


@pytest.mark.parametrize("verb", VERBS, ids=" ".join)
def test_every_verb_has_examples(verb):
    result = CliRunner().invoke(app, [*verb, "--help"])
    assert result.exit_code == 0
    assert f"$ rawm {' '.join(verb)}" in result.output


def test_versions_are_printed():
    result = CliRunner().invoke(app, ["--version"])
    assert result.exit_code == 0
    assert [line.split()[0] for line in result.output.splitlines()[:2]] == ["rawm", "torch"]
    assert f"Python {platform.python_version()}" in result.output
