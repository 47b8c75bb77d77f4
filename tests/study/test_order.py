"""Studies in which each seed has its own order of tasks: the order itself, real runs of it, and Snakemake's plan."""

import re
import shutil
from dataclasses import replace
from itertools import permutations, product
from pathlib import Path

import pandas as pd
import pytest
import torch
import yaml
from support.commands import ROOT, snakemake

from rawm import paths
from rawm.cli import options
from rawm.corpora import make
from rawm.detectors import checkpoint
from rawm.features.extract import extract
from rawm.reports import tables
from rawm.reports.figures.study import DRAW
from rawm.reports.tables import study as study_tables
from rawm.runs import results, uncertainty
from rawm.runs.run import runs_of
from rawm.study import load_study
from rawm.tasks.loading import load_split
from rawm.tracking import runs, text
from rawm.training.evaluation import evaluate_run
from rawm.training.task import train_task

CPU = torch.device("cpu")
ORDERS = {0: ["notch", "buzz"], 1: ["buzz", "notch"]}  # by hash; pinned, since another hash would train anew
METHODS = ["finetune", "owm"]


def names(study):
    return [task.name for task in study.tasks]


def change(path, changes):
    """Write a file of config/ with a change to the shipped one."""
    content = yaml.safe_load((ROOT / "config" / path).read_text()) | changes
    (Path("config") / path).write_text(yaml.safe_dump(content, sort_keys=False, width=1000))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A working directory with a study of two small tasks, two methods and two seeds, tasks shuffled."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("orders"))
        shutil.copytree(ROOT / "config", "config")
        stream = yaml.safe_load((ROOT / "config/streams/synthetic.yaml").read_text())
        change("streams/synthetic.yaml", {"tasks": [task for task in stream["tasks"] if task["name"] != "quantised"]})
        training = {"epochs": 2}
        study = {"methods": METHODS, "seeds": [0, 1], "task_order": "shuffled", "training": training}
        change("studies/synthetic.yaml", study)
        for corpus in ("synthetic_buzz", "synthetic_notch"):
            change(f"corpora/{corpus}.yaml", {"utterances": 24, "duration_s": 0.4})
        yield Path.cwd()


@pytest.fixture(scope="module")
def study(folder, one_thread):
    """That study with all its runs, loaded as `rawm train` and `rawm evaluate` do."""
    loaded = load_study("synthetic")
    for name, corpus in loaded.corpora.items():
        make(corpus)
        for split in paths.SPLITS:
            output = paths.features("lfcc_stats", name, split)
            extract(corpus, loaded.frontend, split, paths.manifest(name), output)
    for method in METHODS:
        for seed in ORDERS:
            for number in (1, 2):
                train_task(options.load_run("synthetic", method, seed), number, CPU)
            evaluate_run(options.load_run("synthetic", method, seed), CPU)
    return loaded


def test_a_given_order_is_left_alone():
    loaded = load_study("open_speech", ROOT / "config")
    assert loaded.ordered(3) is loaded


def test_each_seed_has_its_own_order_and_meets_all_tasks():
    loaded = load_study("open_speech_orders", ROOT / "config")
    orders = [tuple(names(loaded.ordered(seed))) for seed in range(600)]
    assert orders == [tuple(names(loaded.ordered(seed))) for seed in range(600)]
    assert len(set(orders[:5])) == 5  # those that the study reports
    assert all(sorted(order) == sorted(names(loaded)) for order in orders)
    assert {pair for order in orders for pair in permutations(order, 2)} == set(permutations(names(loaded), 2))
    assert {pair for order in orders for pair in enumerate(order)} == set(product(range(6), names(loaded)))
    assert loaded.ordered(2).ordered(2) == loaded.ordered(2)


def test_one_more_task_leaves_the_order_of_the_others():
    loaded = load_study("open_speech_orders", ROOT / "config")
    more = loaded.stream.model_copy(deep=True)
    more.tasks.append(more.tasks[0].model_copy(update={"name": "one_more"}))
    places = set()
    for seed in range(100):
        order = names(loaded.ordered(seed))
        longer = names(replace(loaded, stream=more).ordered(seed))
        assert [name for name in longer if name != "one_more"] == order
        places.add(longer.index("one_more"))
    assert places == set(range(7))


