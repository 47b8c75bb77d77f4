"""Streams by attack, with growing classes, with a watched corpus and of few shots, from manifests to metrics."""

import io
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.metrics import accuracy_score, confusion_matrix

from rawm import manifest, paths
from rawm.config.corpora import SyntheticCorpus
from rawm.config.detectors import MLP
from rawm.config.frontends import LFCC
from rawm.config.methods import Analytic, Finetune
from rawm.config.study import StreamFile, StudyFile, Subset, Task, Training
from rawm.errors import UserError
from rawm.features.store import write_store
from rawm.metrics.detection import eer
from rawm.runs.results import Results, confusions, matrix_rows
from rawm.runs.run import Run
from rawm.study import Study
from rawm.tasks.loading import load_split
from rawm.training.evaluation import evaluate_run
from rawm.training.task import train_task

CPU = torch.device("cpu")
#: corpus -> its attacks; hum is in both.
CORPORA = {"one": ("buzz", "hum"), "two": ("hum", "click")}
PLACES = {"-": 0, "buzz": 1, "hum": 2, "click": 3}  # of the features of genuine speech and of each attack
SIZES = {"train": 30, "dev": 6, "eval": 15}  # groups; each has a genuine utterance and one of each attack
BY_ATTACK = [
    {"name": attack, "corpora": ["one"], "where": {"attack": ["-", attack]}, "share": {"genuine": share}}
    for attack, share in (("buzz", (0, 0.5)), ("hum", (0.5, 1)))
]
BY_CORPUS = [{"name": name, "corpora": [name]} for name in CORPORA]


