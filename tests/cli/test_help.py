"""Help texts of the command line."""

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
