"""Mirroring runs to MLflow: a real sqlite store, a real server, real files."""

import json
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from support.finished_runs import EMOTIONS, STARTED, STUDY, make_run, make_study
from support.stores import EXPERIMENT, URI

from rawm import paths, tracking
from rawm.errors import UserError
from rawm.files import write_text
from rawm.metrics.measure import ACCURACY
from rawm.runs.run import Run
from rawm.study import load_study
from rawm.tracking import environment, uris, view

UPLOAD = f"""
import sys
from rawm import tracking
from rawm.study import load_study
tracking.log_study(load_study({STUDY!r}), {URI!r}, {EXPERIMENT!r})
"""
METHODS = ("finetune", "rawm")
pytestmark = pytest.mark.slow


@pytest.fixture
def workplace(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    return tmp_path


@pytest.fixture
def study(workplace):
    made = make_study(workplace, METHODS, seeds=(0, 1), tasks=3)
    for name in ("figures/methods.svg", "tables/methods.csv", "tables/methods.md"):
        write_text(paths.study(STUDY) / name, "made by other rules")
    return made


@pytest.fixture
def small(workplace):
    """One run, for what does not depend on how many there are."""
    return make_study(workplace, ("rawm",), seeds=(0,), tasks=2)


def client(uri=URI):
    environment.prepare()
    from mlflow import MlflowClient

    return MlflowClient(uris.absolute(uri))


def active_runs(uri=URI, kind="run"):
    store = client(uri)
    experiment = store.get_experiment_by_name(EXPERIMENT)
    return store.search_runs([experiment.experiment_id], f"tags.`rawm.kind` = '{kind}'")


def keys(runs):
    return sorted(run.data.tags["rawm.key"] for run in runs)


def artifacts(run_id, folder=""):
    found = []
    for entry in client().list_artifacts(run_id, folder):
        found += artifacts(run_id, entry.path) if entry.is_dir else [entry.path]
    return set(found)


def test_a_run_holds_everything_its_files_say(study, capfd):
    receipt = tracking.log_study(study, URI, EXPERIMENT, Path("results/demo/tracking.json"))

    assert [run.status for run in receipt.runs] == ["logged"] * 4
    written = json.loads(Path("results/demo/tracking.json").read_text())
    assert written["runs"][3]["run_id"] == receipt.runs[3].run_id
    assert written["view"] == "/#/experiments/1/runs?viewStateShareKey=rawm-runs&workflowType=machine_learning"
    said = capfd.readouterr()
    assert "INFO" not in said.err and "migration" not in said.err.lower()
    assert said.out.splitlines()[-1] == "rawm/demo at sqlite:///mlflow.db: 4 runs, 4 logged now, 0 unchanged"

    run = next(run for run in active_runs() if run.data.tags["rawm.key"] == "demo/rawm/seed1")
    assert run.info.status == "FINISHED"
    assert (run.info.start_time, run.info.end_time) == ((STARTED + 100.5) * 1000, (STARTED + 308) * 1000)
    _check_values(study, run)
    _check_artifacts(run)
    assert run.inputs.dataset_inputs[0].dataset.name == "synthetic_buzz"
    assert "| 3 task\\_3 |" in run.data.tags["mlflow.note.content"]
    model = client().get_logged_model(run.outputs.model_outputs[0].model_id)
    assert model.params["method.energy"] == str(study.methods["rawm"].energy) and model.status == "READY"
    assert {metric.key for metric in model.metrics} >= {"final/average_eer"}


def _check_values(study, run):
    params, tags, metrics = run.data.params, run.data.tags, run.data.metrics
    expected = {"method": "rawm", "seed": "1", "study": "demo", "stream": "demo", "tasks": "task_1, task_2, task_3"}
    energy = str(study.methods["rawm"].energy)
    expected |= {"method.energy": energy, "method.compact": "['genuine']", "training.epochs": "4"}
    expected |= {"detector": "mlp_small", "detector.hidden": "[256, 256]", "frontend.pooling": "mean_std"}
    assert {name: params.get(name) for name in expected} == expected
    assert tags["version.torch"].startswith("2.") and tags["python"] and tags["platform"]
    assert (tags["method"], tags["seed"], tags["study"]) == ("rawm", "1", "demo")

    content = json.loads(Run(load_study("demo"), "rawm", 1).metrics_path.read_text())
    assert metrics["final/average_eer"] == pytest.approx(content["average_eer"], abs=1e-4)
    history = client().get_metric_history(run.info.run_id, "eer/task_2")
    assert [point.step for point in history] == [0, 1, 2, 3]
    assert [point.value for point in history] == pytest.approx([row[1] for row in content["eer_matrix"]], abs=1e-4)
    assert history[2].timestamp == (STARTED + 208) * 1000
    losses = client().get_metric_history(run.info.run_id, "loss/task_1")
    assert [(point.step, point.value) for point in losses] == [(1, 0.7), (2, 0.35), (3, 0.2333), (4, 0.175)]
    steps = [point.step for point in client().get_metric_history(run.info.run_id, "stream/average_eer")]
    assert steps == [1, 2, 3]


def _check_artifacts(run):
    found = artifacts(run.info.run_id)
    expected = {"metrics.json", "scores.parquet", "figures/eer_matrix.png", "figures/eer_matrix.svg"}
    expected |= {"tables/eer_matrix.json", "tables/memory.json", "detector/detector.safetensors"}
    expected |= {f"memory/task{number}/memory.safetensors" for number in (1, 2, 3)}
    expected |= {"config/studies/demo.yaml", "config/methods/rawm.yaml", "config/corpora/synthetic_buzz.yaml"}
    assert expected <= found and "config/methods/finetune.yaml" not in found
    table = client().load_table("1", "tables/eer_matrix.json", run_ids=[run.info.run_id])
    assert list(table["after"]) == ["0 untrained", "1 task_1", "2 task_2", "3 task_3"]
    assert list(table.columns[:4]) == ["after", "task_1", "task_2", "task_3"]


def test_the_experiment_describes_the_study(study):
    receipt = tracking.log_study(study, URI, EXPERIMENT)

    experiment = client().get_experiment_by_name(EXPERIMENT)
    note = experiment.tags["mlflow.note.content"]
    assert "What is forgotten?" in note and "| RAWM | 2 |" in note and "±" in note
    assert experiment.artifact_location == (Path.cwd() / "mlruns" / "rawm" / "demo").as_uri()
    (summary,) = active_runs(kind="study")
    assert summary.info.run_id == receipt.study_run and not summary.data.metrics
    assert {"figures/methods.svg", "tables/methods.csv", "tables/methods.md"} <= artifacts(summary.info.run_id)


def test_the_saved_views_are_in_the_form_that_the_ui_reads(study):
    tracking.log_study(study, URI, EXPERIMENT)

    tags = client().get_experiment_by_name(EXPERIMENT).tags
    assert set(json.loads(tags[view.TAG + view.RUNS])) == {"name", "createdAt", "updatedAt", "state"}
    name, state = view.decode(tags[view.TAG + view.RUNS])
    assert name == "Runs by average EER"
    assert state["orderByKey"] == "metrics.`final/average_eer`" and state["orderByAsc"]
    assert state["selectedColumns"][:4] == [
        "params.`method`",
        "params.`seed`",
        "metrics.`final/average_eer`",
        "metrics.`final/forgetting_eer_increase`",
    ]
    _, grouped = view.decode(tags[view.TAG + view.METHODS])
    assert grouped["groupBy"]["groupByKeys"] == [{"mode": "param", "groupByData": "method"}]
    charted = {chart["metricKey"] for chart in state["compareRunCharts"] if "metricKey" in chart}
    assert charted == set(active_runs()[0].data.metrics)


def test_a_study_of_other_classes_is_mirrored_by_its_accuracy(workplace):
    study = make_study(workplace, ("finetune",), seeds=(0,), tasks=2, classes=EMOTIONS)
    tracking.log_study(study, URI, EXPERIMENT)

    (run,) = active_runs()
    content = json.loads(Run(load_study(STUDY), "finetune", 0).metrics_path.read_text())
    for metric in ACCURACY.metrics:
        assert run.data.metrics[f"final/{metric.key}"] == pytest.approx(content[metric.key], abs=1e-4)
    for cell in ("accuracy", "recall"):
        points = client().get_metric_history(run.info.run_id, f"{cell}/task_2")
        values = [row[1] for row in content[f"{cell}_matrix"]]
        assert [point.value for point in points] == pytest.approx(values, abs=1e-4)
    assert {"stream/average_accuracy", "dev_accuracy/task_1"} <= set(run.data.metrics)
    assert not [name for name in run.data.metrics if "eer" in name]
    found = artifacts(run.info.run_id)
    assert {"figures/accuracy_matrix.png", "tables/accuracy_matrix.json", "tables/recall_matrix.json"} <= found
    tags = client().get_experiment_by_name(EXPERIMENT).tags
    name, state = view.decode(tags[view.TAG + view.RUNS])
    assert name == "Runs by average accuracy"
    assert state["orderByKey"] == "metrics.`final/average_accuracy`" and not state["orderByAsc"]
    assert "metrics.`final/forgetting_accuracy_decrease`" in state["selectedColumns"]
    charted = {chart["metricKey"] for chart in state["compareRunCharts"] if "metricKey" in chart}
    assert charted == set(run.data.metrics)
    assert "EER" not in tags["mlflow.note.content"] + run.data.tags["mlflow.note.content"]


def test_views_that_mlflow_refuses_cost_nothing_else(small, monkeypatch, caplog):
    monkeypatch.setattr(view, "tags", lambda *args: {view.TAG + view.RUNS: "longer than a tag may be" * 1000})
    receipt = tracking.log_study(small, URI, EXPERIMENT)
    assert receipt.view == "" and receipt.count("logged") == 1
    assert "refused the saved view" in caplog.text


def test_uploading_again_changes_nothing(study):
    first = tracking.log_study(study, URI, EXPERIMENT)
    before = {run.info.run_id: run.data.metrics for run in active_runs()}

    second = tracking.log_study(study, URI, EXPERIMENT)

    assert [run.status for run in second.runs] == ["unchanged"] * 4
    assert [run.run_id for run in second.runs] == [run.run_id for run in first.runs]
    assert second.study_run == first.study_run
    assert {run.info.run_id: run.data.metrics for run in active_runs()} == before


def test_only_a_changed_run_is_replaced(study):
    first = tracking.log_study(study, URI, EXPERIMENT)
    history = Run(load_study("demo"), "rawm", 0).history_path(2)
    history.write_text(history.read_text().replace('"loss": 0.7', '"loss": 0.9'))

    second = tracking.log_study(study, URI, EXPERIMENT)

    statuses = {(run.method, run.seed): run.status for run in second.runs}
    assert [key for key, status in statuses.items() if status == "logged"] == [("rawm", 0)]
    assert len(active_runs()) == 4 and len(set(keys(active_runs()))) == 4
    old = client().get_run(first.runs[2].run_id)
    assert old.info.lifecycle_stage == "deleted"
    models = client().search_logged_models(["1"])
    assert len(models) == 4 and old.info.run_id not in {model.source_run_id for model in models}


def test_a_new_setting_or_new_data_is_a_new_run(small):
    first = tracking.log_study(small, URI, EXPERIMENT).runs[0].fingerprint
    method = Path("config/methods/rawm.yaml")
    method.write_text(re.sub(r"energy: \S+", "energy: 0.5", method.read_text()))
    from rawm.study import load_study
    from rawm.tracking import runs

    changed = runs.fingerprint(Run(load_study(STUDY), "rawm", 0))
    assert changed != first
    paths.manifest("synthetic_buzz").write_bytes(b"other")
    runs._digest.cache_clear()
    assert runs.fingerprint(Run(load_study(STUDY), "rawm", 0)) != changed


@pytest.mark.slow
def test_a_killed_upload_leaves_no_duplicates(study):
    tracking.log_study(study, URI, EXPERIMENT)  # the store exists, so that the kill hits an upload
    for method in METHODS:
        for seed in (0, 1):
            history = Run(load_study("demo"), method, seed).history_path(1)
            history.write_text(history.read_text().replace('"loss": 0.7', '"loss": 0.8'))
    with subprocess.Popen([sys.executable, "-c", UPLOAD], stdout=subprocess.PIPE) as upload:
        deadline = time.monotonic() + 300
        while not _running_runs() and time.monotonic() < deadline:
            time.sleep(0.02)
        upload.send_signal(signal.SIGKILL)
    assert len(_running_runs()) == 1

    receipt = tracking.log_study(study, URI, EXPERIMENT)

    assert {run.status for run in receipt.runs} <= {"logged", "unchanged"}
    assert keys(active_runs()) == sorted(f"demo/{method}/seed{seed}" for method in METHODS for seed in (0, 1))
    assert {run.info.status for run in active_runs()} == {"FINISHED"}
    assert len(client().search_logged_models(["1"])) == 4


def _running_runs():
    import sqlite3
    from contextlib import closing

    query = "SELECT run_uuid FROM runs WHERE status = 'RUNNING' AND lifecycle_stage = 'active'"
    with closing(sqlite3.connect("file:mlflow.db?mode=ro", uri=True)) as store:
        return store.execute(query).fetchall()


@pytest.mark.slow
def test_two_uploads_at_the_same_time_into_no_store(small):
    uploads = [subprocess.Popen([sys.executable, "-c", UPLOAD], stderr=subprocess.PIPE) for _ in range(2)]
    assert [(upload.communicate(timeout=500)[1], upload.returncode) for upload in uploads] == [(b"", 0)] * 2
    assert keys(active_runs()) == ["demo/rawm/seed0"]


def test_unfinished_runs_are_left_out(study, capsys):
    Run(load_study("demo"), "rawm", 1).memory_path(3).unlink()
    receipt = tracking.log_study(study, URI, EXPERIMENT)
    assert receipt.unfinished == ["rawm/seed1"] and len(receipt.runs) == 3
    assert "left out, since not finished: rawm/seed1" in capsys.readouterr().out
    make_run(study, "rawm", 1)
    assert [run.status for run in tracking.log_study(study, URI, EXPERIMENT).runs] == ["unchanged"] * 3 + ["logged"]


def test_a_deleted_experiment_comes_back(small):
    tracking.log_study(small, URI, EXPERIMENT)
    client().delete_experiment("1")
    tracking.log_study(small, URI, EXPERIMENT)
    assert keys(active_runs()) == ["demo/rawm/seed0"]


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (lambda: [path.unlink() for path in Path("results").rglob("metrics.json")], "no run of study demo is finished"),
        (lambda: Run(load_study("demo"), "rawm", 0).metrics_path.write_text("{"), "metrics.json: not readable"),
        (
            lambda: Run(load_study("demo"), "rawm", 0).history_path(1).write_text(""),
            "history.jsonl: not readable",
        ),
        (
            lambda: Run(load_study("demo"), "rawm", 0).memory_path(2).write_bytes(b"12"),
            "memory.safetensors: not readable",
        ),
    ],
)
def test_damaged_runs_are_named(small, damage, sentence):
    damage()
    with pytest.raises(UserError, match=sentence) as error:
        tracking.log_study(small, URI, EXPERIMENT)
    assert len(str(error.value).splitlines()) == 1


def test_importing_does_not_load_mlflow():
    code = "import sys, rawm.tracking; print([m for m in ('mlflow', 'torch', 'pandas') if m in sys.modules])"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"
