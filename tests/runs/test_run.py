"""Run: the one owner of a run's files."""

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest
from support.finished_runs import make_study

import rawm
from rawm.errors import UserError
from rawm.runs.run import Run, all_checkpoints, all_metrics, runs_of
from rawm.study import load_study

PACKAGE = Path(rawm.__file__).parent


@pytest.fixture
def study(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return make_study(tmp_path, ("owm", "finetune"), seeds=(0, 3), tasks=2)


def test_runs_come_in_the_order_of_the_study_with_all_their_files(study):
    runs = runs_of(study)
    assert [str(run) for run in runs] == ["owm seed 0", "owm seed 3", "finetune seed 0", "finetune seed 3"]
    assert all(run.is_finished for run in runs)
    named = {str(path) for run in runs for path in run.files}
    assert named == {*all_checkpoints(study), *all_metrics(study)}
    assert named == {str(path) for path in Path("results/demo/runs").rglob("*.*")}
    runs[0].history_path(2).unlink()
    assert not runs[0].is_finished


def test_what_is_written_is_read_again(study):
    run = Run(study, "owm", 0)
    assert run.metrics["tasks"] == ["task_1", "task_2"]
    assert set(run.scores["after"]) == {0, 1, 2} and "split" not in run.scores
    assert [epoch["epoch"] for epoch in run.history(2)] == [1, 2, 3, 4] and run.seconds(2) == 6.0
    assert "output.eigenvalues" in run.memory(1)
    content = dict(run.metrics)
    run.write_metrics(content)
    assert Run(study, "owm", 0).metrics == content
    assert json.loads(run.metrics_path.read_text())["seed"] == 0


@pytest.mark.parametrize("read", ["metrics", "scores", "history", "memory", "open_memory"])
@pytest.mark.parametrize("damage", [lambda path: path.write_bytes(b"{"), lambda path: path.unlink()])
def test_a_damaged_or_missing_file_is_named(study, read, damage):
    run = Run(study, "owm", 3)
    paths = {"metrics": run.metrics_path, "scores": run.scores_path, "history": run.history_path(1)}
    path = paths.get(read, run.memory_path(1))
    damage(path)
    with pytest.raises(UserError, match=str(path)):
        if read in ("metrics", "scores"):
            getattr(run, read)
        elif read == "open_memory":
            with run.open_memory(1):
                pass
        else:
            getattr(run, read)(1)


def test_tasks_are_in_the_order_of_the_seed_however_often_they_are_ordered(monkeypatch):
    monkeypatch.chdir(PACKAGE.parent)
    study = load_study("open_speech_orders", on_disk=False)
    method = study.settings.methods[0]
    for seed in study.settings.seeds:
        run = Run(study, method, seed)
        assert run.study.tasks == study.ordered(seed).tasks == Run(run.study, method, seed).study.tasks


def test_importing_it_is_light():
    heavy = ("torch", "pandas", "pyarrow", "mlflow", "scipy")
    code = f"import sys, rawm.runs.run; print([name for name in {heavy} if name in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "[]"


def test_nothing_else_takes_study_method_and_seed_side_by_side():
    owners = {PACKAGE / "runs/run.py", *(PACKAGE / "cli").rglob("*.py")}
    for path in sorted(set(PACKAGE.rglob("*.py")) - owners):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef):
                names = {argument.arg for argument in ast.walk(node.args) if isinstance(argument, ast.arg)}
                assert not {"study", "method", "seed"} <= names, f"{path}:{node.lineno} {node.name}"
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                owned = ("detector.safetensors", "memory.safetensors", "history.jsonl", "scores.parquet")
                assert node.value not in owned, f"{path}:{node.lineno} names a file of a run"
