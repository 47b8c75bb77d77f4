"""Handwritten digits from training to scores: a study of ten classes is judged by accuracy and recall."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from mlflow import MlflowClient
from sklearn.metrics import accuracy_score, balanced_accuracy_score

from rawm import paths, tracking
from rawm.corpora import make
from rawm.detectors import checkpoint
from rawm.detectors.scoring import measured
from rawm.features.sources import make_features
from rawm.metrics.measure import ACCURACY, EER
from rawm.runs import results
from rawm.runs.run import Run
from rawm.study import load_corpus, load_frontend, load_study
from rawm.study.searches import load_search
from rawm.tasks.loading import load_split
from rawm.training import tuning
from rawm.training.evaluation import evaluate_run
from rawm.training.task import train_task

ROOT = Path(__file__).parents[2]
CPU = torch.device("cpu")
RATES = [1e-6, 0.01]  # one that does not learn and one that does


def write(path, change):
    """Write a file of config/ with a change to the shipped one."""
    content = yaml.safe_load((ROOT / "config" / path).read_text()) | change
    (Path("config") / path).write_text(yaml.safe_dump(content, width=1000))


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    """The digits study with two tasks and one run, trained and evaluated in the working directory."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("digits"))
        shutil.copytree(ROOT / "config", "config")
        stream = yaml.safe_load((ROOT / "config/streams/digits.yaml").read_text())
        write("streams/digits.yaml", {"tasks": stream["tasks"][:2]})
        training = {"epochs": 6, "checkpoint": "best_dev"}
        study = {"methods": ["finetune"], "seeds": [0], "training": training, "equal_training": False}
        write("studies/digits.yaml", study)
        write("methods/finetune.yaml", {"training": {"learning_rate": 0.01}})
        search = {
            "study": "digits",
            "seeds": [100],
            "trials": 6,
            "methods": {"finetune": {"training.learning_rate": RATES}},
        }
        write("searches/synthetic.yaml", search)
        corpus = load_corpus("digits")
        make(corpus)
        for split in paths.SPLITS:
            features = paths.features("pixels", "digits", split)
            make_features(corpus, load_frontend("pixels"), split, paths.manifest("digits"), features)
        study = load_study("digits")
        for number in (1, 2):
            train_task(Run(study, "finetune", 0), number, CPU)
        evaluate_run(Run(study, "finetune", 0), CPU)
        yield study


def test_the_best_epoch_on_development_data_is_the_most_accurate(digits):
    history = results.history(digits)
    assert "dev_eer" not in history
    for number in (1, 2):
        curve = history[history.task == number].dev_accuracy
        assert curve.max() > curve.min()
        detector, _ = checkpoint.load_detector(Run(load_study("digits"), "finetune", 0).detector_path(number))
        kept = measured(detector, load_split(digits, number, "dev", 0), CPU, ACCURACY)
        assert kept == curve.max()


def test_scores_are_log_posteriors_beside_the_predicted_classes(digits):
    scores = Run(digits, "finetune", 0).scores
    assert list(scores.columns) == ["after", "task", "utterance_id", "label", "predicted", "score"]
    assert scores.score.dtype == np.float32
    here = scores[(scores.after == 2) & (scores.task == 1)]
    samples = load_split(digits, 1, "eval", 0)
    detector, _ = checkpoint.load_detector(Run(load_study("digits"), "finetune", 0).detector_path(2))
    with torch.no_grad():
        posteriors = detector.eval()(samples.features, None).logits.softmax(1).numpy()
    true = np.array([digits.classes.index(label) for label in here.label])
    assert here.utterance_id.tolist() == samples.ids
    np.testing.assert_array_equal(true, samples.labels.numpy())
    np.testing.assert_allclose(np.exp(here.score), posteriors[np.arange(len(true)), true], atol=1e-5)
    assert here.predicted.tolist() == [digits.classes[row] for row in posteriors.argmax(1)]


def test_the_metrics_are_those_of_the_scores(digits):
    scores = Run(digits, "finetune", 0).scores
    run = results.load(digits).runs["finetune", 0].metrics
    assert "eer_matrix" not in run
    for (after, task), here in scores.groupby(["after", "task"]):
        assert run["accuracy_matrix"][after][task - 1] == pytest.approx(
            100 * accuracy_score(here.label, here.predicted)
        )
        assert run["recall_matrix"][after][task - 1] == pytest.approx(
            100 * balanced_accuracy_score(here.label, here.predicted)
        )
    assert run["in_domain_accuracy"] == run["learning_accuracy"] > 60 > run["accuracy_matrix"][0][0]
    assert run["next_domain_accuracy"] == run["clear_forward_transfer"] == run["accuracy_matrix"][1][1]


def test_a_search_chooses_the_most_accurate_trial(digits):
    search = load_search("synthetic")
    ranking = tuning.tune(search, ["finetune"], workers=1, device="cpu")["finetune"]
    rates = [result["values"]["training.learning_rate"] for result in ranking]
    assert (rates[0], rates[-1], set(rates)) == (0.01, 1e-6, {0.01, 1e-6})
    assert ranking[0]["score"] > ranking[-1]["score"] + 20
    assert [len(row) for row in ranking[0]["dev_accuracy"][0]] == [1, 2]
    assert "average incremental accuracy" in Path("results/tuning/synthetic/finetune.yaml").read_text()
    store = f"sqlite:///{Path.cwd()}/mlflow.db"
    tracking.log_trials(ranking, store, "rawm/tuning/digits")
    client = MlflowClient(store)
    runs = client.search_runs([client.get_experiment_by_name("rawm/tuning/digits").experiment_id])
    assert {run.data.metrics["average_incremental_accuracy"] for run in runs} == {r["score"] for r in ranking}
    assert "dev_accuracy/bucket02" in runs[0].data.metrics


def test_only_fake_and_genuine_in_this_order_are_judged_by_equal_error_rate(digits):
    def measure(classes):
        return replace(digits, stream=digits.stream.model_copy(update={"classes": classes})).measure

    assert measure(["fake", "genuine"]) is EER
    assert measure(["a", "b"]) is measure(None) is measure([str(n) for n in range(10)]) is ACCURACY
