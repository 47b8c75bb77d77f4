"""A disk without space: each command says so in one sentence, leaves nothing half-written, and works when run again."""

import errno
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from support.finished_runs import make_study

from rawm import cli
from rawm.errors import UserError
from rawm.files import UNWRITABLE, atomic, write_text

ROOT = Path(__file__).parents[2]
MB = 1 << 20


@pytest.fixture
def disk(tmp_path, monkeypatch):
    """A small disk of its own, as working folder."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=12m", "tmpfs", str(folder)]
    if os.geteuid() or subprocess.run(command, capture_output=True).returncode:
        pytest.skip("only root can mount a small disk")
    monkeypatch.chdir(folder)
    yield folder
    os.chdir(tmp_path)
    subprocess.run(["umount", "--lazy", str(folder)], check=True)  # a file may still be mapped


def fill(spare):
    """Leave so many bytes of the disk free."""
    with open("filler", "wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(MB))
        except OSError as error:
            assert error.errno == errno.ENOSPC
        file.truncate(max(0, file.tell() - spare))


def rawm(monkeypatch, capsys, *arguments):
    """Run a command in this process; its exit status and what it prints to standard error."""
    monkeypatch.setattr(sys, "argv", ["rawm", *map(str, arguments)])
    capsys.readouterr()
    with pytest.raises(SystemExit) as ended:
        cli.main()
    return ended.value.code or 0, capsys.readouterr().err


@pytest.fixture
def runs_again(monkeypatch, capsys, disk):
    """A function that runs a command on the full disk, and again with space."""

    def run(*arguments, again=True):
        before = sorted(disk.rglob("*"))
        for spare in (0, 8192):
            fill(spare)
            status, said = rawm(monkeypatch, capsys, *arguments)
            lines = [line for line in said.splitlines() if line.startswith("rawm: ")]
            if not (spare and status == 0):  # a small file may fit
                assert status == 1 and len(lines) == 1 and "no space is left on the disk; free some" in lines[0], said
                assert "Traceback" not in said
            Path("filler").unlink()
            assert not [path for path in disk.rglob(".*") if path not in before]
        if again:
            status, said = rawm(monkeypatch, capsys, *arguments)
            assert status == 0, said

    return run


@pytest.mark.slow
def test_tables_figures_and_scores(runs_again, disk):
    make_study(disk, methods=("finetune", "rawm"), seeds=(0,), tasks=2)
    runs_again("intervals", "--study", "demo", "--resamples", 100)
    runs_again("tables", "--study", "demo")
    export = ("scores", "export", "--study", "demo", "--method", "rawm", "--seed", 0, "--output", "exported")
    runs_again(*export)
    assert len(list(Path("exported").iterdir())) == 2
    runs_again("figures", "--study", "demo", again=False)


@pytest.mark.slow
def test_corpus_features_import_and_training(runs_again, disk, tmp_path, monkeypatch, capsys):
    shutil.copytree(ROOT / "config", "config")
    runs_again("corpora", "make", "digits")
    runs_again("extract", "--frontend", "pixels", "--corpus", "digits")
    run = ("train", "--study", "digits_clear", "--method", "rawm_digits", "--seed", 0, "--task", 1)
    runs_again(*run)
    first = Path("results/digits_clear/runs/rawm_digits/seed0/task1/detector.safetensors").read_bytes()
    assert rawm(monkeypatch, capsys, *run)[0] == 0
    assert first == Path("results/digits_clear/runs/rawm_digits/seed0/task1/detector.safetensors").read_bytes()
    table = ["utterance_id,path,label"]
    for number in range(40):
        np.save(tmp_path / f"{number}.npy", np.full(1000, number, np.float32))
        table.append(f"u{number},{number}.npy,{'ab'[number % 2]}")
    (tmp_path / "table.csv").write_text("\n".join(table))
    runs_again("import", "features", tmp_path / "table.csv", "--output", "imported")


@pytest.mark.parametrize("number", sorted(UNWRITABLE.keys() - {errno.EACCES}))
def test_the_file_that_cannot_be_written_is_named(number, tmp_path):
    with pytest.raises(UserError, match=r"scores\.txt: ") as caught, atomic(tmp_path / "scores.txt"):
        raise OSError(number, os.strerror(number))
    assert UNWRITABLE[number] in str(caught.value)
    assert not list(tmp_path.iterdir())


def test_other_errors_stay_what_they_are(tmp_path):
    with pytest.raises(FileNotFoundError), atomic(tmp_path / "scores.txt") as temporary:
        temporary.with_name("other").read_bytes()


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full")
def test_a_full_device_is_an_error_of_writing(tmp_path):
    with pytest.raises(UserError, match="no space is left"), atomic(tmp_path / "x"):
        Path("/dev/full").write_text("x" * 100_000)
    write_text(tmp_path / "x", "y")
    assert (tmp_path / "x").read_text() == "y"
