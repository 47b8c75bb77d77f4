"""The study's model in a real MLflow store, loaded and served."""

import base64
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile
import typer
from support.stores import free_port
from typer.testing import CliRunner

from rawm import manifest, paths, tracking
from rawm.cli.verbs import app
from rawm.detection.detector import Detector
from rawm.detection.export import export
from rawm.runs.run import Run
from rawm.tracking import environment, uris

pytestmark = pytest.mark.slow
NAME = "rawm-synthetic"
DETECT = typer.main.get_command(app).commands["detect"]


@pytest.fixture(scope="module")
def uploaded(study):
    """The study with RAWM's detector as its model, in a store beside it; the files of some utterances."""
    export(Run(study, "rawm", 0), paths.model("synthetic"))
    environment.prepare()
    uri = uris.absolute("sqlite:///mlflow.db")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_URI", uri)
        receipt = tracking.log_study(study, uri, "rawm/synthetic")
        assert receipt.model == f"{NAME}/1"
        corpus = study.corpora["synthetic_notch"]
        rows = manifest.read(paths.manifest(corpus.name)).select("eval")
        yield uri, [str((Path(corpus.root) / path).resolve()) for path in rows.path[:4]]


def in_base64(path):
    return base64.b64encode(Path(path).read_bytes()).decode()


def test_the_registered_model_gives_the_scores_of_detect(uploaded):
    import mlflow

    _, files = uploaded
    model = mlflow.pyfunc.load_model(f"models:/{NAME}@best")
    expected = [Detector.load(paths.model("synthetic")).score_file(path) for path in files]
    as_bytes = model.predict(pd.DataFrame({"audio": [in_base64(path) for path in files]}))
    np.testing.assert_allclose(as_bytes["score"], expected, atol=1e-6)
    assert set(as_bytes["decision"]) <= {"genuine", "fake"} and (as_bytes["error"] == "").all()
    as_paths = model.predict(pd.DataFrame({"path": files}), params={"threshold": "1000"})
    np.testing.assert_allclose(as_paths["score"], expected, atol=1e-6)
    assert (as_paths["decision"] == "fake").all()
    bad = model.predict(pd.DataFrame({"audio": ["%%%", base64.b64encode(b"no sound").decode()]}))
    assert bad["score"].isna().all() and "not base64" in bad["error"][0] and "cannot be decoded" in bad["error"][1]
    info = mlflow.models.get_model_info(f"models:/{NAME}@best")
    assert info.signature.inputs.input_names() == ["audio", "path"]
    assert info.signature.outputs.input_names() == ["score", "decision", "threshold", "seconds", "error"]


def test_nothing_in_the_model_is_a_pickle(uploaded, tmp_path):
    import mlflow

    folder = Path(mlflow.artifacts.download_artifacts(artifact_uri=f"models:/{NAME}@best", dst_path=str(tmp_path)))
    files = (path for path in folder.rglob("*") if path.is_file())
    suffixes = {path.suffix for path in files if path.name not in ("MLmodel", "registered_model_meta")}  # YAML
    assert suffixes <= {".safetensors", ".yaml", ".json", ".txt", ".py"}


def test_another_upload_of_the_same_model_is_the_same_version(uploaded, study):
    uri, _ = uploaded
    assert tracking.log_study(study, uri, "rawm/synthetic").model == f"{NAME}/1"


def test_detect_takes_the_model_from_mlflow(uploaded):
    _, files = uploaded
    local = CliRunner().invoke(app, ["detect", *files, "--format", "json", "--model", str(paths.model("synthetic"))])
    found = CliRunner().invoke(app, ["detect", *files, "--format", "json", "--model", f"models:/{NAME}@best"])
    assert json.loads(found.stdout) == json.loads(local.stdout)
    missing = CliRunner().invoke(app, ["detect", files[0], "--model", f"models:/{NAME}/99"])
    assert f"models:/{NAME}/99: not found in MLflow" in str(missing.exception)


@pytest.mark.parametrize("line", re.findall(r"\$ (.+)", DETECT.epilog))
def test_the_examples_in_the_help_of_detect_run(uploaded, tmp_path, monkeypatch, line):
    """In a folder with the recordings that they name, and the model where the default study has its own."""
    uri, files = uploaded
    shutil.copytree("config", tmp_path / "config")
    shutil.copytree(paths.model("synthetic"), tmp_path / paths.model("open_speech"))
    samples, rate = soundfile.read(files[0])
    for name in ("recording.wav", "recordings/a.flac", "recordings/b.wav", "calls/a.mp3"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        soundfile.write(tmp_path / name, samples, rate)
    soundfile.write(tmp_path / "interview.flac", np.tile(samples, 10), rate)
    (tmp_path / "interview.flac").rename(tmp_path / "interview.m4a")  # what a file is, is read from its content
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    before, _, command = line.rpartition("| ")
    names = subprocess.run(before, shell=True, capture_output=True, text=True, check=True).stdout if before else ""
    program, *arguments = shlex.split(command.replace("rawm-open_speech", NAME))
    assert program == "rawm"
    result = CliRunner().invoke(app, arguments, input=names)
    assert result.exit_code == 0, result.output
    assert re.search("genuine|fake", Path("scores.csv").read_text() if "--output" in line else result.stdout)
    assert "--plot" not in line or Path("plots/interview.png").is_file()


def test_the_served_model_gives_the_same_scores(uploaded):
    uri, files = uploaded
    port = free_port()
    command = [Path(sys.executable).with_name("mlflow"), "models", "serve", "--model-uri", f"models:/{NAME}@best"]
    command += ["--env-manager", "local", "--host", "127.0.0.1", "--port", str(port)]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    variables = os.environ | {"MLFLOW_TRACKING_URI": uri, "PATH": path}
    with open("serve.log", "w") as log:
        server = subprocess.Popen(command, stdout=log, stderr=log, env=variables, start_new_session=True)
    try:
        _wait(f"http://127.0.0.1:{port}/ping", server)
        content = {"dataframe_split": {"columns": ["audio"], "data": [[in_base64(path)] for path in files]}}
        request = urllib.request.Request(
            f"http://127.0.0.1:{port}/invocations",
            json.dumps(content).encode(),
            {"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=120) as answer:
            rows = json.load(answer)["predictions"]
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(30)
    expected = [Detector.load(paths.model("synthetic")).score_file(path) for path in files]
    np.testing.assert_allclose([row["score"] for row in rows], expected, atol=1e-4)


def _wait(url, server, seconds=300):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        assert server.poll() is None, Path("serve.log").read_text()[-3000:]
        try:
            urllib.request.urlopen(url, timeout=5).close()
            return
        except OSError:
            time.sleep(0.5)
    raise AssertionError(Path("serve.log").read_text()[-3000:])
