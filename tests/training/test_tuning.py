"""Hyper-parameters are chosen on development data of seen tasks, resumably, and written with their provenance."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import yaml
from mlflow import MlflowClient

from rawm import paths, tracking
from rawm.config.reading import ConfigError
from rawm.errors import UserError
from rawm.features.extract import extract
from rawm.runs.run import Run
from rawm.study import load_corpus, load_frontend, load_study
from rawm.study.searches import load_search
from rawm.training import tuning
from rawm.training.task import train_task

ROOT = Path(__file__).parents[2]


def rewrite(path, **values):
    """Put values into a YAML file of config/."""
    path = Path("config") / path
    path.write_text(yaml.safe_dump(yaml.safe_load(path.read_text()) | values, allow_unicode=True))


@pytest.fixture
def project(tmp_path, monkeypatch):
    """The synthetic study with few utterances and epochs, its features of train and dev, and none of eval."""
    from rawm.corpora import make

    monkeypatch.chdir(tmp_path)
    shutil.copytree(ROOT / "config", "config")
    rewrite("studies/synthetic.yaml", training={"epochs": 1})
    for label in ("synthetic_buzz", "synthetic_quantised", "synthetic_notch"):
        rewrite(f"corpora/{label}.yaml", utterances=30)
        corpus = load_corpus(label)
        make(corpus)
        for split in ("train", "dev"):
            features = paths.features("lfcc_stats", label, split)
            extract(corpus, load_frontend("lfcc_stats"), split, paths.manifest(label), features)
    return tmp_path


def test_a_search_scores_seen_tasks_only_and_goes_on_where_it_stopped(project):
    search = load_search("synthetic")
    first = search.trials["rawm"][0]
    tuning.run_trial(search, first, "cpu")  # as far as a killed search came
    kept = tuning.trial_path(search, first)
    before = kept.read_bytes(), kept.stat().st_mtime_ns
    results = tuning.tune(search, ["finetune", "rawm"], workers=1, device="cpu")
    assert (kept.read_bytes(), kept.stat().st_mtime_ns) == before
    assert {method: len(ranking) for method, ranking in results.items()} == {"finetune": 2, "rawm": 2}
    for result in results["rawm"]:
        assert [len(row) for row in result["dev_eer"][0]] == [1, 2, 3]  # tasks seen so far, nothing else
        by_hand = sum(sum(row) / len(row) for row in result["dev_eer"][0]) / 3
        assert result["score"] == pytest.approx(by_hand)
    assert results["rawm"][0]["score"] <= results["rawm"][1]["score"]
    files = {path: path.stat().st_mtime_ns for path in paths.tuning("synthetic").glob("*/*.json")}
    assert len(files) == 4
    tuning.tune(search, ["finetune", "rawm"], workers=1, device="cpu")
    assert files == {path: path.stat().st_mtime_ns for path in paths.tuning("synthetic").glob("*/*.json")}
    assert not list(paths.features("lfcc_stats", "synthetic_buzz", "eval").parent.glob("eval*"))


@pytest.mark.slow
def test_what_is_chosen_is_written_with_its_provenance_and_its_comments(project):
    search = load_search("synthetic")
    results = tuning.tune(search, ["finetune", "rawm"], workers=2, device="cpu")
    assert tuning.write_chosen("synthetic", results) == [
        Path("config/methods/finetune.yaml"),
        Path("config/methods/rawm.yaml"),
    ]
    rewrite("studies/synthetic.yaml", methods=["finetune", "rawm"])
    study = load_study("synthetic")
    best = results["rawm"][0]["values"]
    assert (study.methods["rawm"].scale, study.methods["rawm"].eta) == (best["scale"], best["eta"])
    assert (
        study.methods["finetune"].training.learning_rate == results["finetune"][0]["values"]["training.learning_rate"]
    )
    text = Path("config/methods/rawm.yaml").read_text()
    assert "# share of the old inputs' energy that is protected" in text
    assert "rawm tune synthetic" in study.methods["rawm"].note
    assert "best of 2 trials with seeds 100" in study.methods["rawm"].note
    again = tuning.tune(search, ["finetune", "rawm"], workers=1, device="cpu")
    assert again["rawm"][0]["values"] == best


@pytest.mark.slow
def test_every_trial_is_a_run_in_mlflow_once(project):
    search = load_search("synthetic")
    ranking = tuning.tune(search, ["finetune"], workers=1, device="cpu")["finetune"]
    for _ in range(2):
        tracking.log_trials(ranking, "sqlite:///mlflow.db", "rawm/tuning/synthetic")
    client = MlflowClient("sqlite:///mlflow.db")
    runs = client.search_runs([client.get_experiment_by_name("rawm/tuning/synthetic").experiment_id])
    assert len(runs) == 2
    scores = {run.data.params["training.learning_rate"]: run.data.metrics["average_incremental_eer"] for run in runs}
    assert scores == {str(r["values"]["training.learning_rate"]): pytest.approx(r["score"]) for r in ranking}
    assert all("dev_eer/notch" in run.data.metrics for run in runs)


def test_a_trial_that_diverges_is_never_chosen(project):
    rewrite("searches/synthetic.yaml", methods={"finetune": {"training.learning_rate": [1e30, 0.001]}})
    ranking = tuning.tune(load_search("synthetic"), ["finetune"], workers=1, device="cpu")["finetune"]
    assert [result["values"]["training.learning_rate"] for result in ranking] == [0.001, 1e30]
    assert ranking[1]["score"] is None


def test_a_run_that_diverges_stops_with_one_sentence_and_writes_nothing(project):
    rewrite("methods/finetune.yaml", training={"optimizer": "sgd", "learning_rate": 1e30})
    with pytest.raises(UserError, match=r"task 1, epoch 1: training diverged.*lower training\.learning_rate"):
        train_task(Run(load_study("synthetic"), "finetune", 0), 1, torch.device("cpu"))
    assert not Run(load_study("synthetic"), "finetune", 0).detector_path(1).exists()


def test_the_grid_is_cut_to_the_trials_the_same_way_each_time(project):
    rewrite(
        "searches/synthetic.yaml", trials=5, methods={"rawm": {"scale": [0.1, 0.2, 0.3], "energy": [0.7, 0.8, 0.9]}}
    )
    values = [trial.values for trial in load_search("synthetic").trials["rawm"]]
    assert values == [trial.values for trial in load_search("synthetic").trials["rawm"]]
    assert len({json.dumps(value) for value in values}) == 5
    rewrite("searches/synthetic.yaml", seed=1)
    assert values != [trial.values for trial in load_search("synthetic").trials["rawm"]]


@pytest.mark.parametrize(
    "values, said",
    [
        ({"seeds": [0, 100]}, "seeds: 0 is a seed of study synthetic too"),
        ({"methods": {"rawm": {"skale": [1]}}}, "unknown key (did you mean 'scale'?)"),
        ({"methods": {"rawm": {"energy": [0.9, 1.5]}}}, "energy: is 1.5"),
        ({"methods": {"rawn": {"energy": [0.9]}}}, "did you mean 'rawm'"),
        ({"methods": {"rawm": {"training.learning_rate": []}}}, "has no values"),
        ({"study": "synthetik"}, "did you mean 'synthetic'"),
    ],
)
def test_a_mistake_in_a_search_is_one_sentence(tmp_path, monkeypatch, values, said):
    monkeypatch.chdir(tmp_path)
    shutil.copytree(ROOT / "config", "config")
    rewrite("searches/synthetic.yaml", **values)
    with pytest.raises(ConfigError) as error:
        load_search("synthetic")
    assert len(error.value.problems) == 1
    assert said in error.value.problems[0]
    command = [sys.executable, "-m", "rawm.cli", "tune", "synthetic"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.splitlines() == [f"rawm: {error.value.problems[0]}"]


def test_a_search_may_not_try_what_its_study_keeps_equal(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shutil.copytree(ROOT / "config", "config")
    rewrite("studies/synthetic.yaml", equal_training=True)
    with pytest.raises(ConfigError, match=r"searches/synthetic\.yaml: methods: training\.\* is tried"):
        load_search("synthetic")
