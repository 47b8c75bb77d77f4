"""Calibration of a detector that goes on learning: from its scores to log-likelihood ratios.

A log-likelihood ratio (LLR) is ln p(score | genuine) / p(score | fake). A detector's log-odds are one only by chance,
and each further task shifts them. A calibration is an increasing line through the scores, fitted on development data.
What it is fitted on, and when, is a `POLICIES` entry.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from rawm.metrics.detection import act_dcf, checked, cllr

Columns = Mapping[str, np.ndarray]
QUANTILES = 200  # points that stand for a Gaussian


class Calibration(NamedTuple):
    """LLR = scale * score + offset, natural logarithms; `scale` is not negative."""

    scale: float
    offset: float

    def __call__(self, scores: ArrayLike) -> np.ndarray:
        """LLRs of scores, in their shape."""
        return self.scale * np.asarray(scores, dtype=np.float64) + self.offset


IDENTITY = Calibration(1.0, 0.0)


class Gaussian(NamedTuple):
    """The scores of one class: mean, population standard deviation, and number of utterances."""

    mean: float
    std: float
    n: int


class Summary(NamedTuple):
    """A task's development scores as one Gaussian a class; no score of a single utterance is kept."""

    genuine: Gaussian
    fake: Gaussian


class Development(NamedTuple):
    """Scores of a task's development data, genuine (n,) and fake (m,)."""

    genuine: np.ndarray
    fake: np.ndarray


def fit(genuine: ArrayLike, fake: ArrayLike, weights: tuple[ArrayLike, ArrayLike] | None = None) -> Calibration:
    """Fit a calibration by logistic regression in which both classes weigh the same (a prior of 0.5).

    The class ratio of the data does not shift the result.

    Args:
        genuine, fake: development scores of the two classes, higher = more genuine.
        weights: how many utterances each score stands for, per class; by default 1.

    Returns:
        The line with the smallest cost among those whose scale is not negative. A scale of 0 says that the scores tell
        nothing: every LLR is then about 0.

    Raises:
        UserError: a class has no scores, or a score is infinite or NaN.

    Source:
        Prior-weighted logistic regression: Brümmer & du Preez 2006, doi:10.1016/j.csl.2005.08.001.

    Deviation:
        Where a score separates the classes of the development data, the source's scale is infinite. The targets are
        therefore not 1 and 0 but (n + 1) / (n + 2) and 1 / (m + 2) for n genuine and m fake utterances, as in Platt
        1999, "Probabilistic outputs for support vector machines".
    """
    from scipy.optimize import minimize
    from scipy.special import expit, logit

    classes = [checked(genuine, "genuine"), checked(fake, "fake")]
    masses = [np.ones(part.size) for part in classes] if weights is None else [np.asarray(w, float) for w in weights]
    totals = [mass.sum() for mass in masses]
    scores, mass = np.concatenate(classes), np.concatenate([mass / mass.sum() / 2 for mass in masses])
    target = np.repeat([(totals[0] + 1) / (totals[0] + 2), 1 / (totals[1] + 2)], [part.size for part in classes])
    centre, spread = scores.mean(), scores.std() or 1.0
    standard = (scores - centre) / spread

    inputs = np.stack([standard, np.ones_like(standard)])

    def cost(line: np.ndarray) -> tuple[float, np.ndarray]:
        llr = line @ inputs
        return float(mass @ (np.logaddexp(0, llr) - target * llr)), inputs @ (mass * (expit(llr) - target))

    def curvature(line: np.ndarray) -> np.ndarray:
        slope = expit(line @ inputs)
        return (inputs * (mass * slope * (1 - slope))) @ inputs.T

    found = minimize(cost, [1.0, 0.0], jac=True, hess=curvature, method="trust-exact", options={"gtol": 1e-10})
    if found.x[0] < 0:  # the cost is convex, so the best line that does not fall is level
        return Calibration(0.0, float(logit(mass @ target)))
    scale = float(found.x[0] / spread)
    return Calibration(scale, float(found.x[1] - scale * centre))


def summarise(scores: Development) -> Summary:
    """Keep a task's development scores as two Gaussians."""
    return Summary(*(Gaussian(float(part.mean()), float(part.std()), int(part.size)) for part in scores))


def points(gaussian: Gaussian) -> np.ndarray:
    """`QUANTILES` scores that stand for those of a class: its quantiles, evenly spaced in probability."""
    from scipy.stats import norm

    return gaussian.mean + gaussian.std * norm.ppf((np.arange(QUANTILES) + 0.5) / QUANTILES)


