"""Metrics of a stream on matrices small enough to do by hand, on published ones, and from scores."""

import json

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from published_matrices import FINAL

from rawm import metrics
from rawm.errors import UserError
from rawm.metrics import continual
from rawm.metrics.detection import eer

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
    assert continual.average_eer(HAND) == pytest.approx((20 + 9 + 6) / 3)
    assert continual.learning_eer(HAND) == pytest.approx((10 + 12 + 6) / 3)
    # task 1: 20 - min(10, 8); task 2: 9 - 12, better than ever before
    assert continual.forgetting_eer_increase(HAND) == pytest.approx((12 - 3) / 2)
    assert continual.forgetting_eer_increase_from_best(HAND) == pytest.approx((12 + 0) / 2)
    # 10 -> 20 and 12 -> 9
    assert continual.backward_transfer_eer_reduction(HAND) == pytest.approx((-10 + 3) / 2)
    # 48 -> 40 after task 1, 46 -> 30 after task 2
    assert continual.forward_transfer_eer_reduction(HAND) == pytest.approx((8 + 16) / 2)
    assert continual.average_eer_after_task(HAND) == pytest.approx([10, 10, 35 / 3])


def test_signs_say_what_the_names_say():
    forgot = [[50, 50], [5, 50], [40, 5]]
    assert continual.forgetting_eer_increase(forgot) == 35
    assert continual.backward_transfer_eer_reduction(forgot) == -35
    helped = [[50, 50], [20, 30], [10, 5]]
    assert continual.forgetting_eer_increase(helped) == -10
    assert continual.backward_transfer_eer_reduction(helped) == 10
    assert continual.forward_transfer_eer_reduction(helped) == 20


def test_one_task_has_nothing_to_forget_or_to_transfer():
    summary = continual.summarise([[48.0], [7.0]])
    assert summary == {
        "average_eer": 7.0,
        "forgetting_eer_increase": None,
        "backward_transfer_eer_reduction": None,
        "forward_transfer_eer_reduction": None,
        "learning_eer": 7.0,
        "average_eer_after_task": [7.0],
    }
    assert continual.forgetting_eer_increase_from_best([[48.0], [7.0]]) is None
    assert json.loads(json.dumps(summary, allow_nan=False)) == summary


@pytest.mark.parametrize("name", FINAL)
def test_published_matrices_give_their_published_numbers(name):
    trained, average, forgetting = FINAL[name]
    matrix = [[50.0] * len(trained), *trained]  # the benchmark did not score the untrained detector
    assert continual.average_eer(matrix) == pytest.approx(average, abs=0.005)
    assert continual.forgetting_eer_increase_from_best(matrix) == pytest.approx(forgetting, abs=0.005)


def test_forgetting_differs_from_the_published_definition_where_the_end_is_best():
    ours = {
        name: continual.forgetting_eer_increase([[50.0] * len(rows), *rows]) for name, (rows, _, _) in FINAL.items()
    }
    assert ours == pytest.approx({"ELMA": 1.257, "Replay": -1.933, "Naive": 14.933}, abs=0.001)


@given(matrices)
def test_relations_between_the_numbers(matrix):
    summary = continual.summarise(matrix)
    tasks = matrix.shape[1]
    assert summary["average_eer_after_task"][-1] == pytest.approx(summary["average_eer"])
    if tasks > 1:
        forgetting = summary["forgetting_eer_increase"]
        # The best earlier checkpoint is at least as good as the one right after learning.
        assert forgetting >= -summary["backward_transfer_eer_reduction"] - 1e-9
        assert continual.forgetting_eer_increase_from_best(matrix) >= max(forgetting, 0) - 1e-9
        # What was learned and what was lost since make the final average.
        lost = -summary["backward_transfer_eer_reduction"] * (tasks - 1) / tasks
        assert summary["average_eer"] == pytest.approx(summary["learning_eer"] + lost)


@pytest.mark.parametrize("matrix", [[[1.0, 2.0], [3.0, 4.0]], [], [1.0, 2.0], np.zeros((1, 0))])
def test_other_shapes_are_refused(matrix):
    with pytest.raises(UserError, match="T \\+ 1 rows and T columns"):
        continual.average_eer(matrix)


def test_holes_are_refused():
    with pytest.raises(UserError, match="not finite"):
        continual.summarise([[np.nan], [1.0]])


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
    found = metrics.from_scores(scores, ["first", "second"])
    assert found["tasks"] == ["first", "second"]
    assert np.shape(found["eer_matrix"]) == (3, 2)
    cell = (scores["after"] == 1) & (scores["task"] == 2)
    genuine = scores["label"] == "genuine"
    assert (
        found["eer_matrix"][1][1] == 100 * eer(scores["score"][cell & genuine], scores["score"][cell & ~genuine]).value
    )
    last = scores["after"] == 2
    assert found["pooled_eer"] == 100 * eer(scores["score"][last & genuine], scores["score"][last & ~genuine]).value
    assert {key: found[key] for key in continual.summarise(found["eer_matrix"])} == continual.summarise(
        found["eer_matrix"]
    )
    json.dumps(found, allow_nan=False)


def test_row_order_and_container_do_not_matter():
    scores = make_scores(tasks=3)
    order = np.random.default_rng(1).permutation(len(scores["score"]))
    shuffled = {name: column[order] for name, column in scores.items()}
    names = ["a", "b", "c"]
    expected = metrics.from_scores(scores, names)
    assert metrics.from_scores(shuffled, names) == expected
    assert metrics.from_scores(pa.table(scores), names) == expected


def test_incomplete_scores_are_refused():
    scores = make_scores()
    with pytest.raises(UserError, match="scores of task 1 after task 0: no genuine scores"):
        metrics.from_scores({name: column[10:] for name, column in scores.items()}, ["a", "b"])
    with pytest.raises(UserError, match="no column label"):
        metrics.from_scores({name: scores[name] for name in ("after", "task", "score")}, ["a", "b"])
    with pytest.raises(UserError, match="'bonafide'; genuine and fake"):
        metrics.from_scores(scores | {"label": np.full(len(scores["score"]), "bonafide", object)}, ["a", "b"])
