"""Error rates against the definition written out, scikit-learn's ROC, and properties that must hold."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import log_loss, roc_auc_score, roc_curve

from rawm.errors import UserError
from rawm.metrics import of_scores
from rawm.metrics.detection import act_dcf, auc, cllr, eer, eer_interpolated, error_rates, min_dcf

scores = st.lists(st.integers(-30, 30), min_size=1, max_size=25).map(lambda values: np.array(values) / 4)


@st.composite
def untied(draw):
    """Two classes of scores with no two equal."""
    values = draw(st.lists(st.integers(-1000, 1000), min_size=2, max_size=40, unique=True))
    cut = draw(st.integers(1, len(values) - 1))
    return np.array(values[:cut], float), np.array(values[cut:], float)


def by_definition(genuine, fake):
    """The ASVspoof definition, one threshold position after another."""
    trials = sorted([(s, 0) for s in genuine] + [(s, 1) for s in fake], key=lambda trial: trial[0])  # stable
    best = None
    for position in range(len(trials) + 1):
        rejected = trials[:position]
        frr = sum(kind == 0 for _, kind in rejected) / len(genuine)
        far = 1 - sum(kind == 1 for _, kind in rejected) / len(fake)
        threshold = trials[position - 1][0] if position else trials[0][0] - 0.001
        if best is None or abs(frr - far) < best[0] - 1e-12:
            best = (abs(frr - far), (frr + far) / 2, threshold)
    return best[1:]


@given(scores, scores)
def test_eer_is_the_asvspoof_definition_with_ties(genuine, fake):
    value, threshold = by_definition(genuine, fake)
    # Two thresholds may be equally close in exact arithmetic and differ by a rounding error; the rate may not.
    rates = error_rates(genuine, fake)
    gap = np.abs(rates.frr - rates.far)
    if np.sum(gap < gap.min() + 1e-9) == 1:
        assert eer(genuine, fake) == pytest.approx((value, threshold))
    else:
        assert np.abs(rates.frr - rates.far).min() == pytest.approx(gap.min())


def test_ties_are_ordered_genuine_first():
    rates = error_rates([1.0, 1.0], [1.0, 1.0])
    np.testing.assert_array_equal(rates.frr, [0, 0.5, 1, 1, 1])
    np.testing.assert_array_equal(rates.far, [1, 1, 1, 0.5, 0])
    assert eer([1.0, 1.0], [1.0, 1.0]) == (1.0, 1.0)  # the first position with the least gap; not 0.5


def test_pinned_values():
    assert eer([2.0, 3.0, 4.0, 1.0], [0.0, 1.5, -1.0, -2.0]) == (0.25, 1.0)
    assert eer([3.0, 4.0], [1.0, 2.0]) == (0.0, 2.0)
    assert eer([1.0, 2.0], [3.0, 4.0]) == (1.0, 2.0)
    assert eer([5.0], [1.0, 2.0, 3.0]).value == 0.0


def test_the_first_of_equally_close_thresholds_counts():
    # After one score FRR, FAR = 0, 1/2; after two 1/1, 1/2: the gap is 1/2 both times.
    assert eer([2.0], [1.0, 3.0]) == (0.25, 1.0)


@given(untied())
def test_eer_lies_between_the_roc_points_around_the_diagonal(classes):
    genuine, fake = classes
    labels = np.concatenate([np.ones(len(genuine)), np.zeros(len(fake))])
    far, tpr, _ = roc_curve(labels, np.concatenate([genuine, fake]), drop_intermediate=False)
    frr = 1 - tpr
    after = np.argmax(far >= frr)  # thresholds fall: frr falls, far rises
    low = min(max(far[after - 1], 0), frr[after])
    high = max(far[after], frr[after - 1])
    assert low - 1e-12 <= eer(genuine, fake).value <= high + 1e-12


def attainable(genuine, fake):
    """(FRR, FAR) of every threshold that treats equal scores alike, by counting."""
    thresholds = [-np.inf, *sorted({*genuine, *fake})]
    return [(np.mean([s <= t for s in genuine]), np.mean([s > t for s in fake])) for t in thresholds]


@given(scores, scores)
def test_interpolated_eer_is_the_lowest_point_of_the_diagonal_between_any_two_points_of_the_roc(genuine, fake):
    lowest = 1.0
    for frr, far in attainable(genuine, fake):
        for other_frr, other_far in attainable(genuine, fake):
            before, after = far - frr, other_far - other_frr
            if before >= 0 >= after and before > after:
                lowest = min(lowest, frr + before / (before - after) * (other_frr - frr))
    assert eer_interpolated(genuine, fake) == pytest.approx(lowest, abs=1e-12)


def test_interpolated_eer_is_the_worst_case_of_the_best_threshold():
    rng = np.random.default_rng(1)
    genuine, fake = rng.normal(1, 2, 300), rng.normal(0, 1, 400)
    points = np.array(attainable(genuine, fake))
    priors = np.linspace(0, 1, 20_001)
    best = np.min(np.outer(priors, points[:, 0]) + np.outer(1 - priors, points[:, 1]), axis=1)
    assert eer_interpolated(genuine, fake) == pytest.approx(best.max(), abs=1e-4)
    assert eer_interpolated(genuine, fake) < eer(genuine, fake).value


@given(scores, scores)
def test_area_is_the_share_of_pairs_in_the_right_order(genuine, fake):
    pairs = [(g > f) + 0.5 * (g == f) for g in genuine for f in fake]
    assert auc(genuine, fake) == pytest.approx(np.mean(pairs), abs=1e-12)


@given(scores, scores)
def test_costs_are_those_of_the_definition(genuine, fake):
    """Pspoof = 0.05, Cmiss = 1, Cfa = 10, over what rejecting or accepting everything costs: 0.95 and 0.5."""
    costs = [(0.95 * frr + 0.5 * far) / 0.5 for frr, far in attainable(genuine, fake)]
    found = min_dcf(genuine, fake)
    assert found.value == pytest.approx(min(costs), abs=1e-12)
    frr, far = np.mean(genuine <= found.threshold), np.mean(fake > found.threshold)
    assert found.value == pytest.approx((0.95 * frr + 0.5 * far) / 0.5, abs=1e-12)
    missed = sum(s < -np.log(0.95 / 0.5) for s in genuine) / len(genuine)
    accepted = sum(s >= -np.log(0.95 / 0.5) for s in fake) / len(fake)
    assert act_dcf(genuine, fake) == pytest.approx((0.95 * missed + 0.5 * accepted) / 0.5, abs=1e-12)
    assert act_dcf(genuine, fake) >= found.value - 1e-12


def test_cost_at_the_threshold_of_the_evaluation_plan():
    threshold = -np.log(1.9)
    assert act_dcf([threshold, threshold + 1], [threshold - 1e-9, -5]) == 0  # a score at it is accepted
    assert act_dcf([threshold - 1e-9, 5], [-5]) == pytest.approx(0.95)
    assert act_dcf([5], [threshold, -5, -5, -5]) == pytest.approx(0.25)
    assert min_dcf([-100.0, -99.0], [-101.0, -102.0]) == (0, -101)  # well apart, badly calibrated
    assert act_dcf([-100.0, -99.0], [-101.0, -102.0]) == pytest.approx(1.9)


@given(scores, scores)
def test_cllr_is_the_cross_entropy_of_equal_priors(genuine, fake):
    labels = np.concatenate([np.ones(len(genuine)), np.zeros(len(fake))])
    probabilities = 1 / (1 + np.exp(-np.concatenate([genuine, fake])))
    weights = np.concatenate([np.full(len(genuine), 1 / len(genuine)), np.full(len(fake), 1 / len(fake))])
    expected = log_loss(labels, probabilities, sample_weight=weights, labels=[0, 1]) / np.log(2)
    assert cllr(genuine, fake) == pytest.approx(expected, rel=1e-9)
    loops = sum(np.log2(1 + np.exp(-s)) for s in genuine) / len(genuine)
    loops += sum(np.log2(1 + np.exp(s)) for s in fake) / len(fake)
    assert cllr(genuine, fake) == pytest.approx(loops / 2, rel=1e-9)


def test_cllr_of_scores_that_say_nothing_and_of_sure_ones():
    assert cllr([0.0], [0.0, 0.0]) == 1
    assert cllr([800.0], [-800.0]) == 0
    assert cllr([-2000.0], [2000.0]) == pytest.approx(2000 / np.log(2))  # no overflow


@pytest.mark.parametrize("round", [lambda x: x, lambda x: np.round(x, 1), np.round, np.sign])
def test_scikit_learn_agrees_on_many_scores(round):
    rng = np.random.default_rng(0)
    for n_genuine, n_fake in ((1, 1), (1, 7), (40, 3), (1000, 3000)):
        genuine, fake = round(rng.normal(1, 1, n_genuine)), round(rng.normal(0, 1, n_fake))
        labels, all_scores = np.repeat([1, 0], [n_genuine, n_fake]), np.concatenate([genuine, fake])
        assert auc(genuine, fake) == pytest.approx(roc_auc_score(labels, all_scores))
        far, tpr, _ = roc_curve(labels, all_scores, drop_intermediate=False)
        assert min_dcf(genuine, fake).value == pytest.approx(np.min(1.9 * (1 - tpr) + far))
        assert eer_interpolated(genuine, fake) <= np.max([far, 1 - tpr], axis=0).min() + 1e-12


@given(untied())
def test_monotone_maps_change_nothing(classes):
    genuine, fake = classes
    value = eer(genuine, fake).value
    assert eer(3 * genuine + 7, 3 * fake + 7).value == value
    assert eer(np.arctan(genuine / 300), np.arctan(fake / 300)).value == value
    for function in (eer_interpolated, auc):
        assert function(genuine**3, fake**3) == function(genuine, fake)
    assert min_dcf(genuine**3, fake**3).value == min_dcf(genuine, fake).value


@given(untied())
def test_naming_the_classes_the_other_way_round_changes_nothing(classes):
    genuine, fake = classes
    for function in (eer_interpolated, auc, cllr):
        assert function(-fake, -genuine) == pytest.approx(function(genuine, fake))
    step = 1 / len(genuine) + 1 / len(fake)  # without interpolation the first of two equal gaps may be another one
    assert abs(eer(-fake, -genuine).value - eer(genuine, fake).value) <= step


@given(untied())
def test_turning_the_scores_round_gives_the_rest(classes):
    genuine, fake = classes
    assert auc(-genuine, -fake) == pytest.approx(1 - auc(genuine, fake))
    assert eer_interpolated(-genuine, -fake) <= 0.5


@given(scores, scores)
def test_separated_classes_have_no_errors(genuine, fake):
    apart = genuine - genuine.min() + fake.max() + 1
    assert eer(apart, fake).value == 0
    assert eer_interpolated(apart, fake) == 0
    assert min_dcf(apart, fake).value == 0
    assert auc(apart, fake) == 1


@given(scores, scores, st.randoms())
def test_order_and_dtype_of_the_scores_do_not_matter(genuine, fake, random):
    shuffled = list(genuine)
    random.shuffle(shuffled)
    assert eer(np.array(shuffled, dtype=np.float32), fake[::-1]) == eer(genuine, fake)


def test_normal_scores_have_the_eer_of_theory():
    rng = np.random.default_rng(0)
    genuine, fake = rng.normal(2, 1, 200_000), rng.normal(0, 1, 300_000)
    assert eer(genuine, fake).value == pytest.approx(0.158655, abs=2e-3)  # Phi(-1)
    assert eer(genuine, fake).threshold == pytest.approx(1, abs=2e-2)


@pytest.mark.parametrize(
    ("genuine", "fake", "message"),
    [
        ([], [1.0], "no genuine scores"),
        ([1.0], [], "no fake scores"),
        ([1.0, np.nan], [0.0], "1 of 2 genuine scores are not finite"),
        ([1.0], [np.inf], "1 of 1 fake scores are not finite"),
    ],
)
@pytest.mark.parametrize("function", [eer, eer_interpolated, error_rates, auc, min_dcf, act_dcf, cllr])
def test_scores_without_an_error_rate_are_refused(function, genuine, fake, message):
    with pytest.raises(UserError, match=message):
        function(genuine, fake)


def scores_of_a_run(development):
    """Two tasks: (after, task, split) -> genuine and fake scores, as columns."""
    cells = {(after, task, "eval"): ([5.0, 6.0], [1.0, 2.0]) for after in range(3) for task in (1, 2)}
    cells[2, 1, "eval"] = [2.5, 6.0, 7.0, 8.0], [1.0, 3.5]  # threshold 3: one of four missed, one of two accepted
    cells[2, 2, "eval"] = [5.0, 6.0], [1.0, 3.0]  # a score at the threshold is rejected
    rows = [
        (after, task, split, label, score)
        for (after, task, split), classes in (cells | development).items()
        for label, scores in zip(("genuine", "fake"), classes, strict=True)
        for score in scores
    ]
    names = ("after", "task", "split", "label", "score")
    return {
        name: np.array(column, dtype=object if isinstance(column[0], str) else None)
        for name, column in zip(names, zip(*rows, strict=True), strict=True)
    }


def test_error_at_a_threshold_that_is_set_once():
    development = {(1, 1, "dev"): ([4.0, 5.0], [2.0, 3.0]), (2, 1, "dev"): ([-4.0, -3, -2], [-5.0, -6, -7])}
    found = of_scores.from_scores(scores_of_a_run(development), ["a", "b"])
    assert found["fixed_threshold_error"] == pytest.approx(((25 + 50) / 2 + 0) / 2)
    without = of_scores.from_scores(scores_of_a_run({}), ["a", "b"])
    assert without["fixed_threshold_error"] is None
    by_dev = {"fixed_threshold_error", "average_dev_eer", "calibration"}
    assert {key: found[key] for key in found if key not in by_dev} == {
        key: without[key] for key in without if key not in by_dev
    }


@pytest.mark.parametrize("classes", [([4.0], []), ([], [1.0])])
def test_development_data_of_one_class_gives_no_threshold(classes):
    assert of_scores.from_scores(scores_of_a_run({(1, 1, "dev"): classes}), ["a", "b"])["fixed_threshold_error"] is None


def test_development_scores_must_be_finite():
    with pytest.raises(UserError, match="1 of 1 fake scores are not finite"):
        of_scores.from_scores(scores_of_a_run({(1, 1, "dev"): ([4.0], [np.nan])}), ["a", "b"])
