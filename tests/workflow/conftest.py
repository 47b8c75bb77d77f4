"""Fixtures of tests that run Snakemake. All of them are slow."""

import shutil
from pathlib import Path

import pytest
from filelock import FileLock
from support.commands import ROOT, snakemake


def pytest_collection_modifyitems(items):
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session")
def finished(tmp_path_factory, worker_id):
    """A folder in which the synthetic study has run; it runs once, and every worker of pytest-xdist gets a copy.

    The file `output` is what `make run` prints where there is no terminal.
    """
    shared = tmp_path_factory.getbasetemp()
    if worker_id != "master":
        shared = shared.parent
    original = shared / "finished_synthetic"
    with FileLock(f"{original}.lock"):
        if not (original / "output").exists():
            shutil.rmtree(original, ignore_errors=True)
            original.mkdir()
            shutil.copytree(ROOT / "config", original / "config")
            _, text = snakemake(original, "--cores", "2", "--logger", "lines")
            (original / "output").write_text(text)
    folder = tmp_path_factory.mktemp("synthetic") / "study"
    shutil.copytree(original, folder, copy_function=shutil.copy2)  # with the times, which Snakemake looks at
    return folder


@pytest.fixture
def study(finished, tmp_path):
    """The finished study, with the configuration put back afterwards."""
    shutil.copytree(finished / "config", tmp_path / "config", copy_function=shutil.copy2)
    yield finished
    shutil.rmtree(finished / "config")
    shutil.copytree(tmp_path / "config", finished / "config", copy_function=shutil.copy2)
