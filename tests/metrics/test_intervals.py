"""The bootstrap against repeated scores, against its own guarantees, and against simulations with a known answer."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import norm

from rawm.errors import UserError
from rawm.metrics import classification, detection, intervals

RESAMPLES = 400
weighted = st.integers(2, 30).flatmap(
    lambda n: st.tuples(
        arrays(float, n, elements=st.integers(-3, 3).map(float)),  # few values: many equal scores
        arrays(bool, n),
        arrays(int, (4, n), elements=st.integers(0, 3)),
    )
)


def names(number):
    return [f"u{index:04d}" for index in range(number)]


@given(weighted, st.sampled_from([1, 4, 64]))
def test_a_weight_is_an_utterance_repeated(drawn, near):
    scores, genuine, counts = drawn
    genuine[:2], counts[:, :2] = (True, False), np.maximum(counts[:, :2], 1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(intervals, "NEAR", near)  # so that rates meet among these ranks, or elsewhere
        found = intervals.eer([scores, -scores], genuine, intervals.Draws(np.arange(len(scores)), counts))
    for resample, row in enumerate(counts):
        for detector, values in enumerate((scores, -scores)):
            repeated = [np.repeat(values[part], row[part]) for part in (genuine, ~genuine)]
            assert found[resample, detector] == detection.eer(*repeated).value


def test_accuracy_of_weights_is_that_of_repeated_utterances():
    rng = np.random.default_rng(0)
    group, counts = rng.integers(0, 6, 40), rng.integers(1, 4, (5, 6))
    right = rng.random((3, 40)) < 0.7
    found = intervals.accuracy(right, intervals.Draws(group, counts))
    for resample, row in enumerate(counts):
        for detector in range(3):
            repeated = np.repeat(right[detector], row[group])
            assert found[resample, detector] == pytest.approx(classification.accuracy(repeated, True))


def test_resampling_in_parts_changes_nothing(monkeypatch):
    rng = np.random.default_rng(0)
    genuine = rng.random(90) < 0.3
    scores, draws = rng.standard_normal((2, 90)) + genuine, intervals.draw(names(90), 50, 0, genuine)
    whole = intervals.eer(scores, genuine, draws)
    monkeypatch.setattr(intervals, "BLOCK", 700)
    assert [block.stop for block in draws.blocks()][:2] == [7, 14]
    assert (intervals.eer(scores, genuine, draws) == whole).all()


def test_groups_are_drawn_whole_and_classes_never_vanish():
    groups, classes = list("aabbbccdde"), list("ggffgggfff")  # b has both classes, the others one
    draws = intervals.draw(groups, RESAMPLES, 0, classes)
    weights = draws.counts[:, draws.group]
    for group in set(groups):
        (same, *others) = [weights[:, row] for row, name in enumerate(groups) if name == group]
        assert all((other == same).all() for other in others)
    assert (draws.counts.sum(axis=1) == 5).all()
    genuine = np.array(classes) == "g"
    assert weights[:, genuine].sum(axis=1).min() > 0 and weights[:, ~genuine].sum(axis=1).min() > 0
    unaware = intervals.draw(groups, RESAMPLES, 0)
    assert (unaware.counts.sum(axis=1) == 5).all()
    assert unaware.counts[:, unaware.group][:, genuine].sum(axis=1).min() == 0


def test_each_group_is_drawn_as_often_as_the_others():
    counts = intervals.draw(names(50), 4000, 0).counts
    assert counts.mean(axis=0) == pytest.approx(np.ones(50), abs=0.08)
    assert counts.var(axis=0) == pytest.approx(np.full(50, 1 - 1 / 50), abs=0.12)  # of a multinomial


def test_draws_depend_on_what_is_drawn_and_not_on_its_order():
    groups, order = names(30), np.random.default_rng(1).permutation(30)
    genuine = np.arange(30) < 12
    draws = intervals.draw(groups, 20, 0, genuine)
    shuffled = intervals.draw([groups[row] for row in order], 20, 0, genuine[order])
    assert (shuffled.counts[:, shuffled.group] == draws.counts[:, draws.group][:, order]).all()
    assert (intervals.draw(groups, 20, 1, genuine).counts != draws.counts).any()
    assert (intervals.draw([f"other {name}" for name in groups], 20, 0, genuine).counts != draws.counts).any()


def test_seeds_spread_as_the_unbiased_variance_says():
    values = np.array([1.0, 4.0, 2.0, 8.0, 5.0])
    weights = intervals.draw_seeds([0, 1, 2, 3, 4], 40_000, 0)
    assert weights.sum(axis=1) == pytest.approx(1)
    means = weights @ values
    assert means.mean() == pytest.approx(values.mean(), abs=0.02)
    assert means.var() == pytest.approx(values.var(ddof=1) / 5, rel=0.03)
    assert (intervals.draw_seeds([7], 3, 0) == 1).all()


def test_an_interval_leaves_equal_shares_outside():
    low, high = intervals.interval(np.arange(1001.0), 0.9)
    assert (low, high) == pytest.approx((50, 950))


def simulated(trials, genuine, seed, noise=1.0, shared=0.0):
    """Scores whose true EER is 15.9 %; those of four neighbours have a part in common."""
    rng = np.random.default_rng(seed)
    common = np.repeat(rng.standard_normal((trials, genuine.size // 4)), 4, axis=1)
    return 2 * genuine + noise * rng.standard_normal((trials, genuine.size)) + shared * common


def covered(scores, genuine, groups):
    """Share of trials whose 95 % interval holds the true value."""
    values = intervals.eer(scores, genuine, intervals.draw(groups, RESAMPLES, 0, genuine))
    low, high = intervals.interval(values.T, 0.95)
    return np.mean((low <= norm.cdf(-1)) & (norm.cdf(-1) <= high))


def test_an_interval_holds_the_true_error_rate_as_often_as_it_says():
    genuine = np.arange(200) < 100
    assert 0.92 <= covered(simulated(RESAMPLES, genuine, seed=1), genuine, names(200)) <= 0.98


def test_utterances_of_a_group_need_a_wider_interval():
    genuine = np.arange(120) < 60
    scores = simulated(RESAMPLES, genuine, seed=2, noise=np.sqrt(0.1), shared=np.sqrt(0.9))
    assert covered(scores, genuine, names(120)) < 0.8
    assert covered(scores, genuine, np.repeat(names(30), 4)) >= 0.9


def test_differences_of_paired_detectors_are_surer_than_each_of_them():
    genuine = np.arange(200) < 100
    rng = np.random.default_rng(3)
    first = simulated(1, genuine, seed=4)[0]
    both = np.stack([first, first + 0.1 * rng.standard_normal(200)])
    values = intervals.eer(both, genuine, intervals.draw(names(200), RESAMPLES, 0, genuine))
    assert (values[:, 0] - values[:, 1]).std() < 0.7 * values.std(axis=0).min()


def test_what_cannot_be_resampled_is_refused():
    draws = intervals.Draws(np.arange(3), np.array([[1, 0, 2]]))
    with pytest.raises(UserError, match="no genuine or no fake"):
        intervals.eer([[0.0, 1.0, 2.0]], [False, True, False], draws)
    with pytest.raises(UserError, match="not finite"):
        intervals.eer([[0.0, np.nan, 2.0]], [True, True, False], draws)