@pytest.fixture(scope="module", autouse=True)
def data(tmp_path_factory):
    """Manifests and vectors of two corpora in the working directory: a cloud of points for each attack."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("streams"))
        rng = np.random.default_rng(0)
        for name, attacks in CORPORA.items():
            rows = [
                dict.fromkeys(manifest.COLUMNS, "-")
                | {"utterance_id": f"{name}_{split}_{number}_{attack}", "path": "x", "corpus": name, "split": split}
                | {"attack": attack, "label": "genuine" if attack == "-" else "fake", "duration_s": 1.0}
                | {"group": f"{name}_{split}_{number}"}
                for split, size in SIZES.items()
                for number in range(size)
                for attack in ("-", *attacks)
            ]
            manifest.write(rows, paths.manifest(name))
            for split in paths.SPLITS:
                ids = sorted(row["utterance_id"] for row in rows if row["split"] == split)
                places = [PLACES[utterance.rpartition("_")[2]] for utterance in ids]
                vectors = np.eye(4)[places] + 0.2 * rng.standard_normal((len(ids), 4))
                spool = io.BytesIO(vectors.astype(np.float32).tobytes())
                header = {"ids": ids, "skipped": [], "manifest": manifest.digest(paths.manifest(name))}
                write_store(paths.features("f", name, split), header, 4, True, [1] * len(ids), spool)
        yield


def study(tasks, seeds=(0,), **stream):
    settings = StudyFile(
        title="Small", stream="s", frontend="f", detector="mlp", methods=["finetune", "analytic"], seeds=list(seeds)
    )
    settings = settings.model_copy(update={"training": Training(epochs=8, batch_size=8, learning_rate=0.02)})
    return Study(
        "small",
        settings,
        StreamFile(title="s", tasks=tasks, **stream),
        LFCC(type="lfcc", pooling="mean_std"),
        MLP(type="mlp", hidden=[16]),
        {name: SyntheticCorpus(name=name, loader="synthetic", root="x") for name in CORPORA},
        {"finetune": Finetune(algorithm="finetune"), "analytic": Analytic(algorithm="analytic", features=64)},
    )


def trained(study, method="finetune"):
    run = Run(study, method, 0)
    for number in run.numbers:
        train_task(run, number, CPU)
    evaluate_run(run, CPU)
    return Run(study, method, 0)


def attacks(samples):
    return Counter(name.rpartition("_")[2] for name in samples.ids)


def test_tasks_by_attack_divide_genuine_speech_and_nothing_else():
    loaded = study(BY_ATTACK)
    for split, size in SIZES.items():
        first, second = (load_split(loaded, number, split, seed=0) for number in (1, 2))
        assert attacks(first)["buzz"] == attacks(second)["hum"] == size
        genuine = [{name for name in part.ids if name.endswith("-")} for part in (first, second)]
        assert not genuine[0] & genuine[1] and len(genuine[0] | genuine[1]) == size
        assert abs(len(genuine[0]) - len(genuine[1])) <= 1
        assert attacks(first).keys() == {"-", "buzz"}


def test_shots_are_as_many_as_asked_and_each_seed_has_its_own():
    shots = study([BY_CORPUS[0] | {"train": {"per_class": 10}}])
    drawn = {seed: load_split(shots, 1, "train", seed) for seed in range(5)}
    assert all(torch.bincount(samples.labels).tolist() == [10, 10] for samples in drawn.values())
    assert len({tuple(samples.ids) for samples in drawn.values()}) == 5
    assert drawn[3].ids == load_split(shots, 1, "train", 3).ids
    assert load_split(shots, 1, "eval", 0).ids == load_split(shots, 1, "eval", 1).ids


def test_classes_are_the_attacks_met_so_far_and_a_later_task_only_appends_some():
    growing = study(BY_CORPUS, classes="attacks")
    assert growing.classes_after(1) == ("buzz", "genuine", "hum")
    assert growing.classes == growing.classes_after(2) == ("buzz", "genuine", "hum", "click")
    assert study(BY_CORPUS[::-1], classes="attacks").classes == ("click", "genuine", "hum", "buzz")
    second = load_split(growing, 2, "train", 0)
    assert {growing.classes[index] for index in second.labels.tolist()} == {"genuine", "hum", "click"}


@pytest.mark.parametrize("method", ["finetune", "analytic"])
def test_a_detector_of_growing_classes_grows_and_its_numbers_are_those_of_scikit_learn(method):
    growing = study(BY_CORPUS, classes="attacks")
    run = trained(growing, method)
    assert [run.detector(number).output.out_features for number in (1, 2)] == [3, 4]
    scores = run.scores
    assert np.isfinite(scores.score).all()
    assert set(scores[scores.after == 1].predicted) <= {"buzz", "genuine", "hum"}
    counts = confusions(run, growing.classes)
    for after, here in scores.groupby("after"):
        np.testing.assert_array_equal(
            counts[after], confusion_matrix(here.label, here.predicted, labels=growing.classes)
        )
        for number, part in here.groupby("task"):
            value = 100 * accuracy_score(part.label, part.predicted)
            assert run.metrics["accuracy_matrix"][after][number - 1] == pytest.approx(value)
    assert run.metrics["accuracy_matrix"][2][1] > 90
    assert (run.metrics["accuracy_matrix"][2][0] > 90) == (method == "analytic")  # fine-tuning forgets buzz


def test_an_attack_that_no_task_teaches_is_named():
    growing = study([BY_CORPUS[0] | {"where": {"split": ["train"]}}, BY_CORPUS[1]], classes="attacks")
    tasks = [task.model_copy(update={"where": {}}) for task in growing.tasks]
    other = replace(growing, stream=growing.stream.model_copy(update={"tasks": tasks}))
    rows = manifest.read(paths.manifest("one")).rows()
    try:
        manifest.write(
            [row | {"attack": "new"} if row["split"] == "eval" and row["attack"] == "hum" else row for row in rows],
            paths.manifest("one"),
        )
        with pytest.raises(
            UserError, match="has the class 'new', which is not one of buzz, genuine, hum; it has no train"
        ):
            load_split(other, 1, "eval", 0)
        manifest.write([row | {"attack": "-"} for row in rows], paths.manifest("one"))
        with pytest.raises(UserError, match="corpus one: the attack of 60 fake utterance"):
            load_split(other, 1, "train", 0)
    finally:
        manifest.write(rows, paths.manifest("one"))


def test_what_is_watched_is_scored_after_every_task_and_changes_no_other_number():
    alone = trained(study(BY_ATTACK)).metrics
    watching = study(BY_ATTACK, watch=[{"name": "other", "corpora": ["two"], "eval": {"per_class": 12}}])
    run = trained(watching)
    mine = {key: value for key, value in run.metrics.items() if key != "wall_s" and "watched" not in key}
    assert mine == {key: value for key, value in alone.items() if key != "wall_s"}
    assert set(run.scores.task) == {1, 2}
    rows = run._scores("watch")
    matrix = run.metrics["watched_eer_matrix"]
    assert run.metrics["watched"] == ["other"] and np.shape(matrix) == (3, 1)
    for after, here in rows.groupby("after"):
        genuine = (here.label == "genuine").to_numpy()
        assert genuine.sum() == 12 and len(here) == 24 and all(here.utterance_id.str.startswith("two_eval"))
        value = 100 * eer(here.score.to_numpy()[genuine], here.score.to_numpy()[~genuine]).value
        assert matrix[after][0] == pytest.approx(value)
    results = Results(watching, {("finetune", 0): run})
    assert [row["eer"] for row in matrix_rows(results) if row["task"] == "watched other"] == [row[0] for row in matrix]
    results.study.settings.methods[:] = ["finetune"]
    np.testing.assert_array_equal(results.watched_matrices("finetune"), [matrix])
    with pytest.raises(UserError, match=r"watches other, but the study watches nothing; bring it up to date"):
        str(Run(study(BY_ATTACK), "finetune", 0).metrics)


#: what a stream says -> what is said about it.
WRONG = {
    "a watched corpus with training data": (
        {"tasks": BY_CORPUS[:1], "watch": [{"name": "w", "corpora": ["two"], "train": {"total": 5}}]},
        "watch: w: has train or dev, but is never trained on",
    ),
    "a corpus that is watched and trained on": (
        {"tasks": BY_CORPUS, "watch": [{"name": "w", "corpora": ["two"]}]},
        "watch: w: two is trained on in task two; watch what no task has",
    ),
    "an attack that is watched and trained on": (
        {"tasks": BY_ATTACK[:1], "watch": [{"name": "w", "corpora": ["one"], "where": {"attack": ["-", "buzz"]}}]},
        "watch: w: one is trained on in task buzz",
    ),
    "genuine speech in two tasks": (
        {"tasks": [BY_ATTACK[0], BY_ATTACK[1] | {"share": {"genuine": (0.4, 1)}}]},
        "share: tasks buzz and hum both take genuine utterances of one within 0.4 and 0.5",
    ),
    "genuine speech shared out and whole": (
        {"tasks": [BY_ATTACK[0], {"name": "rest", "corpora": ["one"], "where": {"attack": ["-", "hum"]}}]},
        "share: tasks buzz and rest both take genuine utterances of one within 0 and 0.5",
    ),
    "a share the wrong way round": (
        {"tasks": [BY_ATTACK[0] | {"share": {"genuine": (0.5, 0.5)}}]},
        "share.genuine is \\[0.5, 0.5\\]; give two rising numbers within 0 and 1",
    ),
    "growing classes and a watched corpus": (
        {"tasks": BY_CORPUS[:1], "classes": "attacks", "watch": [{"name": "w", "corpora": ["two"]}]},
        "classes: attacks has no class for attacks of others",
    ),
    "a name twice": (
        {"tasks": BY_CORPUS[:1], "watch": [{"name": "one", "corpora": ["two"]}]},
        "two tasks have the same name",
    ),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_a_stream_that_cannot_be_is_refused(wrong):
    stream, said = WRONG[wrong]
    with pytest.raises(ValueError, match=said):
        StreamFile(title="s", **stream)


def test_streams_that_can_be_are_taken():
    fakes = {"share": {"fake": (0, 0.5)}, "where": {"attack": ["-", "buzz"]}}
    other = {"share": {"fake": (0, 0.5)}, "where": {"attack": ["-", "hum"]}}
    shared = StreamFile(title="s", tasks=[BY_CORPUS[0] | {"name": "a"} | fakes, BY_CORPUS[0] | {"name": "b"} | other])
    assert [task.where["attack"][1] for task in shared.tasks] == ["buzz", "hum"]
    unseen = Task(name="w", corpora=["one"], where={"attack": ["-", "click"]}, eval=Subset(total=4))
    watching = StreamFile(title="s", tasks=[BY_CORPUS[0] | {"where": {"attack": ["-", "buzz"]}}], watch=[unseen])
    assert watching.watch == [unseen]
