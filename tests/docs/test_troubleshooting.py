"""Each message of docs/troubleshooting.md is still in the code."""

import ast
import re
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/troubleshooting.md").read_text(encoding="utf-8")
MESSAGES = re.findall(r"^### `(.+)`$", PAGE, re.MULTILINE)
GAP = "\0"  # stands for what is put into a message


def texts(path):
    """The texts in a file of Python, with a gap for each value that is put in."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value
        if isinstance(node, ast.JoinedStr):
            yield "".join(part.value if isinstance(part, ast.Constant) else GAP for part in node.values)


@pytest.fixture(scope="module")
def known():
    snakemake = Path(find_spec("snakemake").origin).with_name("exceptions.py")
    files = [*sorted((ROOT / "rawm").rglob("*.py")), snakemake]
    return [*(text for file in files for text in texts(file)), *(ROOT / "Makefile").read_text().splitlines()]


@pytest.mark.parametrize("message", MESSAGES)
def test_a_message_of_the_page_is_one_of_the_code(message, known):
    pattern = re.compile(".*".join(re.escape(part) for part in message.strip(".:, ").split("...")), re.DOTALL)
    assert any(pattern.search(text) for text in known), f"no message in the code reads {message}"


def test_the_page_has_the_messages_that_users_meet_most_often():
    assert len(set(MESSAGES)) == len(MESSAGES) >= 30
    assert "was damaged after it was written" in PAGE and "`make unlock`" in PAGE
