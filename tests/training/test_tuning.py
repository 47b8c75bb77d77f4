"""Hyper-parameters are chosen on development data of seen tasks, with the same budget for every method, resumably."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import optuna
import pytest
import torch
import yaml
from mlflow import MlflowClient

from rawm import paths, tracking
from rawm.config.reading import ConfigError
from rawm.config.search import Range
from rawm.errors import UserError
from rawm.features.extract import extract
from rawm.runs.run import Run
from rawm.study import load_corpus, load_frontend, load_study
from rawm.study.searches import load_search
from rawm.training import chosen_values, suggestions, tuning
from rawm.training.task import train_task

ROOT = Path(__file__).parents[2]
RATES = {"low": 0.001, "high": 0.003, "scale": "log"}


def rewrite(path, **values):
    """Put values into a YAML file of config/."""
    path = Path("config") / path
    path.write_text(yaml.safe_dump(yaml.safe_load(path.read_text()) | values, allow_unicode=True, sort_keys=False))


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


def tune(method, workers=1, name="synthetic"):
    return tuning.tune(load_search(name), [method], workers, "cpu")[method]


def in_order(method, name="synthetic"):
    """Values and scores of the finished trials, in the order in which they were asked."""
    search = load_search(name)
    study = suggestions.open_study(search, tuning.study_name(search, method))
    trials = [trial for trial in study.get_trials() if trial.state.name == "COMPLETE"]
    results = [json.loads(tuning.trial_path(search, study, trial.number).read_text()) for trial in trials]
    return [(result["values"], result["score"]) for result in results]


def test_a_search_scores_seen_tasks_only_and_trains_no_trial_twice(project):
    ranking = tune("rawm")
    assert len(ranking) == 3
    for result in ranking:
        assert [len(row) for row in result["dev_eer"][0]] == [1, 2, 3]  # tasks seen so far, nothing else
        by_hand = sum(sum(row) / len(row) for row in result["dev_eer"][0]) / 3
        assert result["score"] == pytest.approx(by_hand)
    assert [result["score"] for result in ranking] == sorted(result["score"] for result in ranking)
    files = {path: path.stat().st_mtime_ns for path in paths.tuning("synthetic").glob("trials/*/*.json")}
    assert len(files) == 3
    tune("rawm")
    assert files == {path: path.stat().st_mtime_ns for path in paths.tuning("synthetic").glob("trials/*/*.json")}
    assert not list(paths.features("lfcc_stats", "synthetic_buzz", "eval").parent.glob("eval*"))


@pytest.mark.slow
def test_neither_the_workers_nor_an_interruption_change_a_search(project):
    """A search with one worker, one with two, and one that is killed and goes on, try the same values."""
    rewrite("searches/synthetic.yaml", trials=8)
    tune("rawm", workers=1)
    expected = in_order("rawm")
    assert len(expected) == 8
    shutil.rmtree(paths.tuning("synthetic"))
    tune("rawm", workers=2)
    assert in_order("rawm") == expected
    shutil.rmtree(paths.tuning("synthetic"))
    rewrite("studies/synthetic.yaml", training={"epochs": 1})
    rawm = Path(sys.executable).with_name("rawm")
    command = [rawm, "tune", "synthetic", "--method", "rawm", "--workers", "2", "--no-track"]
    for _ in range(2):
        process = subprocess.Popen(command, start_new_session=True, stderr=subprocess.DEVNULL)
        before = len(list(paths.tuning("synthetic").glob("trials/*/*.json")))
        until = time.monotonic() + 120
        while len(list(paths.tuning("synthetic").glob("trials/*/*.json"))) <= before and time.monotonic() < until:
            time.sleep(0.02)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    assert 0 < len(list(paths.tuning("synthetic").glob("trials/*/*.json"))) < 8
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    assert in_order("rawm") == expected


def test_values_that_follow_scores_depend_neither_on_their_order_nor_on_an_interruption(project):
    """After ten trials at random the sampler learns; each suggestion has a seed of its own."""
    rewrite("searches/synthetic.yaml", trials=24)
    search = load_search("synthetic")

    def tried(place, backwards=False, interrupted=False):
        with tuning._locked(search):
            study, values = suggestions.open_study(search, place), {}
        while trials := suggestions.next_round(search, "rawm", study):
            for number, value in reversed(trials) if backwards else trials:
                values[number] = value
                study.tell(number, sum(map(float, value.values())))
                if interrupted:
                    study = suggestions.open_study(search, place)  # in the middle of a round
                    break
        return [values[number] for number in sorted(values)]

    expected = tried("plain")
    assert len(expected) == 24 and len({json.dumps(values) for values in expected}) > 20
    assert tried("backwards", backwards=True) == expected
    assert tried("interrupted", interrupted=True) == expected


def test_a_trial_that_was_stopped_while_it_was_asked_does_not_count(project):
    search = load_search("synthetic")
    with tuning._locked(search):
        study = suggestions.open_study(search, tuning.study_name(search, "rawm"))
    study.ask()  # without values
    assert len(tune("rawm")) == 3
    states = [trial.state for trial in study.get_trials()]
    assert states.count(optuna.trial.TrialState.FAIL) == 1
    assert states.count(optuna.trial.TrialState.COMPLETE) == 3


def test_a_damaged_trial_is_named_and_trained_again_once_it_is_deleted(project):
    ranking = tune("rawm")
    path = sorted(paths.tuning("synthetic").glob("trials/*/*.json"))[0]
    content = path.read_text()
    path.write_text(content.replace('"score": ', '"score": 1'))
    with pytest.raises(
        UserError, match=r"\.json: was damaged .*; delete it and make it again with `rawm tune synthetic`"
    ):
        tune("rawm")
    path.unlink()
    timeless = {"started": None, "seconds": None}
    assert [result | timeless for result in tune("rawm")] == [result | timeless for result in ranking]


def test_a_damaged_journal_is_named(project):
    tune("rawm")
    journal = paths.tuning("synthetic") / "optuna.log"
    content = journal.read_text()
    for spoilt in (
        re.sub(r'("values":\s*\[\d*)(\d)', lambda match: f"{match[1]}{(int(match[2]) + 1) % 10}", content, count=1),
        content.replace('"trial_id"', '"trial_iD"', 1),
        content.replace("{", "[", 1),
    ):
        assert spoilt != content
        journal.write_text(spoilt)
        with pytest.raises(
            UserError, match=r"optuna\.log: .*; delete \S*tuning/synthetic and run `rawm tune synthetic`"
        ):
            tune("rawm")


def test_what_a_killed_search_left_of_its_journal_is_mended(project):
    """The lock of the journal, for which Optuna would wait, and half a line that it was writing."""
    ranking = tune("rawm")
    journal = paths.tuning("synthetic") / "optuna.log"
    whole = journal.read_bytes()
    journal.write_bytes(whole + b'{"op_code":4,"wor')
    journal.with_name("optuna.log.lock").symlink_to(journal)
    assert tune("rawm") == ranking
    assert journal.read_bytes().startswith(whole) and b'{"op_code":4,"wor{' not in journal.read_bytes()


def test_two_searches_at_once_are_refused(project):
    with (
        tuning._locked(load_search("synthetic")),
        pytest.raises(UserError, match="another `rawm tune synthetic` is running"),
    ):
        tune("rawm")


def test_the_key_changes_with_everything_that_a_trial_depends_on(project, monkeypatch):
    """Ranges, fixed values, seeds, settings of the study, code, manifests, features; not the number of trials."""
    method = "rawm"
    keys = [tuning.key_of(load_search("synthetic"), method)]

    def changes(expected=True):
        keys.append(tuning.key_of(load_search("synthetic"), method))
        assert (keys[-1] not in keys[:-1]) is expected

    rewrite("searches/synthetic.yaml", trials=7)
    changes(False)
    rewrite("methods/rawm.yaml", note="Another note.")
    changes(False)
    rewrite("searches/synthetic.yaml", methods={"rawm": {"scale": {"low": 0.02, "high": 1.0, "scale": "log"}}})
    changes()
    rewrite("searches/synthetic.yaml", methods={"rawm": {"scale": {"low": 0.02, "high": 1.0}}})
    changes()
    rewrite("searches/synthetic.yaml", seeds=[101])
    changes()
    rewrite("searches/synthetic.yaml", seed=1)
    changes()
    rewrite("methods/rawm.yaml", temperature=3.0)
    changes()
    rewrite("studies/synthetic.yaml", training={"epochs": 2})
    changes()
    features = paths.features("lfcc_stats", "synthetic_notch", "dev")
    for path in (paths.manifest("synthetic_notch"), next(features.parent.glob("dev*"))):
        path.write_bytes(path.read_bytes() + b" ")
        changes()
    monkeypatch.setattr(tuning, "code_hash", lambda *names: "other code")
    changes()


def test_what_is_chosen_is_written_with_its_provenance_and_its_comments(project):
    rewrite(
        "searches/synthetic.yaml",
        everywhere={
            "training.optimizer": ["sgd"],
            "training.learning_rate": {"by": "training.optimizer", "cases": {"sgd": RATES}},
            "training.momentum": {"by": "training.optimizer", "cases": {"sgd": [0.9]}},
        },
        methods={"finetune": {}, "rawm": {"energy": {"low": 0.5, "high": 0.99, "scale": "log_complement"}}},
    )
    search = load_search("synthetic")
    results = tuning.tune(search, ["finetune", "rawm"], 1, "cpu")
    assert chosen_values.write_chosen("synthetic", results) == [
        Path("config/methods/finetune.yaml"),
        Path("config/methods/rawm.yaml"),
    ]
    rewrite("studies/synthetic.yaml", methods=["finetune", "rawm"])
    study = load_study("synthetic")
    for method in ("finetune", "rawm"):
        best, training = results[method][0]["values"], study.methods[method].training
        assert training.learning_rate == best["training.learning_rate"]
        assert (training.optimizer, training.momentum) == ("sgd", 0.9)
        assert f"{training.learning_rate:.3g}" == f"{training.learning_rate!r}"
    assert study.methods["rawm"].energy == results["rawm"][0]["values"]["energy"]
    text = Path("config/methods/rawm.yaml").read_text()
    assert "# share of the old inputs' energy that is protected" in text
    assert "rawm tune synthetic" in study.methods["rawm"].note
    assert "best of 3 trials with seeds 100" in study.methods["rawm"].note
    assert (
        tuning.tune(load_search("synthetic"), ["rawm"], 1, "cpu")["rawm"][0]["values"] == results["rawm"][0]["values"]
    )


@pytest.mark.slow
def test_every_trial_is_a_run_in_mlflow_once(project):
    ranking = tune("finetune")
    for _ in range(2):
        tracking.log_trials(ranking, "sqlite:///mlflow.db", "rawm/tuning/synthetic")
    client = MlflowClient("sqlite:///mlflow.db")
    runs = client.search_runs([client.get_experiment_by_name("rawm/tuning/synthetic").experiment_id])
    assert len(runs) == 3
    scores = {run.data.params["training.learning_rate"]: run.data.metrics["average_incremental_eer"] for run in runs}
    assert scores == {str(r["values"]["training.learning_rate"]): pytest.approx(r["score"]) for r in ranking}
    assert all("dev_eer/notch" in run.data.metrics for run in runs)


def test_a_trial_that_diverges_is_never_chosen(project, capsys):
    rewrite("searches/synthetic.yaml", everywhere={}, methods={"finetune": {"training.learning_rate": [1e30, 0.001]}})
    rewrite("searches/synthetic.yaml", trials=8)
    search = load_search("synthetic")
    ranking = tune("finetune")
    assert ranking[0]["values"]["training.learning_rate"] == 0.001
    assert ranking[-1]["values"]["training.learning_rate"] == 1e30
    assert ranking[-1]["score"] is None
    chosen_values.show(search, {"finetune": ranking})
    assert "diverged" in capsys.readouterr().out


def test_a_run_that_diverges_stops_with_one_sentence_and_writes_nothing(project):
    rewrite("methods/finetune.yaml", training={"optimizer": "sgd", "learning_rate": 1e30})
    with pytest.raises(UserError, match=r"task 1, epoch 1: training diverged.*lower training\.learning_rate"):
        train_task(Run(load_study("synthetic"), "finetune", 0), 1, torch.device("cpu"))
    assert not Run(load_study("synthetic"), "finetune", 0).detector_path(1).exists()


@pytest.mark.parametrize(
    ("space", "value", "edge"),
    [
        ({"low": 1, "high": 1000, "scale": "log"}, 1, 1),
        ({"low": 1.0, "high": 1000.0, "scale": "log"}, 1.3, 1.0),  # within 5 % of three decades
        ({"low": 1.0, "high": 1000.0, "scale": "log"}, 1.5, None),
        ({"low": 0.0, "high": 1.0}, 0.96, 1.0),
        ({"low": 0.0, "high": 1.0}, 0.94, None),
        ({"low": 0.0, "high": 0.999, "scale": "log_complement"}, 0.999, 0.999),
        ({"low": 0.0, "high": 0.999, "scale": "log_complement"}, 0.99, None),
        ([0.5, 1.0], 1.0, None),
    ],
)
def test_a_value_at_the_edge_of_its_range_is_reported(tmp_path, monkeypatch, space, value, edge):
    monkeypatch.chdir(tmp_path)
    shutil.copytree(ROOT / "config", "config")
    key = "lambda" if isinstance(space, dict) and space["high"] > 1 else "alpha"
    method = "ewc" if key == "lambda" else "dfwf"
    rewrite("searches/synthetic.yaml", everywhere={}, methods={method: {key: space}})
    sentences = chosen_values.edges(load_search("synthetic"), method, {key: value})
    assert sentences == (
        []
        if edge is None
        else [f"{method}: {key} = {value} is at the edge of its range, {edge}; widen it in the search"]
    )


@pytest.mark.parametrize(
    ("space", "number", "value"),
    [
        (Range(low=0.0, high=1.0), 0.123456, 0.123),
        (Range(low=0.5, high=0.999, scale="log_complement"), 0.0123456, 0.9877),
        (Range(low=1, high=100000, scale="log"), 12345, 12300),
        (Range(low=1.0, high=10000000.0, scale="log"), 1234567.8, 1230000.0),
    ],
)
def test_three_digits_are_tried(space, number, value):
    result = suggestions.drawn(space, number)
    assert (result, type(result)) == (value, type(value))


@pytest.mark.parametrize(
    "values, said",
    [
        ({"seeds": [0, 100]}, "seeds: 0 is a seed of study synthetic too"),
        ({"methods": {"rawm": {"skale": [1]}}}, "unknown key (did you mean 'scale'?)"),
        ({"methods": {"rawm": {"energy": {"low": 0.9, "high": 1.5}}}}, "energy: is 1.5"),
        ({"methods": {"rawm": {"energy": {"low": 0.9, "high": 0.5}}}}, "low must be smaller"),
        ({"methods": {"rawm": {"scale": {"low": 0, "high": 1, "scale": "log"}}}}, "scale log needs more than 0"),
        ({"methods": {"rawm": {"eta": {"low": 0, "high": 1, "scale": "log_complement"}}}}, "needs less than 1"),
        ({"methods": {"rawm": {"eta": {"high": 1}}}}, "low"),
        ({"methods": {"rawn": {"energy": [0.9]}}}, "did you mean 'rawm'"),
        ({"methods": {"rawm": {"training.learning_rate": []}}}, "methods.rawm.training.learning_rate"),
        ({"everywhere": {}, "methods": {"finetune": {}}}, "has nothing to try"),
        (
            {"methods": {"rawm": {"eta": {"by": "training.optimizer", "cases": {"adam": [0.1]}}}}},
            "by is training.optimizer, which is not a key before it",
        ),
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
