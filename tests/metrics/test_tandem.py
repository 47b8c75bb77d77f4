"""Both t-DCFs against their formulas written out, threshold after threshold."""

import numpy as np
import pytest

from rawm.errors import UserError
from rawm.metrics.tandem import AsvScores, min_tdcf_2019, min_tdcf_2021

FUNCTIONS = [min_tdcf_2019, min_tdcf_2021]


def asv_rates(asv):
    """Pmiss, Pfa, Pfa_spoof where |FRR - FAR| of target and nontarget is least, by loops; no scores may be equal."""
    best = None
    scores = sorted([*asv.target, *asv.nontarget])
    for t in [scores[0] - 0.001, *scores]:
        frr = sum(s <= t for s in asv.target) / len(asv.target)
        far = sum(s > t for s in asv.nontarget) / len(asv.nontarget)
        if best is None or abs(frr - far) < best[0]:
            best = abs(frr - far), t
    t = best[1]
    missed = sum(s < t for s in asv.target) / len(asv.target)
    return missed, *(sum(s >= t for s in scores) / len(scores) for scores in (asv.nontarget, asv.spoof))


def curve(genuine, fake, c0, c1, c2):
    """C0 + C1 Pmiss + C2 Pfa at every threshold that treats equal scores alike."""
    for t in [-np.inf, *genuine, *fake]:
        missed = sum(s <= t for s in genuine) / len(genuine)
        accepted = sum(s > t for s in fake) / len(fake)
        yield c0 + c1 * missed + c2 * accepted


def version_1(genuine, fake, asv):
    missed, accepted, fakes = asv_rates(asv)
    c1 = 0.9405 * (1 - missed) - 0.0095 * 10 * accepted
    c2 = 10 * 0.05 * fakes
    return min(curve(genuine, fake, 0, c1, c2)) / min(c1, c2)


def version_2(genuine, fake, asv):
    missed, accepted, fakes = asv_rates(asv)
    c0 = 0.9405 * missed + 0.0095 * 10 * accepted
    c1 = 0.9405 - c0
    c2 = 0.05 * 10 * fakes
    return min(curve(genuine, fake, c0, c1, c2)) / (c0 + min(c1, c2))


def make_asv(rng, n=(30, 50, 40), distance=3.0):
    target, nontarget, spoof = n
    return AsvScores(rng.normal(distance, 1, target), rng.normal(0, 1, nontarget), rng.normal(2, 1, spoof))


@pytest.mark.parametrize("digits", [0, 1, 9])
@pytest.mark.parametrize("sizes", [(2, 2), (3, 60), (60, 3), (40, 70)])
def test_both_versions_are_their_formulas(sizes, digits):
    for seed in range(8):
        rng = np.random.default_rng(seed)
        asv = make_asv(rng)
        genuine, fake = rng.normal(1, 1, sizes[0]).round(digits), rng.normal(-1, 1, sizes[1]).round(digits)
        if len({*genuine, *fake}) < 3:
            continue
        one, two = min_tdcf_2019(genuine, fake, asv), min_tdcf_2021(genuine, fake, asv)
        assert one.value == pytest.approx(version_1(genuine, fake, asv), abs=1e-12)
        assert two.value == pytest.approx(version_2(genuine, fake, asv), abs=1e-12)
        assert (one.version, two.version) == (2019, 2021)
        assert one.value <= two.value <= 1 + 1e-12


def test_pinned_values():
    """ASV threshold 1: scores at it are accepted, so no target is missed, and one of two fakes passes."""
    asv = AsvScores(target=[1.0, 2.0, 3.0, 4.0], nontarget=[-1.0, 0.0, 0.5, 1.5], spoof=[0.0, 1.0])
    genuine, fake = [0.0, 2.0, 3.0, 4.0], [-3.0, -2.0, -1.0, 1.0]
    c1, c2, c0 = 0.9405 - 0.095 / 4, 0.25, 0.095 / 4
    one, two = min_tdcf_2019(genuine, fake, asv), min_tdcf_2021(genuine, fake, asv)
    assert one == (pytest.approx(0.25 * c2 / min(c1, c2)), -1.0, 2019)
    assert two == (pytest.approx((c0 + 0.25 * c2) / (c0 + c2)), -1.0, 2021)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_useless_detector_costs_1_and_a_perfect_one_the_least(function):
    asv = make_asv(np.random.default_rng(0))
    backwards = function([1.0, 2.0], [3.0, 4.0, 5.0], asv)
    assert backwards.value == pytest.approx(1)
    perfect = function([3.0, 4.0, 5.0], [1.0, 2.0], asv)
    assert perfect.threshold == 2.0
    missed, accepted, fakes = asv_rates(asv)
    c0 = 0.9405 * missed + 0.095 * accepted
    assert perfect.value == pytest.approx(0 if function is min_tdcf_2019 else c0 / (c0 + min(0.9405 - c0, 0.5 * fakes)))


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"genuine": []}, "no genuine scores"),
        ({"fake": []}, "no fake scores"),
        ({"genuine": [1.0, np.nan]}, "1 of 2 genuine scores are not finite"),
        ({"target": []}, "no ASV target scores"),
        ({"nontarget": []}, "no ASV nontarget scores"),
        ({"spoof": []}, "no ASV spoof scores"),
        ({"spoof": [1.0, np.inf]}, "1 of 2 ASV spoof scores are not finite"),
        ({"genuine": [1.0, 1.0], "fake": [0.0]}, "scores have 2 values; give scores, not decisions"),
        ({"target": -np.arange(1.0, 21.0), "nontarget": [5.0, 6.0, 7.0]}, r"C1 = -0.0480 .* negative"),
    ],
)
def test_what_has_no_cost_is_refused(function, changes, message):
    given = {"genuine": [1.0, 2.0], "fake": [0.0, -1.0], "target": [2.0, 3.0], "nontarget": [0.0, 1.0], "spoof": [2.5]}
    given |= changes
    asv = AsvScores(*(given[name] for name in ("target", "nontarget", "spoof")))
    with pytest.raises(UserError, match=message):
        function(given["genuine"], given["fake"], asv)


def test_a_verification_system_that_no_fake_deceives():
    asv = AsvScores([2.0, 3.0], [0.0, 1.0], [-1.0])
    with pytest.raises(UserError, match="nothing to normalise by"):
        min_tdcf_2019([1.0, 2.0], [0.0], asv)
    assert min_tdcf_2021([1.0, 2.0], [0.0], AsvScores([2.0, 3.0], [0.0, 1.0], [-1.0, -2.0])).value == pytest.approx(1)
