"""Error rates and costs of a two-class detector from its scores; higher score = more genuine.

`eer`, `eer_interpolated`, `auc` and `min_dcf` measure how well scores separate the classes; they depend on the order of
the scores only. `act_dcf` and `cllr` also measure calibration: they read a score as the natural logarithm of the
likelihood ratio of genuine to fake. The log-odds of a detector of `rawm` estimate it only if both classes had the same
weight in training.

Everything is O(n log n) in the number of scores.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from rawm.errors import UserError

#: Prior of a fake and costs of the two errors: the evaluation plan of ASVspoof 5, track 1.
FAKE_PRIOR, COST_MISS, COST_FALSE_ACCEPTANCE = 0.05, 1.0, 10.0
#: Cost of rejecting every genuine and of accepting every fake utterance.
MISS, FALSE_ACCEPTANCE = COST_MISS * (1 - FAKE_PRIOR), COST_FALSE_ACCEPTANCE * FAKE_PRIOR


class EER(NamedTuple):
    """Equal error rate and its threshold.

    Attributes:
        value: the rate, a fraction in [0, 1].
        threshold: score at or below which an utterance is called fake.
    """

    value: float
    threshold: float


class Cost(NamedTuple):
    """Normalised detection cost and its threshold.

    Attributes:
        value: 0 = no errors, 1 = as good as deciding without listening.
        threshold: score at or below which an utterance is called fake.
    """

    value: float
    threshold: float


class ErrorRates(NamedTuple):
    """False rejections and false acceptances at each threshold, thresholds ascending.

    Attributes:
        frr: share of genuine utterances rejected, (n + 1,), non-decreasing from 0 to 1.
        far: share of fake utterances accepted, (n + 1,), non-increasing from 1 to 0.
        thresholds: (n + 1,), the first a little below the lowest score.
    """

    frr: np.ndarray
    far: np.ndarray
    thresholds: np.ndarray


def checked(scores: ArrayLike, label: str) -> np.ndarray:
    """Scores as a flat float64 array; raises UserError where there are none, or some are not finite."""
    array = np.asarray(scores, dtype=np.float64).ravel()
    if not array.size:
        raise UserError(f"no {label} scores; error rates need at least one of each class")
    if bad := int(array.size - np.isfinite(array).sum()):
        raise UserError(f"{bad} of {array.size} {label} scores are not finite numbers; every score must be")
    return array


def error_rates(genuine: ArrayLike, fake: ArrayLike) -> ErrorRates:
    """Error rates at every score; equal scores have separate positions.

    Args:
        genuine, fake: scores of the two classes, any shape and real dtype; n in all.

    Raises:
        UserError: a class has no scores, or a score is infinite or NaN.

    Source:
        `compute_det_curve` of the ASVspoof evaluation packages (2019 to 2021): genuine scores come first, then a
        stable sort, so among equal scores the genuine ones are rejected first.
    """
    genuine, fake = checked(genuine, "genuine"), checked(fake, "fake")
    scores = np.concatenate([genuine, fake])
    order = np.argsort(scores, kind="stable")
    rejected_genuine = np.cumsum(order < genuine.size)
    accepted_fake = fake.size - (np.arange(1, scores.size + 1) - rejected_genuine)
    return ErrorRates(
        np.concatenate([[0.0], rejected_genuine / genuine.size]),
        np.concatenate([[1.0], accepted_fake / fake.size]),
        np.concatenate([[scores[order[0]] - 0.001], scores[order]]),
    )


def eer(genuine: ArrayLike, fake: ArrayLike) -> EER:
    """Equal error rate as ASVspoof defines it: no interpolation, the first threshold where the rates are closest.

    Args:
        genuine, fake: scores of the two classes, higher = more genuine.

    Returns:
        The mean of the two error rates at that threshold (a fraction), and the threshold. O(n log n).

    Raises:
        UserError: a class has no scores, or a score is infinite or NaN.

    Source:
        `compute_eer` of the ASVspoof evaluation packages (2019 to 2021).
    """
    rates = error_rates(genuine, fake)
    index = int(np.argmin(np.abs(rates.frr - rates.far)))
    return EER(float((rates.frr[index] + rates.far[index]) / 2), float(rates.thresholds[index]))


def eer_interpolated(genuine: ArrayLike, fake: ArrayLike) -> float:
    """Equal error rate of the convex hull of the ROC (ROCCH-EER), a fraction in [0, 0.5].

    It is where the lower hull of the points (FAR, FRR) crosses the diagonal: the equal error rate after the best
    monotone calibration, and the largest error rate of the best threshold over all priors of the classes. The order of
    equal scores does not matter. It has no single threshold: a point between two corners of the hull is reached by
    choosing at random between their thresholds. For few scores it is usually lower than `eer`, since the hull favours
    chance fluctuations.

    Args, Raises: as `eer`.

    Source:
        Brümmer & de Villiers 2013, "The BOSARIS toolkit"; Fawcett & Niculescu-Mizil 2007 (PAV and hull).
    """
    rates = error_rates(genuine, fake)
    # Counts instead of rates: they have the same hull, and with integers the search is sure to end.
    rejected = np.rint(rates.frr * np.size(genuine)).astype(np.int64)
    accepted = np.rint(rates.far * np.size(fake)).astype(np.int64)
    left, right = 0, rejected.size - 1  # corners of the hull on either side of the diagonal
    while True:
        between = slice(left, right + 1)
        weight = accepted[left] - accepted[right], rejected[right] - rejected[left]
        cost = weight[0] * rejected[between] + weight[1] * accepted[between]
        best = left + int(np.argmin(cost))
        if cost[best - left] == cost[0]:
            break
        if rates.frr[best] <= rates.far[best]:
            left = best
        else:
            right = best
    before, after = (rates.far[corner] - rates.frr[corner] for corner in (left, right))
    share = before / (before - after)
    return float(rates.frr[left] + share * (rates.frr[right] - rates.frr[left]))


def auc(genuine: ArrayLike, fake: ArrayLike) -> float:
    """Area under the ROC curve: probability that a genuine utterance scores higher than a fake one, ties counted half.

    Returns:
        A fraction, 0.5 = chance.

    Args, Raises: as `eer`.
    """
    genuine, fake = checked(genuine, "genuine"), np.sort(checked(fake, "fake"))
    below, not_above = (np.searchsorted(fake, genuine, side) for side in ("left", "right"))
    return float((below.mean() + not_above.mean()) / (2 * fake.size))


def min_dcf(genuine: ArrayLike, fake: ArrayLike) -> Cost:
    """Normalised detection cost at the best threshold, with ASVspoof 5's prior and costs.

    The order of equal scores does not matter, although `error_rates` puts them one after another: the points in between
    cost more than those before and after all of them.

    Args, Raises: as `eer`.

    Source:
        Evaluation plan of ASVspoof 5, track 1, and `calculate_minDCF_EER_CLLR` of its evaluation package.
    """
    rates = error_rates(genuine, fake)
    costs = (MISS * rates.frr + FALSE_ACCEPTANCE * rates.far) / min(MISS, FALSE_ACCEPTANCE)
    index = int(np.argmin(costs))
    return Cost(float(costs[index]), float(rates.thresholds[index]))


def act_dcf(genuine: ArrayLike, fake: ArrayLike) -> float:
    """Normalised detection cost at the optimal threshold for log-likelihood ratios, with ASVspoof 5's costs.

    The threshold is -ln 1.9; a score equal to it is accepted. Never lower than `min_dcf`, and it may exceed 1: badly
    calibrated scores can be worse than deciding without listening.

    Args:
        genuine, fake: natural logarithms of likelihood ratios of genuine to fake.

    Raises: as `eer`.

    Source:
        Evaluation plan of ASVspoof 5, track 1, equation 3, and `compute_actDCF` of its evaluation package.
    """
    threshold = -np.log(MISS / FALSE_ACCEPTANCE)
    missed = (checked(genuine, "genuine") < threshold).mean()
    accepted = (checked(fake, "fake") >= threshold).mean()
    return float((MISS * missed + FALSE_ACCEPTANCE * accepted) / min(MISS, FALSE_ACCEPTANCE))


def cllr(genuine: ArrayLike, fake: ArrayLike) -> float:
    """Cost of log-likelihood ratios in bits: 0 = certain and right, 1 = uninformative, more than 1 = misleading.

    Args:
        genuine, fake: natural logarithms of likelihood ratios of genuine to fake.

    Raises: as `eer`.

    Source:
        Brümmer & du Preez 2006, "Application-independent evaluation of speaker detection".
    """
    parts = (np.logaddexp(0, -checked(genuine, "genuine")), np.logaddexp(0, checked(fake, "fake")))
    return float(sum(part.mean() for part in parts) / (2 * np.log(2)))
