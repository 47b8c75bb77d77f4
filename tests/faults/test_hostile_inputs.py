"""Tens of thousands of hostile files: each is accepted or refused in a sentence, in bounded time and memory."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from support import hostile
from support.commands import ENVIRONMENT, ROOT

from rawm.errors import UserError

#: Kind of file -> how many are tried.
FILES = {
    "YAML": 10_000,
    "audio": 8_000,
    "tensors": 8_000,
    "protocols": 5_000,
    "scores": 13_000,
    "tables": 1_500,
    "Parquet": 2_500,
    "documents": 2_500,
}
PATHS = [str(ROOT), str(ROOT / "tests"), *filter(None, [os.environ.get("PYTHONPATH")])]


@pytest.mark.faults
@pytest.mark.parametrize("kind", FILES)
def test_no_file_gives_a_traceback_or_hangs(kind, tmp_path, record_property):
    command = [sys.executable, "-m", "support.hostile", kind, str(FILES[kind]), str(tmp_path / "files")]
    variables = ENVIRONMENT | {"PYTHONPATH": os.pathsep.join(PATHS), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, env=variables, stdout=subprocess.PIPE, check=True, text=True)
    result = json.loads(done.stdout)
    failures = result.pop("failures")
    record_property("hostile", result | {"kind": kind, "tracebacks": len(failures) - result["hangs"]})
    assert not failures, f"{len(failures)} failures; files are kept beside the first: {failures[0]}"
    assert result["tried"] == FILES[kind] and result["memory"] < hostile.MEMORY
    assert min(result["accepted"], result["refused"]) > FILES[kind] / 50  # both happen often


def read(path):
    """A reader that does with a file what its first letter says."""
    content = path.read_bytes()
    if content[:1] == b"h":
        time.sleep(60)
    if content[:1] == b"m":
        bytes(hostile.MEMORY * 2)
    if content[:1] == b"k":
        os.abort()
    if content[:1] == b"t":
        raise KeyError("x")
    if content[:1] == b"u":
        raise UserError("x: is wrong; write it right")


@pytest.mark.slow
def test_what_goes_wrong_is_noticed_and_the_file_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(hostile, "SECONDS", 1)
    target = hostile.Target(
        tmp_path / "file", b"a", lambda rng, *_: rng.choice((b"a", b"u", b"m", b"t", b"k", b"h")), read
    )
    result = hostile.tried([target], tmp_path, 0, 20)
    expected = [hostile.hostile([target], number)[1] for number in range(20)]
    bad = [content for content in expected if content in b"mtkh"]
    assert set(expected) == {b"a", b"u", b"m", b"t", b"k", b"h"}
    assert result["tried"] == 20 and result["accepted"] == expected.count(b"a")
    assert result["refused"] == expected.count(b"u") and result["hangs"] == expected.count(b"h")
    assert [Path(kept).read_bytes() for _, kept, _ in result["failures"]] == bad
    said = "".join(outcome for _, _, outcome in result["failures"])
    assert "MemoryError" in said and "KeyError" in said and "ended with -6" in said