def test_runs_train_and_report_the_tasks_in_their_own_order(study):
    for (_, seed), run in results.load(study).runs.items():
        assert run.metrics["tasks"] == ORDERS[seed]
        first = load_split(study, names(study).index(ORDERS[seed][0]) + 1, "train", seed)
        detector, _ = checkpoint.load_detector(run.detector_path(1))
        torch.testing.assert_close(detector.input_mean, first.mean_std()[0])
        scored = run.scores
        evaluated = load_split(study, names(study).index(ORDERS[seed][1]) + 1, "eval", seed)
        assert set(scored[scored.task == 2].utterance_id) == set(evaluated.ids)


def test_methods_stay_paired_and_columns_of_several_seeds_are_positions(study):
    found = results.load(study)
    assert found.tasks == ["met 1st", "met 2nd"] and found.names == ["task1", "task2"]
    rows = pd.DataFrame(results.matrix_rows(found))
    assert list(rows[(rows.method == "owm") & (rows.seed == 0) & (rows.after == 0)].task) == ORDERS[0]
    for row, seed in enumerate(ORDERS):
        last = rows[(rows.method == "owm") & (rows.seed == seed) & (rows.after == 2)].set_index("task").eer
        assert found.matrices("owm")[row, -1].tolist() == [last[name] for name in ORDERS[seed]]


def test_tables_say_that_orders_differ_and_runs_keep_names(study):
    uncertainty.make(study, resamples=100)
    found, estimated = results.load(study), uncertainty.load(study)
    assert {"eer_task1", "eer_task2"} < set(estimated["methods"]["owm"])
    note = study_tables.comparison(found, estimated).note
    assert "over 2 seeds, each of which meets the tasks in an order of its own. T1 = met 1st; T2 = met 2nd:" in note
    tables.make(study, "tables")
    table = pd.read_csv("tables/runs.csv").set_index(["method", "seed"])
    for (method, seed), run in found.runs.items():
        for name, value in zip(run.metrics["tasks"], run.metrics["eer_matrix"][-1], strict=True):
            assert table.loc[(method, seed), f"eer_{name}"] == pytest.approx(value, abs=1e-3)
    compared = pd.read_csv("tables/comparison.csv").set_index("method")
    assert compared.loc["owm", "eer_task1_mean"] == pytest.approx(found.matrices("owm")[:, -1, 0].mean(), abs=1e-3)


def test_a_run_of_another_order_is_refused(study):
    given = replace(study, settings=study.settings.model_copy(update={"task_order": "given"}))
    with pytest.raises(results.UserError, match=r"is about the tasks notch, buzz, but the study has buzz, notch"):
        results.load(given)


def test_mlflow_is_told_the_order_of_each_run(study):
    for run in runs_of(study):
        assert runs.parameters(run)["tasks"] == ", ".join(ORDERS[run.seed])
        assert [point.value for point in runs.metric_points(run) if point.name == f"eer/{ORDERS[run.seed][1]}"]
    note = text.study_note(study, {}, "1", "")
    assert "**Tasks (each seed has its own order):** Constant pitch, Missing band, dull channel" in note


def test_the_input_subspaces_have_the_names_of_their_tasks(study):
    figure = DRAW["subspaces"](results.load(study))
    labels = {text.get_text().replace("\n", " ") for axes in figure.axes for text in axes.get_yticklabels()}
    assert any("Missing band" in label for label in labels)


@pytest.mark.slow
def test_the_plan_follows_the_order_of_each_seed(folder):
    """Every job reads the features of its own run's tasks so far, and no others."""
    targets = [f"results/synthetic/runs/owm/seed{seed}/metrics.json" for seed in ORDERS]
    _, text = snakemake(folder, "--dry-run", "--forceall", "--", *targets)
    found = {}
    for job in re.findall(r"^rule train_task:\n(.*?)^\[", text, re.S | re.M):
        seed, number = (int(re.search(rf"{name}=(\d+)", job)[1]) for name in ("seed", "task"))
        found[seed, number] = list(dict.fromkeys(re.findall(r"lfcc_stats/synthetic_(\w+)/train", job)))
    assert found == {(seed, number): order[:number] for seed, order in ORDERS.items() for number in (1, 2)}
