"""Calibration against scikit-learn's logistic regression, closed forms, and rows chosen by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression

from rawm.errors import UserError
from rawm.metrics import calibration, of_scores
from rawm.metrics.calibration import Development, fit, fit_summaries, measures, summarise
from rawm.metrics.detection import act_dcf, cllr


def normal(seed, n=300, m=900, apart=5.0, spread=2.0):
    rng = np.random.default_rng(seed)
    return rng.normal(apart - 2, spread, n), rng.normal(-2, spread, m)


def by_scikit_learn(genuine, fake):
    """Every score twice, as genuine and as fake, with its target and the rest as weights."""
    n, m = len(genuine), len(fake)
    scores = np.concatenate([genuine, fake])
    mass = np.repeat([1 / n, 1 / m], [n, m])
    target = np.repeat([(n + 1) / (n + 2), 1 / (m + 2)], [n, m])
    weights = np.concatenate([mass * target, mass * (1 - target)]) * 1000
    model = LogisticRegression(C=np.inf, tol=1e-12, max_iter=10_000)
    model.fit(np.tile(scores, 2)[:, None], np.repeat([1, 0], n + m), weights)
    return model.coef_[0, 0], model.intercept_[0]


@pytest.mark.parametrize("seed", range(3))
def test_fit_is_weighted_logistic_regression(seed):
    genuine, fake = normal(seed)
    assert fit(genuine, fake) == pytest.approx(by_scikit_learn(genuine, fake), rel=1e-4)


def test_fit_finds_the_llr_of_two_gaussians():
    genuine, fake = normal(0, n=200_000, m=100_000, apart=1.5)
    scale, offset = 1.5 / 4, -(1.5 / 4) * (-2 + 0.75)  # (a - b) / s^2, and 0 half-way between the means
    assert fit(genuine, fake) == pytest.approx((scale, offset), abs=0.01)


def test_the_class_ratio_does_not_shift_the_result():
    genuine, fake = normal(1, n=4000, m=4000)
    one, other = fit(genuine, fake), fit(genuine, np.tile(fake, 20))
    assert other == pytest.approx(one, abs=0.02)


@given(st.floats(0.01, 100), st.floats(-1000, 1000))
def test_llrs_do_not_depend_on_the_scores_scale_and_offset(scale, offset):
    genuine, fake = normal(2, n=30, m=40)
    llr = fit(genuine, fake)(genuine)
    moved = fit(scale * genuine + offset, scale * fake + offset)(scale * genuine + offset)
    np.testing.assert_allclose(moved, llr, rtol=1e-4, atol=1e-4)


def test_separated_scores_give_a_finite_calibration():
    line = fit([1.0, 2.0], [-1.0, -2.0])
    assert 0 < line.scale < 10 and line.offset == pytest.approx(0, abs=1e-6)
    assert fit([3.0], [3.0])([3.0]) == pytest.approx([0.0], abs=1e-6)


def test_scores_that_are_worse_than_chance_say_nothing():
    genuine, fake = normal(3)
    line = fit(fake, genuine)
    assert line.scale == 0 and abs(line.offset) < 0.01
    assert cllr(line(fake), line(genuine)) == pytest.approx(1, abs=1e-3)


def test_fit_needs_both_classes_and_finite_scores():
    with pytest.raises(UserError, match="no fake scores"):
        fit([1.0], [])
    with pytest.raises(UserError, match="not finite"):
        fit([1.0, np.nan], [0.0])


def test_gaussians_stand_for_the_scores_they_were_fitted_to():
    first, second = normal(4, 5000, 3000), tuple(part + 1 for part in normal(5, 1000, 9000))
    pooled = fit(*(np.concatenate(sides) for sides in zip(first, second, strict=True)))
    kept = [summarise(Development(*first)), summarise(Development(*second))]
    assert kept[0].genuine.n == 5000 and kept[0].genuine.mean == pytest.approx(3, abs=0.1)
    assert fit_summaries(kept) == pytest.approx(pooled, rel=0.05)


def test_measures_of_llrs():
    genuine, fake = np.array([2.0, 0.0, 3.0, 1.0]), np.array([-1.0, 0.5, -3.0, -3.0, 0.0])
    found = measures(genuine, fake)
    assert found["error"] == pytest.approx(50 * (1 / 4 + 1 / 5))  # an LLR of 0 is called fake
    assert found["cllr"] == cllr(genuine, fake) and found["act_dcf"] == act_dcf(genuine, fake)


def run_columns(shifts, dev_tasks=(1, 2, 3)):
    """Scores of a run on three tasks: cell (after, task) is shifted; dev and eval have other utterances."""
    rows = {name: [] for name in ("after", "task", "split", "label", "score")}
    for (after, task), shift in shifts.items():
        for split in ["eval", *(["dev"] if task in dev_tasks and 0 < task <= after else [])]:
            genuine, fake = normal(10 * task + (split == "dev"), 60, 80)
            rows["score"].append(np.concatenate([genuine, fake]) * (1 + 0.2 * after) + shift)
            rows["label"].append(np.repeat(np.array(["genuine", "fake"], dtype=object), [60, 80]))
            rows["split"].append(np.full(140, split, dtype=object))
            rows["after"].append(np.full(140, after))
            rows["task"].append(np.full(140, task))
    return {name: np.concatenate(parts) for name, parts in rows.items()}


SHIFTS = {(after, task): 1.0 * after * task for after in range(4) for task in (1, 2, 3)}


def cell(columns, after, task, split):
    here = (columns["after"] == after) & (columns["task"] == task) & (columns["split"] == split)
    genuine = columns["label"] == "genuine"
    return columns["score"][here & genuine], columns["score"][here & ~genuine]


def test_each_policy_is_fitted_on_the_scores_that_it_may_see():
    columns = run_columns(SHIFTS)
    found = of_scores.from_scores(columns, ["a", "b", "c"])["calibration"]
    dev = lambda after, task: Development(*cell(columns, after, task, "dev"))  # noqa: E731
    pooled = [np.concatenate([dev(3, task)[side] for task in (1, 2, 3)]) for side in (0, 1)]
    expected = {
        "none": (1.0, 0.0),
        "first": fit(*dev(1, 1)),
        "last": fit(*dev(3, 3)),
        "all": fit(*pooled),
        "gaussians": fit_summaries([summarise(dev(number, number)) for number in (1, 2, 3)]),
    }
    assert found.keys() == expected.keys() == {"none", *calibration.POLICIES}
    for policy, line in expected.items():
        assert (found[policy]["scale"][-1], found[policy]["offset"][-1]) == pytest.approx(line), policy
        cells = [measures(*(line[0] * side + line[1] for side in cell(columns, 3, task, "eval"))) for task in (1, 2, 3)]
        for name in calibration.MEASURES:
            assert found[policy][name][-1] == pytest.approx([values[name] for values in cells]), (policy, name)
            assert found[policy][f"final_{name}"] == pytest.approx(np.mean([values[name] for values in cells]))
    assert (found["last"]["scale"][1], found["last"]["offset"][1]) == pytest.approx(fit(*dev(2, 2)))


def test_a_task_without_development_data_changes_nothing():
    found = of_scores.from_scores(run_columns(SHIFTS, dev_tasks=(1, 3)), ["a", "b", "c"])["calibration"]
    assert found["last"]["offset"][0] == found["last"]["offset"][1] != found["last"]["offset"][2]
    assert of_scores.from_scores(run_columns(SHIFTS, dev_tasks=(2, 3)), ["a", "b", "c"])["calibration"] is None
