"""Metrics of a stream on matrices small enough to do by hand, on published ones, and from scores."""

import json

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.metrics import accuracy_score, balanced_accuracy_score
from support.published_matrices import FINAL

from rawm.errors import UserError
from rawm.metrics import classification, continual, of_scores
from rawm.metrics.detection import eer
from rawm.metrics.measure import ACCURACY, EER

HAND = np.array(
    [
        [50.0, 48.0, 46.0],  # untrained
        [10.0, 40.0, 45.0],  # after task 1
        [8.0, 12.0, 30.0],
        [20.0, 9.0, 6.0],
    ]
)
matrices = st.integers(1, 6).flatmap(
    lambda t: arrays(float, (t + 1, t), elements=st.integers(0, 400).map(lambda n: n / 4))
)


def test_numbers_done_by_hand():
    assert continual.average(HAND) == pytest.approx((20 + 9 + 6) / 3)
    assert continual.learning(HAND) == pytest.approx((10 + 12 + 6) / 3)
    # task 1: 20 - min(10, 8); task 2: 9 - 12, better than ever before
    assert continual.forgetting(HAND) == pytest.approx((12 - 3) / 2)
    assert continual.forgetting_from_best(HAND) == pytest.approx((12 + 0) / 2)
    # 10 -> 20 and 12 -> 9
    assert continual.backward_transfer(HAND) == pytest.approx((-10 + 3) / 2)
    # 48 -> 40 after task 1, 46 -> 30 after task 2
    assert continual.forward_transfer(HAND) == pytest.approx((8 + 16) / 2)
    # task 1: 10 -> 20; task 2: 12 -> 9
    assert continual.forgetting_since_learned(HAND) == pytest.approx((10 - 3) / 2)
    assert continual.forgetting_by_task(HAND) == pytest.approx([12, -3])
    assert continual.average_after_task(HAND) == pytest.approx([10, 10, 35 / 3])
    assert continual.area_under_learning_curve(HAND) == pytest.approx((10 + 10 + 35 / 3) / 3)


def test_signs_say_what_the_names_say():
    forgot = [[50, 50], [5, 50], [40, 5]]
    assert continual.forgetting(forgot) == 35
    assert continual.backward_transfer(forgot) == -35
    helped = [[50, 50], [20, 30], [10, 5]]
    assert continual.forgetting(helped) == -10
    assert continual.backward_transfer(helped) == 10
    assert continual.forward_transfer(helped) == 20


def test_one_task_has_nothing_to_forget_or_to_transfer():
    summary = continual.summarise([[48.0], [7.0]], EER)
    assert summary == {
        "average_eer": 7.0,
        "forgetting_eer_increase": None,
        "backward_transfer_eer_reduction": None,
        "forward_transfer_eer_reduction": None,
        "learning_eer": 7.0,
        "aulc_eer": 7.0,
        "average_eer_after_task": [7.0],
    }
    assert continual.forgetting_from_best([[48.0], [7.0]]) is None
    assert continual.forgetting_since_learned([[48.0], [7.0]]) is None
    assert continual.forgetting_by_task([[48.0], [7.0]]).shape == (0,)
    assert json.loads(json.dumps(summary, allow_nan=False)) == summary


@pytest.mark.parametrize("name", FINAL)
def test_published_matrices_give_their_published_numbers(name):
    trained, average, forgetting = FINAL[name]
    matrix = [[50.0] * len(trained), *trained]  # the benchmark did not score the untrained detector
    assert continual.average(matrix) == pytest.approx(average, abs=0.005)
    assert continual.forgetting_from_best(matrix) == pytest.approx(forgetting, abs=0.005)


def test_forgetting_differs_from_the_published_definition_where_the_end_is_best():
    ours = {name: continual.forgetting([[50.0] * len(rows), *rows]) for name, (rows, _, _) in FINAL.items()}
    assert ours == pytest.approx({"ELMA": 1.257, "Replay": -1.933, "Naive": 14.933}, abs=0.001)
    trained, _, _ = FINAL["Naive"]
    lost = (6.4 + 24.4 + 7.6 + 18.0 + 20.4 + 0.0) / 6  # 24.0 -> 30.4, 20.4 -> 44.8, ...
    assert continual.forgetting_since_learned([[50.0] * 7, *trained]) == pytest.approx(lost)


