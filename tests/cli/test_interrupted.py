"""Ctrl-C ends a command without a traceback, wherever it is."""

import subprocess
import sys

import pytest

VERB = """
import os, signal, sys
from rawm.cli import verbs

@verbs.app.command()
def slow():
    try:
        {before}
    except KeyboardInterrupt:
        raise {error}

sys.argv = ["rawm", "slow"]
verbs.main()
"""
INTERRUPT = "os.kill(os.getpid(), signal.SIGINT)"


@pytest.mark.parametrize(
    ("before", "error", "status"),
    [
        (INTERRUPT, "", 130),
        (INTERRUPT, "ImportError('initialization failed')", 130),  # as libraries in C do while they are loaded
        ("raise KeyboardInterrupt", "ImportError('no such module')", 1),
    ],
)
def test_an_interrupted_command_says_nothing(before, error, status):
    code = VERB.format(before=before, error=error)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == status
    assert ("Traceback" in done.stderr) == (status == 1)
