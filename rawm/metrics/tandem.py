"""Minimum tandem detection cost (min t-DCF): a detector of fakes in front of a speaker verification (ASV) system.

ASVspoof 2019 and 2021 define it differently. Their values must not be compared, so each has its own function, and a
result names its version. In both, the ASV system decides at the threshold of its equal error rate, and the detector at
its best threshold.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from rawm.errors import UserError
from rawm.metrics.detection import checked, eer, error_rates

#: Priors of a fake, of the claimed speaker, and of another speaker, in both versions.
FAKE = 0.05
TARGET, NONTARGET = 0.99 * (1 - FAKE), 0.01 * (1 - FAKE)
#: Costs in both versions: rejecting the claimed speaker; accepting another speaker or a fake.
MISS, FALSE_ACCEPTANCE = 1.0, 10.0


class AsvScores(NamedTuple):
    """Scores of a speaker verification system, higher = more like the claimed speaker.

    Attributes:
        target: of the claimed speaker, (N,).
        nontarget: of other speakers, (N,).
        spoof: of fakes, (N,).
    """

    target: ArrayLike
    nontarget: ArrayLike
    spoof: ArrayLike


class MinTdcf(NamedTuple):
    """Normalised minimum t-DCF.

    Attributes:
        value: 0 = the detector makes no error (2019); 1 = the tandem is as good as without a useful detector.
        threshold: of the detector, at or below which an utterance is called fake.
        version: 2019 or 2021; only values of one version may be compared.
    """

    value: float
    threshold: float
    version: int


class _AsvErrors(NamedTuple):
    miss: float
    false_acceptance: float
    fake_acceptance: float


def min_tdcf_2019(genuine: ArrayLike, fake: ArrayLike, asv: AsvScores) -> MinTdcf:
    """Normalised minimum t-DCF as ASVspoof 2019 defines it (version 1): the detector's share of the cost alone.

    Args:
        genuine, fake: scores of the detector, higher = more genuine.
        asv: scores of the speaker verification system.

    Raises:
        UserError: a class has no scores, a score is infinite or NaN, the detector's scores have fewer than three
            different values, or the ASV system is so bad that the cost is not defined.

    Source:
        Kinnunen et al. 2018, "t-DCF: a detection cost function for the tandem assessment"; evaluation plan of
        ASVspoof 2019.
    """
    errors = _asv_errors(asv)
    c1 = TARGET * (MISS - MISS * errors.miss) - NONTARGET * FALSE_ACCEPTANCE * errors.false_acceptance
    c2 = FALSE_ACCEPTANCE * FAKE * errors.fake_acceptance
    return _minimum(genuine, fake, 0.0, c1, c2, 2019)


def min_tdcf_2021(genuine: ArrayLike, fake: ArrayLike, asv: AsvScores) -> MinTdcf:
    """Normalised minimum t-DCF as ASVspoof 2021 defines it (version 2): the cost of the ASV system's errors counts too.

    It is never 0 unless the ASV system is perfect; the lowest possible value depends on that system.

    Args, Raises: as `min_tdcf_2019`.

    Source:
        Kinnunen et al. 2020, "Tandem assessment of spoofing countermeasures and automatic speaker verification:
        fundamentals"; evaluation plan of ASVspoof 2021.
    """
    errors = _asv_errors(asv)
    c0 = TARGET * MISS * errors.miss + NONTARGET * FALSE_ACCEPTANCE * errors.false_acceptance
    c1 = TARGET * MISS - c0
    c2 = FAKE * FALSE_ACCEPTANCE * errors.fake_acceptance
    return _minimum(genuine, fake, c0, c1, c2, 2021)


def _asv_errors(asv: AsvScores) -> _AsvErrors:
    """Error rates of the ASV system at the threshold of its equal error rate, where a score at it is accepted."""
    target, nontarget, spoof = (checked(scores, f"ASV {name}") for name, scores in asv._asdict().items())
    threshold = eer(target, nontarget).threshold
    return _AsvErrors(
        float((target < threshold).mean()),
        float((nontarget >= threshold).mean()),
        float((spoof >= threshold).mean()),
    )


def _minimum(genuine: ArrayLike, fake: ArrayLike, c0: float, c1: float, c2: float, version: int) -> MinTdcf:
    """The smallest c0 + c1 FRR + c2 FAR over the thresholds, divided by the cost of the better trivial detector.

    The trivial detectors accept every utterance, or reject every one.
    """
    if c1 < 0 or c2 < 0:
        raise UserError(
            f"min t-DCF {version}: the ASV system's errors make the weight C1 = {c1:.4f} or C2 = {c2:.4f} negative; "
            "it is worse than no system, so check which ASV scores are target, nontarget and spoof"
        )
    if (scale := c0 + min(c1, c2)) == 0:
        raise UserError(
            f"min t-DCF {version}: the ASV system alone costs nothing (C1 = {c1:.4f}, C2 = {c2:.4f}), so there is "
            "nothing to normalise by; use an ASV system that some fakes deceive"
        )
    rates = error_rates(genuine, fake)
    if (different := np.unique(rates.thresholds[1:]).size) < 3:
        raise UserError(
            f"min t-DCF {version}: the detector's scores have {different} values; give scores, not decisions"
        )
    costs = (c0 + c1 * rates.frr + c2 * rates.far) / scale
    index = int(np.argmin(costs))
    return MinTdcf(float(costs[index]), float(rates.thresholds[index]), version)
