"""Tests for significant differences between methods, over blocks in which every method was measured.

A block is a task of one seed. The tests ask which method is better on most blocks, whatever the size of the difference;
the paired bootstrap (`intervals`) asks how large the mean difference over these tasks is. If a method is better on some
tasks and worse on others, the two may disagree. The tests treat blocks as independent; seeds of a task share its
utterances, so their p values are a little too small.

Source:
    Demšar 2006, "Statistical comparisons of classifiers over multiple data sets" (Wilcoxon, Friedman, Nemenyi and the
    cliques of a critical-difference diagram); Holm 1979.
"""

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike


def share_better(first: ArrayLike, second: ArrayLike) -> float:
    """Share of resamples in which the first method's error is lower, ties counted half; (R,) each."""
    difference = np.asarray(first) - np.asarray(second)
    return float(np.mean(difference < 0) + np.mean(difference == 0) / 2)


def wilcoxon(first: ArrayLike, second: ArrayLike) -> float | None:
    """Two-sided p of the Wilcoxon signed-rank test that two methods do not differ; (blocks,) each.

    Blocks without a difference are split evenly, as in Demšar 2006. None if no block has a difference.
    """
    from scipy import stats

    difference = np.asarray(first, dtype=float) - np.asarray(second, dtype=float)
    if not difference.any():
        return None
    if difference.size <= 13:
        return _exact_wilcoxon(difference)
    result = stats.wilcoxon(difference, zero_method="zsplit")
    return float(result.pvalue)  # pyright: ignore[reportAttributeAccessIssue]  SciPy makes its class when it is loaded


def _exact_wilcoxon(difference: np.ndarray) -> float:
    """p over all signs that the differences could have, ties and zeros included.

    SciPy finds the same by trying all of them where there are ties or zeros, which takes a second.
    """
    from scipy import stats

    ranks = np.rint(2 * stats.rankdata(np.abs(difference))).astype(int)  # twice the ranks are whole
    ranks, signs = ranks[difference != 0], np.sign(difference[difference != 0])
    chance = np.ones(1)  # of each sum of the ranks with a plus
    for rank in ranks:
        chance = 0.5 * (np.pad(chance, (0, rank)) + np.pad(chance, (rank, 0)))
    here = ranks[signs > 0].sum()
    return float(min(1.0, 2 * min(chance[: here + 1].sum(), chance[here:].sum())))


def holm(p: Sequence[float | None]) -> list[float | None]:
    """p values of a family of tests, adjusted for comparison with one level (Holm 1979).

    None is a test that could not be made; it stays None and does not count.
    """
    ordered = sorted((value, index) for index, value in enumerate(p) if value is not None)
    adjusted, largest = list(p), 0.0
    for rank, (value, index) in enumerate(ordered):
        adjusted[index] = largest = max(largest, min(1.0, value * (len(ordered) - rank)))
    return adjusted


def mean_ranks(errors: ArrayLike) -> np.ndarray:
    """Mean rank of each method over the blocks, 1 = lowest error; ties get the mean of their ranks.

    Args:
        errors: (blocks, methods).
    """
    from scipy import stats

    return stats.rankdata(np.asarray(errors), axis=1).mean(axis=0)


def friedman(errors: ArrayLike) -> float | None:
    """p of the Friedman test that the methods do not differ.

    Args:
        errors: (blocks, methods).

    Returns:
        None for fewer than three methods or two blocks, or if all methods are equal in every block.
    """
    from scipy import stats

    errors = np.asarray(errors, dtype=float)
    if errors.shape[0] < 2 or errors.shape[1] < 3 or not np.ptp(errors, axis=1).any():
        return None
    return float(stats.friedmanchisquare(*errors.T).pvalue)


def critical_difference(methods: int, blocks: int, alpha: float = 0.05) -> float:
    """The difference of mean ranks from which on the Nemenyi test is significant.

    q sqrt(k (k + 1) / (6 N)), where q is the studentised range of k methods and infinitely many degrees of freedom,
    over the root of 2 (Demšar 2006, section 3.2.2 and table 5a).
    """
    from scipy import stats

    q = stats.studentized_range.ppf(1 - alpha, methods, np.inf) / math.sqrt(2)
    return float(q * math.sqrt(methods * (methods + 1) / (6 * blocks)))


def cliques(ranks: Mapping[str, float], difference: float) -> list[list[str]]:
    """The largest sets of two or more methods whose mean ranks lie within less than the critical difference."""
    order = sorted(ranks, key=lambda method: ranks[method])
    sets: list[list[str]] = []
    covered = 0
    for start, best in enumerate(order):
        stop = start
        while stop < len(order) and ranks[order[stop]] - ranks[best] < difference:
            stop += 1
        if stop > covered and stop - start > 1:
            sets.append(order[start:stop])
        covered = max(covered, stop)
    return sets
