"""Fixtures of tests that run Snakemake. All of them are slow."""

import shutil
from pathlib import Path

import pytest
from support.finished_study import copy_of_finished_study


def pytest_collection_modifyitems(items):
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session")
def finished(tmp_path_factory, worker_id):
    """A folder in which the synthetic study has run, with what `make run` printed in the file `output`."""
    return copy_of_finished_study(tmp_path_factory, worker_id)


@pytest.fixture
def study(finished, tmp_path):
    """The finished study, with the configuration put back afterwards."""
    shutil.copytree(finished / "config", tmp_path / "config", copy_function=shutil.copy2)
    yield finished
    shutil.rmtree(finished / "config")
    shutil.copytree(tmp_path / "config", finished / "config", copy_function=shutil.copy2)
