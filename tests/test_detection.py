"""Error rates against the definition written out, scikit-learn's ROC, and properties that must hold."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_curve

from rawm.errors import UserError
from rawm.metrics.detection import eer, eer_interpolated, error_rates

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


@given(scores, scores)
def test_interpolated_eer_is_where_the_roc_crosses_the_diagonal(genuine, fake):
    labels = np.concatenate([np.ones(len(genuine)), np.zeros(len(fake))])
    far, tpr, _ = roc_curve(labels, np.concatenate([genuine, fake]), drop_intermediate=False)
    gap = far - (1 - tpr)  # rises from -1 to 1; the crossing by plain interpolation of the ROC
    after = int(np.argmax(gap >= -1e-15))
    share = -gap[after - 1] / (gap[after] - gap[after - 1])
    expected = far[after - 1] + share * (far[after] - far[after - 1])
    assert eer_interpolated(genuine, fake).value == pytest.approx(expected, abs=1e-12)


@given(untied())
def test_monotone_maps_change_nothing(classes):
    genuine, fake = classes
    value = eer(genuine, fake).value
    assert eer(3 * genuine + 7, 3 * fake + 7).value == value
    assert eer(np.arctan(genuine / 300), np.arctan(fake / 300)).value == value
    assert eer_interpolated(genuine**3, fake**3).value == eer_interpolated(genuine, fake).value


@given(untied())
def test_naming_the_classes_the_other_way_round_changes_nothing(classes):
    genuine, fake = classes
    assert eer_interpolated(-fake, -genuine).value == pytest.approx(eer_interpolated(genuine, fake).value)
    step = 1 / len(genuine) + 1 / len(fake)  # without interpolation the first of two equal gaps may be another one
    assert abs(eer(-fake, -genuine).value - eer(genuine, fake).value) <= step


@given(untied())
def test_turning_the_scores_round_gives_the_rest(classes):
    genuine, fake = classes
    assert eer_interpolated(-genuine, -fake).value == pytest.approx(1 - eer_interpolated(genuine, fake).value)


@given(scores, scores)
def test_separated_classes_have_no_errors(genuine, fake):
    apart = genuine - genuine.min() + fake.max() + 1
    assert eer(apart, fake).value == 0
    assert eer_interpolated(apart, fake).value == 0


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
@pytest.mark.parametrize("function", [eer, eer_interpolated, error_rates])
def test_scores_without_an_error_rate_are_refused(function, genuine, fake, message):
    with pytest.raises(UserError, match=message):
        function(genuine, fake)
