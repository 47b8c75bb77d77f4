"""A server for a group: PostgreSQL, proxied artifacts, and eight studies that upload at the same time."""

import multiprocessing
import os
import shutil
import subprocess
from collections import Counter
from contextlib import chdir
from pathlib import Path

import pytest
from support.finished_runs import STUDY, make_study
from support.servers import mlflow_server
from support.stores import free_port

from rawm import tracking
from rawm.study import load_study

STUDIES = [f"study_{number}" for number in range(1, 9)]
EXPERIMENT = "rawm/group"
POSTGRES = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
pytestmark = [
    pytest.mark.faults,
    pytest.mark.slow,
    pytest.mark.skipif(not POSTGRES or os.geteuid() != 0, reason="needs PostgreSQL, and root to start it as its user"),
]


@pytest.fixture(scope="module")
def database(tmp_path_factory):
    """URI of a database of a PostgreSQL server of its own."""
    folder, port = tmp_path_factory.mktemp("postgresql"), free_port()
    for path in (folder, *folder.parents[:3]):
        path.chmod(0o755)
    shutil.chown(folder, "postgres")

    def as_postgres(*command):
        command = ["runuser", "-u", "postgres", "--", str(POSTGRES[-1] / command[0]), *command[1:]]
        subprocess.run(command, check=True, cwd=folder, capture_output=True)

    as_postgres("initdb", "--pgdata", "data", "--auth", "trust")
    options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={folder} -c fsync=off"
    as_postgres("pg_ctl", "--pgdata", "data", "--log", "log", "--wait", "--options", options, "start")
    try:
        as_postgres("createdb", "--host", str(folder), "--port", str(port), "mlflow")
        yield f"postgresql://postgres@127.0.0.1:{port}/mlflow"
    finally:
        as_postgres("pg_ctl", "--pgdata", "data", "--mode", "fast", "stop")


@pytest.fixture(scope="module")
def server(database, tmp_path_factory):
    """URI of an MLflow server with two workers on that database; it serves the artifacts too."""
    with mlflow_server(tmp_path_factory.mktemp("server"), database, workers=2) as (_, port):
        yield f"http://127.0.0.1:{port}"


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A folder with eight studies of two methods."""
    folder = tmp_path_factory.mktemp("project")
    with chdir(folder):
        make_study(folder, ("finetune", "rawm"), seeds=(0,), tasks=1)
    for name in STUDIES:
        shutil.copy(folder / f"config/studies/{STUDY}.yaml", folder / f"config/studies/{name}.yaml")
        shutil.copytree(folder / "results" / STUDY, folder / "results" / name)
    return folder


def upload(name, server):
    receipt = tracking.log_study(load_study(name), server, EXPERIMENT, Path(f"results/{name}/tracking.json"))
    return receipt.count("logged"), receipt.count("unchanged")


def test_eight_studies_upload_at_once(server, project, fault, monkeypatch):
    import rawm.tracking.mirror  # noqa: F401  imported once, for all eight

    fault("uploads at the same time", len(STUDIES))
    monkeypatch.chdir(project)
    with multiprocessing.get_context("fork").Pool(len(STUDIES)) as pool:
        assert pool.starmap(upload, [(name, server) for name in STUDIES]) == [(2, 0)] * len(STUDIES)
        assert pool.starmap(upload, [(name, server) for name in STUDIES]) == [(0, 2)] * len(STUDIES)

    from mlflow import MlflowClient

    client = MlflowClient(server)
    runs = client.search_runs([client.get_experiment_by_name(EXPERIMENT).experiment_id], max_results=1000)
    kept = Counter((run.data.tags["study"], run.info.run_name) for run in runs)
    assert set(kept.values()) == {1} and {run.info.status for run in runs} == {"FINISHED"}
    expected = {"finetune seed 0", "rawm seed 0"}
    assert set(kept) == {(study, name) for study in STUDIES for name in expected}
    for run in runs:
        assert run.info.artifact_uri.startswith("mlflow-artifacts:") and client.list_artifacts(run.info.run_id)