@given(matrices)
def test_relations_between_the_numbers(matrix):
    summary = continual.summarise(matrix, EER)
    tasks = matrix.shape[1]
    assert summary["average_eer_after_task"][-1] == pytest.approx(summary["average_eer"])
    if tasks > 1:
        forgetting = summary["forgetting_eer_increase"]
        # The best earlier checkpoint is at least as good as the one right after learning.
        assert forgetting >= -summary["backward_transfer_eer_reduction"] - 1e-9
        assert continual.forgetting_from_best(matrix) >= max(forgetting, 0) - 1e-9
        since_learned = continual.forgetting_since_learned(matrix)
        assert since_learned == pytest.approx(-summary["backward_transfer_eer_reduction"])
        # What was learned and what was lost since make the final average.
        lost = -summary["backward_transfer_eer_reduction"] * (tasks - 1) / tasks
        assert summary["average_eer"] == pytest.approx(summary["learning_eer"] + lost)


def test_keys_of_an_eer_study_stay_as_they_are():
    assert [metric.key for metric in EER.metrics] == [
        "average_eer",
        "forgetting_eer_increase",
        "backward_transfer_eer_reduction",
        "forward_transfer_eer_reduction",
        "learning_eer",
        "aulc_eer",
        "pooled_eer",
        "fixed_threshold_error",
    ]
    assert (EER.matrix, EER.average_after_task, EER.dev) == ("eer_matrix", "average_eer_after_task", "dev_eer")


def test_accuracies_done_by_hand():
    """The matrix by hand as accuracies: what an error rises by, the accuracy falls by."""
    found = continual.summarise(100 - HAND, ACCURACY)
    assert found["average_accuracy"] == pytest.approx((80 + 91 + 94) / 3)
    assert found["learning_accuracy"] == pytest.approx((90 + 88 + 94) / 3)
    assert found["forgetting_accuracy_decrease"] == pytest.approx((12 - 3) / 2)  # max(90, 92) - 80, 88 - 91
    assert found["backward_transfer_accuracy_increase"] == pytest.approx((-10 + 3) / 2)
    assert found["forward_transfer_accuracy_increase"] == pytest.approx((8 + 16) / 2)
    assert found["average_accuracy_after_task"] == pytest.approx([90, 90, 265 / 3])


@given(matrices, matrices)
def test_a_stack_of_matrices_gives_the_numbers_of_each(first, second):
    second = np.resize(second, first.shape)
    stack = np.stack([[first, second], [second, first]])
    functions = [continual.scalars(stack, EER), continual.clear(stack)]
    for found, single in zip(functions, (lambda m: continual.scalars(m, EER), continual.clear), strict=True):
        for key, values in found.items():
            one, two = single(first)[key], single(second)[key]
            assert values is None if one is None else values == pytest.approx(np.array([[one, two], [two, one]]))
    assert continual.average_after_task(stack)[1, 0] == pytest.approx(continual.average_after_task(second))


@given(matrices)
def test_clear_metrics_are_the_parts_of_the_matrix(matrix):
    """The definitions written out: R[i][j] = accuracy on bucket j after training on bucket i."""
    r = matrix[1:]
    n = len(r)
    parts = {
        "in_domain_accuracy": [r[i][i] for i in range(n)],
        "next_domain_accuracy": [r[i][i + 1] for i in range(n - 1)],
        "clear_backward_transfer": [r[i][j] for i in range(n) for j in range(i)],
        "clear_forward_transfer": [r[i][j] for i in range(n) for j in range(i + 1, n)],
    }
    expected = {name: pytest.approx(sum(part) / len(part)) if part else None for name, part in parts.items()}
    assert continual.clear(matrix) == expected
    assert continual.clear(matrix)["in_domain_accuracy"] == continual.learning(matrix)


@pytest.mark.parametrize("matrix", [[[1.0, 2.0], [3.0, 4.0]], [], [1.0, 2.0], np.zeros((1, 0))])
def test_other_shapes_are_refused(matrix):
    with pytest.raises(UserError, match="T \\+ 1 rows and T columns"):
        continual.average(matrix)


def test_holes_are_refused():
    with pytest.raises(UserError, match="not finite"):
        continual.summarise([[np.nan], [1.0]], EER)