def fit_summaries(summaries: Sequence[Summary]) -> Calibration:
    """`fit` on Gaussians instead of scores: the `points` of each stand for its utterances."""
    scores = [np.concatenate([points(one) for one in side]) for side in zip(*summaries, strict=True)]
    weights = [np.repeat([one.n / QUANTILES for one in side], QUANTILES) for side in zip(*summaries, strict=True)]
    return fit(scores[0], scores[1], (weights[0], weights[1]))


def _first(history: Sequence[Sequence[Development]]) -> Calibration:
    return fit(*history[0][-1])


def _last(history: Sequence[Sequence[Development]]) -> Calibration:
    return fit(*history[-1][-1])


def _all(history: Sequence[Sequence[Development]]) -> Calibration:
    seen = history[-1]
    return fit(np.concatenate([task.genuine for task in seen]), np.concatenate([task.fake for task in seen]))


def _gaussians(history: Sequence[Sequence[Development]]) -> Calibration:
    return fit_summaries([summarise(seen[-1]) for seen in history])


#: Policy -> calibration after the last of some tasks. `history[i][j]`: development scores of the j-th task, given by
#: the detector after the i-th, j <= i.
POLICIES: dict[str, Callable[[Sequence[Sequence[Development]]], Calibration]] = {
    "first": _first,  # fitted once, after the first task, and kept
    "last": _last,  # fitted again after each task on that task's development data alone
    "all": _all,  # ... on those of all tasks so far, which have to be kept
    "gaussians": _gaussians,  # ... on what each task's scores were when it was learned: two Gaussians a task are kept
}
#: Measures of log-likelihood ratios; lower is better.
MEASURES = ("cllr", "act_dcf", "error")


def measures(genuine: ArrayLike, fake: ArrayLike) -> dict[str, float]:
    """The `MEASURES` of LLRs: Cllr, actDCF, and and the mean of false rejections and acceptances at LLR 0 in percent.

    An LLR of 0 is the threshold for equal priors and costs; a score equal to it is called fake.
    """
    rejected, accepted = (np.asarray(genuine) <= 0).mean(), (np.asarray(fake) > 0).mean()
    return {
        "cllr": cllr(genuine, fake),
        "act_dcf": act_dcf(genuine, fake),
        "error": float(50 * (rejected + accepted)),
    }


def along_stream(dev: Columns, evaluation: Columns, tasks: int) -> dict[str, Any] | None:
    """What every policy gives along a stream.

    Args:
        dev, evaluation: columns after, task, label and score of a run's scores, (N,) each.
        tasks: T.

    Returns:
        Policy (and "none") -> `scale` and `offset` after each task (T), and for each of `MEASURES` its matrix (T x T,
        row i after task i + 1) on evaluation data and `final_<measure>`, the mean over all tasks after the last one.
        A task whose development data do not have both classes adds nothing to what a policy knows. None where the
        first task is such a one.
    """
    history: list[list[Development]] = []
    lines: dict[str, list[Calibration]] = {"none": [IDENTITY] * tasks} | {policy: [] for policy in POLICIES}
    for after in range(1, tasks + 1):
        seen = [_cell(dev, after, task) for task in range(1, after + 1)]
        if seen[-1].genuine.size and seen[-1].fake.size:
            history.append([part for part in seen if part.genuine.size and part.fake.size])
        if not history:
            return None
        for policy, calibrate in POLICIES.items():
            lines[policy].append(calibrate(history))
    evaluated = [[_cell(evaluation, after, task) for task in range(1, tasks + 1)] for after in range(1, tasks + 1)]
    return {policy: _measured(chosen, evaluated) for policy, chosen in lines.items()}


def _cell(columns: Columns, after: int, task: int) -> Development:
    here = (columns["after"] == after) & (columns["task"] == task)
    genuine = columns["label"] == "genuine"
    return Development(*(columns["score"][here & side].astype(np.float64) for side in (genuine, ~genuine)))


def _measured(lines: Sequence[Calibration], evaluated: Sequence[Sequence[Development]]) -> dict[str, Any]:
    """Measures of the cells of a matrix, each row calibrated by its own line."""
    cells = [
        [measures(line(part.genuine), line(part.fake)) for part in row]
        for line, row in zip(lines, evaluated, strict=True)
    ]
    content: dict[str, Any] = {"scale": [line.scale for line in lines], "offset": [line.offset for line in lines]}
    for name in MEASURES:
        matrix = [[cell[name] for cell in row] for row in cells]
        content |= {name: matrix, f"final_{name}": float(np.mean(matrix[-1]))}
    return content
