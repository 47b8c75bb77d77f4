"""What a study's intervals.json says, from runs that were written by hand."""

import json
import shutil

import numpy as np
import pyarrow.parquet as pq
import pytest
from support.finished_runs import EMOTIONS, make_study

from rawm import paths
from rawm.errors import UserError
from rawm.runs import results, uncertainty
from rawm.runs.run import Run

METHODS = ("finetune", "joint", "rawm", "rwm")


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    folder = tmp_path_factory.mktemp("uncertainty")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        made = make_study(folder, methods=METHODS, seeds=(0, 1, 2), tasks=3)
        # rwm is another name of rawm: nothing tells them apart
        shutil.rmtree(Run(made, "rwm", 0).folder.parent)
        shutil.copytree(Run(made, "rawm", 0).folder.parent, Run(made, "rwm", 0).folder.parent)
        uncertainty.make(made, resamples=200)
        yield made


def test_every_number_lies_in_its_interval_and_is_the_mean_over_seeds(study):
    found, runs = uncertainty.load(study), results.load(study)
    assert list(found["methods"]) == list(METHODS)
    for method, numbers in found["methods"].items():
        final = runs.matrices(method)[:, -1].mean(axis=0)
        assert [numbers[f"eer_task_{task}"]["value"] for task in (1, 2, 3)] == pytest.approx(final)
        for key in ("average_eer", "forgetting_eer_increase", "learning_eer", "aulc_eer"):
            assert numbers[key]["value"] == pytest.approx(runs.values(method, key).mean())
            assert numbers[key]["low"] < numbers[key]["value"] < numbers[key]["high"]
    assert found["resamples"] == 200 and found["seed"] == 0 and found["level"] == 0.95
    assert found["groups"] == "by group; groups/utterances: task_1 60/120, task_2 60/120, task_3 60/120"


def test_pairs_are_differences_of_methods(study):
    found = uncertainty.load(study)
    assert len(found["pairs"]) == 2 * 6
    for pair in found["pairs"]:
        first, second = (found["methods"][pair[which]][pair["metric"]] for which in ("first", "second"))
        assert pair["difference"] == pytest.approx(first["value"] - second["value"])
        assert pair["low"] <= pair["difference"] <= pair["high"]
    pairs = {(pair["first"], pair["second"], pair["metric"]): pair for pair in found["pairs"]}
    ahead = pairs["finetune", "rawm", "average_eer"]
    assert ahead["low"] > 0 and ahead["probability"] < 0.01 and ahead["wilcoxon_p"] < 0.05
    assert ahead["holm_p"] > 2 * ahead["wilcoxon_p"]  # one of five tests that there are
    same = pairs["rawm", "rwm", "average_eer"]
    assert (same["low"], same["high"], same["probability"]) == (0, 0, 0.5)
    assert same["wilcoxon_p"] is None and same["holm_p"] is None


def test_ranks_leave_the_upper_bound_aside(study):
    ranks = uncertainty.load(study)["ranks"]
    assert ranks["blocks"] == 9 and ranks["alpha"] == 0.05
    assert ranks["mean_ranks"].keys() == {"finetune", "rawm", "rwm"}
    assert sum(ranks["mean_ranks"].values()) == pytest.approx(6)
    assert ranks["friedman_p"] < 0.05
    assert ranks["critical_difference"] == pytest.approx(2.343 * np.sqrt(3 * 4 / (6 * 9)), abs=0.001)
    assert ["rawm", "rwm"] in ranks["cliques"]


def test_threads_and_other_methods_change_nothing(study):
    path = paths.intervals(study.name)
    before = path.read_text()
    uncertainty.make(study, resamples=200, threads=3)
    assert path.read_text() == before
    try:
        study.settings.methods[:] = ["rawm", "finetune"]
        uncertainty.make(study, resamples=200)
        assert uncertainty.load(study)["methods"]["rawm"] == json.loads(before)["methods"]["rawm"]
        uncertainty.make(study, resamples=200, seed=1)
        assert uncertainty.load(study)["methods"]["rawm"] != json.loads(before)["methods"]["rawm"]
    finally:
        study.settings.methods[:] = METHODS
        path.write_text(before)


def test_one_run_of_one_task(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    study = make_study(tmp_path, methods=("finetune", "rawm"), seeds=(4,), tasks=1)
    uncertainty.make(study, resamples=100)
    found = uncertainty.load(study)
    numbers = found["methods"]["rawm"]
    assert numbers["forgetting_eer_increase"] == {"value": None, "low": None, "high": None}
    assert numbers["average_eer"] == numbers["eer_task_1"]
    assert numbers["average_eer"]["low"] < numbers["average_eer"]["high"]
    assert [pair["metric"] for pair in found["pairs"]] == ["average_eer"]
    assert found["ranks"]["critical_difference"] is None and found["ranks"]["cliques"] == []


def test_accuracies_are_compared_the_other_way_round(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    study = make_study(tmp_path, methods=("finetune", "ewc"), seeds=(0, 1), tasks=3, classes=EMOTIONS)
    uncertainty.make(study, resamples=100)
    found, runs = uncertainty.load(study), results.load(study)
    numbers = found["methods"]["ewc"]
    assert numbers["accuracy_task_2"]["value"] == pytest.approx(runs.matrices("ewc")[:, -1, 1].mean())
    assert numbers["average_accuracy"]["low"] < numbers["average_accuracy"]["value"] < 100
    average, forgetting = found["pairs"]
    assert average["difference"] < 0 and average["probability"] < 0.05  # fine-tuning is less accurate
    assert forgetting["metric"] == "forgetting_accuracy_decrease"
    assert forgetting["difference"] > 0 and forgetting["probability"] < 0.05
    assert found["ranks"]["mean_ranks"]["ewc"] < found["ranks"]["mean_ranks"]["finetune"]


@pytest.mark.parametrize("column", ["speaker", "utterance"])
def test_utterances_without_known_groups_are_drawn_singly(study, column, monkeypatch):
    monkeypatch.setattr(uncertainty, "FEWEST", 1)
    ids = uncertainty._evaluated(study, Run(study, "rawm", 0))[1].ids
    assert len(set(uncertainty._groups(study, 2, ids, column))) == 120


def test_too_few_groups_are_not_drawn(study, monkeypatch):
    monkeypatch.setattr(uncertainty, "FEWEST", 61)
    ids = uncertainty._evaluated(study, Run(study, "rawm", 0))[1].ids
    assert len(set(uncertainty._groups(study, 2, ids, "group"))) == 120


def test_mistakes_are_named(study):
    with pytest.raises(UserError, match="unknown column 'corpus'; known: group, speaker, utterance"):
        uncertainty.make(study, groups="corpus")
    path = Run(study, "rwm", 2).scores_path
    table = pq.read_table(path)
    ids = np.array(table["utterance_id"].to_pylist(), dtype=object)
    try:
        other = ids.copy()
        other[5] = "t1_999"
        pq.write_table(table.set_column(2, "utterance_id", [other]), path)
        with pytest.raises(UserError, match=r"rwm/seed2/scores.parquet: has other utterances of task task_1 than"):
            uncertainty.make(study, resamples=100)
        pq.write_table(table.slice(1), path)
        with pytest.raises(UserError, match=r"rwm/seed2/scores.parquet: has other utterances of task task_1 than"):
            uncertainty.make(study, resamples=100)
    finally:
        pq.write_table(table, path)
    with pytest.raises(UserError, match=r"task task_2: 1 utterance\(s\) that were scored, first 'unheard', are not in"):
        uncertainty._groups(study, 2, np.array(["t2_000", "unheard"], dtype=object), "group")
