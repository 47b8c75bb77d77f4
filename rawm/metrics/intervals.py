"""Bootstrap intervals over utterances and seeds, vectorised over resamples.

Utterances of a group (a recording and its copies, a sentence) are not independent, so groups are drawn, not
utterances. A resample is a row of counts: how often it contains each group. All detectors that scored the utterances
use the same rows, so differences between detectors are paired.

Seeds and utterances are crossed: each seed's detector scores the same utterances. So both are drawn, independently of
each other. Of S seeds S - 1 are drawn, which makes the spread over draws that of the unbiased variance of their mean.

Source:
    Efron & Tibshirani 1993 (percentile interval); Owen 2007, "The pigeonhole bootstrap" (crossed factors; the spread
    is a little too wide rather than too narrow); Rao & Wu 1988 (S - 1 of S).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from rawm.errors import UserError
from rawm.seeding import derive

BLOCK = 2**20  # cumulative counts in memory at a time; more would not fit a processor's cache
NEAR = 64  # fewest ranks on each side of a crossing that are counted one by one


@dataclass(frozen=True)
class Draws:
    """R resamples of N utterances in G groups.

    Attributes:
        group: index of each utterance's group, (N,).
        counts: number of times each group is in each resample, (R, G), integers.
    """

    group: np.ndarray
    counts: np.ndarray

    def blocks(self) -> Iterator[slice]:
        """Ranges of resamples that are small enough to process at once."""
        step = max(1, BLOCK // self.group.size)
        for start in range(0, len(self.counts), step):
            yield slice(start, start + step)


def draw(groups: Sequence[str], resamples: int, seed: int, classes: Sequence[str] | None = None) -> Draws:
    """Draw as many groups as there are, with replacement, once per resample.

    The draws depend on the names of the groups and on the seed, not on the order of the utterances; the same set of
    groups is always drawn in the same way.

    Args:
        groups: the group of each utterance, (N,).
        resamples: R.
        seed: of the random numbers.
        classes: the class of each utterance, (N,). Groups are then drawn among those with the same classes, so that
            no class is missing in a resample; a group without another of the same classes is always drawn once.
            None = all groups together.
    """
    names, group = np.unique(np.asarray(groups, dtype=str), return_inverse=True)
    labels, label = np.unique(np.zeros(group.size) if classes is None else np.asarray(classes), return_inverse=True)
    has = np.zeros((names.size, labels.size), dtype=bool)
    has[group, label] = True
    strata, stratum = np.unique(has, axis=0, return_inverse=True)
    counts = np.zeros((resamples, names.size), dtype=np.uint8)
    for number in range(len(strata)):
        members = np.flatnonzero(stratum.ravel() == number)
        rng = np.random.default_rng(derive(seed, "groups", *names[members]))
        for row in counts:
            row[members] = np.bincount(rng.integers(members.size, size=members.size), minlength=members.size)
    return Draws(group, counts)


def draw_seeds(seeds: Sequence[int], resamples: int, seed: int) -> np.ndarray:
    """Weights of the seeds in the mean of each resample, (R, S), rows sum to 1; a single seed always has weight 1."""
    if len(seeds) == 1:
        return np.ones((resamples, 1))
    rng = np.random.default_rng(derive(seed, "seeds", *seeds))
    drawn = len(seeds) - 1
    return rng.multinomial(drawn, np.full(len(seeds), 1 / len(seeds)), size=resamples) / drawn


def interval(values: ArrayLike, level: float) -> tuple[np.ndarray, np.ndarray]:
    """Percentile interval over the last axis: the bounds that leave (1 - level) / 2 of the resamples on each side."""
    tail = (1 - level) / 2
    low, high = np.quantile(np.asarray(values), [tail, 1 - tail], axis=-1)
    return low, high


def accuracy(right: ArrayLike, draws: Draws) -> np.ndarray:
    """Accuracy of K detectors on each resample, fractions, (R, K).

    Args:
        right: whether each detector's prediction for each utterance is right, (K, N).
        draws: resamples of the N utterances.
    """
    right, groups = np.asarray(right, dtype=np.float64), draws.counts.shape[1]
    hits = np.stack([np.bincount(draws.group, row, groups) for row in (*right, np.ones(draws.group.size))], axis=1)
    totals = draws.counts.astype(np.float64) @ hits
    return totals[:, :-1] / totals[:, -1:]


def eer(scores: ArrayLike, genuine: ArrayLike, draws: Draws) -> np.ndarray:
    """Equal error rate of K detectors on each resample, fractions, (R, K).

    Equal to `detection.eer` of the scores with each utterance repeated as often as its group was drawn.

    The rates of a resample meet near the threshold where those of all utterances meet. So utterances with scores near
    it are counted one by one, and the others together; for resamples whose rates meet elsewhere all are counted.

    Args:
        scores: of each detector for each utterance, (K, N), higher = more genuine.
        genuine: whether each utterance is genuine, (N,).
        draws: resamples of the N utterances.

    Raises:
        UserError: a resample has no genuine or no fake utterance, or a score is not finite.
    """
    scores, genuine = np.asarray(scores, dtype=np.float64), np.asarray(genuine, dtype=bool)
    if not np.isfinite(scores).all():
        raise UserError("some scores are not finite numbers; every score must be")
    # Genuine ones first: among equal scores they are rejected first.
    rows = np.concatenate([np.flatnonzero(genuine), np.flatnonzero(~genuine)])
    orders = [rows[np.argsort(detector[rows], kind="stable")] for detector in scores]
    spans = [_near_crossing(genuine[order]) for order in orders]
    parts = [rows, *(order[: span.start] for order, span in zip(orders, spans, strict=True))]
    members = [part[genuine[part] == kind] for part in parts for kind in (True, False)]
    sizes = np.stack([np.bincount(draws.group[part], minlength=draws.counts.shape[1]) for part in members], axis=1)
    values = np.empty((len(draws.counts), len(scores)))
    for block in draws.blocks():
        counts = draws.counts[block]
        # Matrix products are much faster in floating point, where integers of this size are exact.
        among = (counts.astype(np.float64) @ sizes.astype(np.float64)).astype(np.int64)
        totals, below = among[:, :2], among[:, 2:]
        if not totals.all():
            raise UserError("a resample has no genuine or no fake utterance; draw groups by class")
        for column, (order, span) in enumerate(zip(orders, spans, strict=True)):
            first, group = genuine[order], draws.group[order]
            known = below[:, 2 * column : 2 * column + 2]
            found = _crossing(counts, group[span], first[span], known, totals)
            if (elsewhere := np.isnan(found)).any():
                nothing = np.zeros_like(totals[elsewhere])
                found[elsewhere] = _crossing(counts[elsewhere], group, first, nothing, totals[elsewhere])
            values[block, column] = found
    return values


def _near_crossing(genuine: np.ndarray) -> slice:
    """Ranks around the one where the error rates of all utterances meet.

    Args:
        genuine: whether the utterance of each rank is genuine, lowest score first, (N,).
    """
    rates = np.cumsum(genuine) / max(genuine.sum(), 1) + np.cumsum(~genuine) / max((~genuine).sum(), 1)
    middle, width = int(np.searchsorted(rates, 1)), max(NEAR, genuine.size // 16)
    return slice(max(0, middle - width), middle + width)


def _cumulative(below: np.ndarray, counts: np.ndarray, group: np.ndarray) -> np.ndarray:
    """Number of utterances of each resample up to the first 0, 1, ... n of a range, (R, n + 1).

    Args:
        below: number below the range, (R,).
        counts: as in `Draws`.
        group: index of the group of each utterance in the range, (n,).
    """
    total = np.empty((len(counts), group.size + 1), dtype=np.int64)
    total[:, 0] = 0
    np.cumsum(counts.take(group, axis=1), axis=1, out=total[:, 1:])
    total += below[:, np.newaxis]
    return total


def _crossing(
    counts: np.ndarray, group: np.ndarray, first: np.ndarray, below: np.ndarray, totals: np.ndarray
) -> np.ndarray:
    """Equal error rate of each resample, (R,); nan where the rates meet outside of a range of ranks.

    Args:
        counts: as in `Draws`.
        group: index of the group of each utterance in the range, lowest score first, (n,).
        first: whether each is genuine, (n,).
        below, totals: number of genuine and of fake utterances of a resample below the range, and in all, (R, 2).
    """
    row = np.arange(len(counts))
    among = np.concatenate([[0], np.cumsum(first)])  # number of genuine utterances among the lowest p = 0 ... n
    genuine, fake = (_cumulative(below[:, part], counts, group[first != part]) for part in (0, 1))
    all_genuine, all_fake = totals.T

    def at(lowest: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return genuine[row, among[lowest]], fake[row, lowest - among[lowest]]

    # As the threshold rises, rejected genuine / all + rejected fake / all grows from 0 to 2; the rates meet where it
    # reaches 1. Computed in integers, so that ties are exact.
    meet = all_genuine * all_fake

    def reached(lowest: np.ndarray) -> np.ndarray:
        g, f = at(lowest)
        return g * all_fake + f * all_genuine >= meet

    low, high = np.zeros_like(row), np.full_like(row, group.size)
    inside = reached(high) & ~reached(low)
    while (high - low > 1).any():
        middle = (low + high) // 2
        low, high = np.where(reached(middle), low, middle), np.where(reached(middle), middle, high)
    g, f = at(low)
    rejects_genuine = among[high] > among[low]
    missing = meet - g * all_fake - f * all_genuine
    copies = -(-missing // np.where(rejects_genuine, all_fake, all_genuine))  # of the utterance at the crossing
    sides = [_rates(g, f, all_genuine, all_fake, rejects_genuine, number) for number in (copies - 1, copies)]
    (gap, before), (gap_after, after) = sides
    return np.where(inside, np.where(gap <= gap_after, before, after), np.nan)


def _rates(
    g: np.ndarray, f: np.ndarray, all_genuine: np.ndarray, all_fake: np.ndarray, more_genuine: np.ndarray, n: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Difference and mean of the error rates when n more utterances of one class are rejected than g and f, (R,)."""
    frr = (g + np.where(more_genuine, n, 0)) / all_genuine
    far = (all_fake - f - np.where(more_genuine, 0, n)) / all_fake
    return np.abs(frr - far), (frr + far) / 2