def make_scores(tasks=2, per_cell=40, seed=0):
    rng = np.random.default_rng(seed)
    cells = [(after, task) for after in range(tasks + 1) for task in range(1, tasks + 1)]
    label = np.array([*["genuine"] * (per_cell // 4), *["fake"] * (per_cell - per_cell // 4)], dtype=object)
    return {
        "after": np.repeat(np.array([after for after, _ in cells], np.int8), per_cell),
        "task": np.repeat(np.array([task for _, task in cells], np.int8), per_cell),
        "label": np.tile(label, len(cells)),
        "score": rng.standard_normal(len(cells) * per_cell).astype(np.float32),
    }


def test_metrics_from_scores():
    scores = make_scores()
    found = of_scores.from_scores(scores, ["first", "second"])
    assert found["tasks"] == ["first", "second"]
    assert np.shape(found["eer_matrix"]) == (3, 2)
    cell = (scores["after"] == 1) & (scores["task"] == 2)
    genuine = scores["label"] == "genuine"
    assert (
        found["eer_matrix"][1][1] == 100 * eer(scores["score"][cell & genuine], scores["score"][cell & ~genuine]).value
    )
    last = scores["after"] == 2
    assert found["pooled_eer"] == 100 * eer(scores["score"][last & genuine], scores["score"][last & ~genuine]).value
    summary = continual.summarise(found["eer_matrix"], EER)
    assert {key: found[key] for key in summary} == summary
    extra = {"pooled_eer", "fixed_threshold_error", "average_dev_eer", "calibration"}
    assert found.keys() == {"tasks", "eer_matrix", *extra, *summary}
    json.dumps(found, allow_nan=False)


def test_row_order_and_container_do_not_matter():
    scores = make_scores(tasks=3)
    order = np.random.default_rng(1).permutation(len(scores["score"]))
    shuffled = {name: column[order] for name, column in scores.items()}
    names = ["a", "b", "c"]
    expected = of_scores.from_scores(scores, names)
    assert of_scores.from_scores(shuffled, names) == expected
    assert of_scores.from_scores(pa.table(scores), names) == expected


def test_incomplete_scores_are_refused():
    scores = make_scores()
    with pytest.raises(UserError, match="scores of task 1 after task 0: no genuine scores"):
        of_scores.from_scores({name: column[10:] for name, column in scores.items()}, ["a", "b"])
    with pytest.raises(UserError, match="no column label"):
        of_scores.from_scores({name: scores[name] for name in ("after", "task", "score")}, ["a", "b"])
    with pytest.raises(UserError, match="'bonafide'; genuine and fake"):
        of_scores.from_scores(scores | {"label": np.full(len(scores["score"]), "bonafide", object)}, ["a", "b"])


def make_class_scores(tasks=2, per_cell=50, seed=0):
    rng = np.random.default_rng(seed)
    scores = make_scores(tasks, per_cell, seed)
    names = np.array(["angry", "happy", "neutral", "sad"], dtype=object)
    rows = len(scores["score"])
    drawn = {column: names[rng.choice(4, rows, p=[0.1, 0.2, 0.3, 0.4])] for column in ("label", "predicted")}
    agree = rng.random(rows) < 0.5
    return scores | drawn | {"predicted": np.where(agree, drawn["label"], drawn["predicted"])}


def test_accuracy_and_recall_agree_with_scikit_learn():
    scores = make_class_scores(tasks=3)
    found = of_scores.from_scores(scores, ["a", "b", "c"], ACCURACY)
    for after in range(4):
        for task in (1, 2, 3):
            here = (scores["after"] == after) & (scores["task"] == task)
            labels, predicted = scores["label"][here], scores["predicted"][here]
            accuracy, recall = (found[f"{cell}_matrix"][after][task - 1] for cell in ("accuracy", "recall"))
            assert accuracy == pytest.approx(100 * accuracy_score(labels, predicted))
            assert recall == pytest.approx(100 * balanced_accuracy_score(labels, predicted))
            assert abs(accuracy - recall) > 1e-9
    assert found["average_recall"] == pytest.approx(np.mean(found["recall_matrix"][-1]))
    keys = {metric.key for metric in ACCURACY.metrics} | {"tasks", "average_accuracy_after_task"}
    assert found.keys() == keys | {"accuracy_matrix", "recall_matrix"}
    assert found == of_scores.from_scores(pa.table(scores), ["a", "b", "c"], ACCURACY)
    json.dumps(found, allow_nan=False)


def test_recall_counts_only_classes_that_are_there():
    labels, predicted = ["sad", "sad", "sad", "angry"], ["sad", "happy", "sad", "happy"]
    assert classification.recall(labels, predicted) == pytest.approx((2 / 3 + 0) / 2)
    assert classification.accuracy(labels, predicted) == 0.5


def test_incomplete_predictions_are_refused():
    scores = make_class_scores()
    with pytest.raises(UserError, match="scores of task 1 after task 0: no scores"):
        of_scores.from_scores({name: column[50:] for name, column in scores.items()}, ["a", "b"], ACCURACY)
    with pytest.raises(UserError, match="no column predicted"):
        of_scores.from_scores(make_scores(), ["a", "b"], ACCURACY)
    scores["score"][3] = np.nan
    with pytest.raises(UserError, match="1 of 300 scores are not finite"):
        of_scores.from_scores(scores, ["a", "b"], ACCURACY)
