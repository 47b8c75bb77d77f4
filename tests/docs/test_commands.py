"""The commands of the quick start and of the tutorials run as they stand, page by page, in a copy of the repository.

Comments that readers do not see say what happens to the block below them: `file: PATH` (the block is its content),
`after: START in PATH`, `before: ...` and `instead of: ...` (the block goes to the line of the file that starts so), and
`not run: REASON`.
"""

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest
import typer
from support.commands import ENVIRONMENT, ROOT
from support.finished_study import copy_of_finished_study

from rawm.cli.verbs import app

DOCS = ROOT / "docs"
PAGES = [DOCS / "quick_start.md", *sorted((DOCS / "tutorials").glob("*.md"))]
BLOCK = re.compile(r"(?:^<!-- ([^\n]+) -->\n)?^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NOT_RUN = 8  # blocks of all pages that may stay so


class Step(NamedTuple):
    comment: str
    kind: str
    text: str


def steps(page):
    return [Step(*groups) for groups in BLOCK.findall(page.read_text(encoding="utf-8"))]


@pytest.fixture(scope="module")
def finished(tmp_path_factory, worker_id):
    return copy_of_finished_study(tmp_path_factory, worker_id)


@pytest.fixture
def folder(finished, tmp_path):
    """A copy of the repository in which the synthetic study has run."""
    folder = tmp_path / "repository"
    shutil.copytree(finished, folder, copy_function=shutil.copy2)
    for name in ("rawm", "workflow"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("Makefile", "requirements.txt", "pyproject.toml"):
        shutil.copy(ROOT / name, folder)
    (folder / ".venv").mkdir()
    (folder / ".venv/bin").symlink_to(Path(sys.executable).parent)
    (folder / ".venv/installed").touch()
    return folder


def put(folder, comment, text):
    """Write the text of a block into a file, as its comment says."""
    how, place = comment.split(": ", 1)
    if how == "file":
        path = folder / place
        assert not path.exists(), place
        path.write_text(text)
        return
    start, name = place.rsplit(" in ", 1)
    path = folder / name
    lines = path.read_text().splitlines(keepends=True)
    [number] = [number for number, line in enumerate(lines) if line.strip().startswith(start)]
    first, last = {"before": (number, number), "after": (number + 1,) * 2, "instead of": (number, number + 1)}[how]
    lines[first:last] = [text + "\n\n" * (how == "before")]
    path.write_text("".join(lines))


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_commands_of_a_page_run_in_order(page, folder):
    variables = ENVIRONMENT | {"PYTHONPATH": str(folder), "CORES": "1"}
    for step in steps(page):
        if step.comment and not step.comment.startswith("not run: "):
            put(folder, step.comment, step.text)
        elif step.kind == "sh" and not step.comment:
            command = ["bash", "-euo", "pipefail", "-c", step.text]
            done = subprocess.run(command, cwd=folder, env=variables, capture_output=True, text=True, timeout=600)
            assert done.returncode == 0, f"{step.text}\n{(done.stdout + done.stderr)[-3000:]}"


def test_few_blocks_are_not_run():
    blocks = [step for page in PAGES for step in steps(page) if step.kind == "sh"]
    assert len([step for step in blocks if step.comment.startswith("not run: ")]) <= NOT_RUN
    assert all(step.comment == "" or step.comment.startswith("not run: ") for step in blocks)
    for page in PAGES:
        assert any(step.kind == "sh" and not step.comment for step in steps(page)), page.name


def commands():
    """Each command `rawm` in a block of any page of docs/."""
    for page in [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]:
        for step in steps(page):
            text = step.text.replace("\\\n", " ")
            for line in re.findall(r"^(?:.*\| )?(rawm .+)$", text, re.MULTILINE) if step.kind in ("sh", "") else ():
                yield pytest.param(line, id=f"{page.stem}: {line[:60]}")


@pytest.mark.parametrize("line", list(commands()))
def test_a_command_of_a_page_has_options_that_exist(line):
    words = shlex.split(line, comments=True)[1:]
    words = words[: next((number for number, word in enumerate(words) if word[0] in ">|&"), len(words))]
    command = typer.main.get_command(app)
    while hasattr(command, "commands") and words and words[0] in command.commands:
        command, words = command.commands[words[0]], words[1:]
    if words != ["--help"]:
        assert not hasattr(command, "commands"), f"no such command: {line}"
        command.make_context("rawm", words)
