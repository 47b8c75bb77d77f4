"""Comparisons of methods against closed forms and published values."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from rawm.metrics import ranking

# Demšar 2006, table 5a: methods -> q of the Nemenyi test.
Q = {
    0.05: {2: 1.960, 3: 2.343, 4: 2.569, 5: 2.728, 6: 2.850, 7: 2.949, 8: 3.031, 9: 3.102, 10: 3.164},
    0.10: {2: 1.645, 3: 2.052, 4: 2.291, 5: 2.459, 6: 2.589, 7: 2.693, 8: 2.780, 9: 2.855, 10: 2.920},
}
# Demšar 2006, table 2: AUC of C4.5 with and without tuning on 14 data sets; one of them is a tie.
PLAIN = [0.763, 0.599, 0.954, 0.628, 0.882, 0.936, 0.661, 0.583, 0.775, 1.0, 0.940, 0.619, 0.972, 0.957]
TUNED = [0.768, 0.591, 0.971, 0.661, 0.888, 0.931, 0.668, 0.583, 0.838, 1.0, 0.962, 0.666, 0.981, 0.978]


@pytest.mark.parametrize("alpha", Q)
def test_critical_differences_are_those_of_the_table(alpha):
    for methods, q in Q[alpha].items():
        expected = q * math.sqrt(methods * (methods + 1) / (6 * 14))
        assert ranking.critical_difference(methods, 14, alpha) == pytest.approx(expected, abs=0.002)
    assert ranking.critical_difference(4, 14, 0.05) == pytest.approx(1.25, abs=0.005)  # his example


def test_wilcoxon_shares_blocks_without_a_difference():
    ranks_lost = 12.0  # the smaller sum of ranks in Demšar's example
    z = (ranks_lost - 14 * 15 / 4) / math.sqrt(14 * 15 * 29 / 24)
    assert ranking.wilcoxon(PLAIN, TUNED) == pytest.approx(2 * stats.norm.cdf(z), abs=1e-4)
    assert ranking.wilcoxon(PLAIN, TUNED) == ranking.wilcoxon(TUNED, PLAIN)
    assert ranking.wilcoxon(PLAIN, PLAIN) is None


@pytest.mark.parametrize("seed", range(20))
def test_wilcoxon_of_few_blocks_is_that_of_scipy_with_and_without_ties(seed):
    rng = np.random.default_rng(seed)
    blocks = rng.integers(2, 10)
    difference = rng.integers(1, 5, blocks) * rng.choice([-1, 0, 1], blocks) if seed % 2 else rng.normal(size=blocks)
    if difference.any():
        expected = stats.wilcoxon(difference, zero_method="zsplit").pvalue
        assert ranking.wilcoxon(difference, np.zeros(blocks)) == pytest.approx(expected, abs=1e-12)


def test_wilcoxon_of_a_few_blocks_is_exact():
    assert ranking.wilcoxon([1.0, 2.0, 3.0, 4.0, 5.0], np.zeros(5)) == pytest.approx(2 / 2**5)


def test_holm_multiplies_by_the_number_of_tests_left():
    assert ranking.holm([0.04, 0.01, 0.03, 0.5]) == pytest.approx([0.09, 0.04, 0.09, 0.5])
    assert ranking.holm([0.3, 0.3]) == pytest.approx([0.6, 0.6])
    assert ranking.holm([0.9, 0.8]) == [1.0, 1.0]
    assert ranking.holm([0.02, None, 0.03]) == [0.04, None, 0.04]
    assert ranking.holm([]) == []


def test_friedman_is_its_closed_form_where_no_errors_are_equal():
    errors = np.random.default_rng(0).random((12, 5)) + 0.2 * np.arange(5)
    ranks = ranking.mean_ranks(errors)
    chi2 = 12 * 12 / (5 * 6) * (np.sum(ranks**2) - 5 * 6**2 / 4)
    assert ranking.friedman(errors) == pytest.approx(stats.chi2.sf(chi2, 4))


@pytest.mark.parametrize("errors", [np.ones((6, 4)), np.random.default_rng(0).random((6, 2)), [[1.0, 2.0, 3.0]]])
def test_friedman_is_undefined_for_too_little(errors):
    assert ranking.friedman(errors) is None


def test_mean_ranks_share_what_is_equal():
    assert ranking.mean_ranks([[10, 20, 20], [3, 1, 2]]).tolist() == [2.0, 1.75, 2.25]


def test_cliques_done_by_hand():
    ranks = {"d": 4.5, "a": 1.0, "c": 2.8, "b": 1.9}
    assert ranking.cliques(ranks, 1.0) == [["a", "b"], ["b", "c"]]
    assert ranking.cliques(ranks, 2.0) == [["a", "b", "c"], ["c", "d"]]
    assert ranking.cliques(ranks, 0.5) == []
    assert ranking.cliques(ranks, 9.0) == [["a", "b", "c", "d"]]
    assert ranking.cliques({"a": 1.0, "b": 2.0}, 1.0) == []  # at least the critical difference is a difference


@given(arrays(float, st.integers(1, 8), elements=st.floats(1, 8)), st.floats(0.1, 8))
def test_cliques_hold_every_pair_that_is_close_and_no_other(values, difference):
    ranks = dict(zip("abcdefgh", values, strict=False))
    found = ranking.cliques(ranks, difference)
    for one in ranks:
        for other in ranks:
            together = any(one in clique and other in clique for clique in found)
            assert one == other or together == (abs(ranks[one] - ranks[other]) < difference)
    assert not [a for a in found for b in found if a is not b and set(a) <= set(b)]


def test_share_better_counts_ties_half():
    assert ranking.share_better([1, 2, 3, 4], [2, 2, 2, 2]) == (1 + 0.5) / 4
