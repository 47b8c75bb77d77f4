"""Error rates of a two-class detector from its scores; a score is higher where an utterance sounds more genuine."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from rawm.errors import UserError


class EER(NamedTuple):
    """Equal error rate and where it lies.

    Attributes:
        value: the rate, a fraction in [0, 1].
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


def _checked(scores: ArrayLike, label: str) -> np.ndarray:
    """Scores as a flat float64 array; raises UserError where no error rate can be computed from them."""
    array = np.asarray(scores, dtype=np.float64).ravel()
    if not array.size:
        raise UserError(f"no {label} scores; an error rate needs at least one genuine and one fake score")
    if bad := int(array.size - np.isfinite(array).sum()):
        raise UserError(f"{bad} of {array.size} {label} scores are not finite numbers; every score must be")
    return array


def error_rates(genuine: ArrayLike, fake: ArrayLike) -> ErrorRates:
    """Error rates at every score, each of several equal scores at a position of its own.

    Args:
        genuine, fake: scores of the two classes, any shape and real dtype; n in all.

    Raises:
        UserError: a class has no scores, or a score is infinite or NaN.

    Source:
        `compute_det_curve` of the ASVspoof evaluation packages (2019 to 2021): genuine scores come first, then a
        stable sort, so among equal scores the genuine ones are rejected first.
    """
    genuine, fake = _checked(genuine, "genuine"), _checked(fake, "fake")
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


def eer_interpolated(genuine: ArrayLike, fake: ArrayLike) -> EER:
    """Equal error rate where the straight lines between the points of the ROC cross the diagonal.

    Equal scores make one point, so their order does not matter. This is what `roc_curve` with a root finder gives;
    it differs from `eer` by less than one utterance's share where no scores are equal.

    Args, Returns, Raises: as `eer`.
    """
    rates = error_rates(genuine, fake)
    last = np.append(np.diff(rates.thresholds) > 0, True)
    frr, far, thresholds = (values[last] for values in rates)
    gap = frr - far
    after = int(np.argmax(gap >= 0))  # gap rises from -1 to 1, so `after` is at least 1
    share = -gap[after - 1] / (gap[after] - gap[after - 1])
    value = frr[after - 1] + share * (frr[after] - frr[after - 1])
    threshold = thresholds[after - 1] + share * (thresholds[after] - thresholds[after - 1])
    return EER(float(value), float(threshold))
