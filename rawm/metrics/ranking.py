"""Which methods can be told apart: tests on blocks, in each of which every method was measured.

A block is a task of one seed. The tests ask which method is better on most blocks, whatever the size of the difference;
the paired bootstrap (`intervals`) asks how large the mean difference over these very tasks is. Where a method is better
on some tasks and worse on others the two answer differently. The tests take blocks as independent; seeds of a task
share its utterances, so their p values are a little too small.

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

    Blocks without a difference are shared out evenly, as in Demšar 2006. None where no block has one.
    """
    from scipy import stats

    difference = np.asarray(first, dtype=float) - np.asarray(second, dtype=float)
    if not difference.any():
        return None
    result = stats.wilcoxon(difference, zero_method="zsplit")
    return float(result.pvalue)  # pyright: ignore[reportAttributeAccessIssue]  SciPy makes its class when it is loaded


def holm(p: Sequence[float | None]) -> list[float | None]:
    """p values of a family of tests, adjusted so that they may be compared with one level (Holm 1979).

    None is a test that could not be made; it stays None and does not count.
    """
    made = sorted((value, index) for index, value in enumerate(p) if value is not None)
    adjusted, least = list(p), 0.0
    for rank, (value, index) in enumerate(made):
        adjusted[index] = least = max(least, min(1.0, value * (len(made) - rank)))
    return adjusted


def mean_ranks(errors: ArrayLike) -> np.ndarray:
    """Mean rank of each method over the blocks, 1 = lowest error, equal ones share their ranks.

    Args:
        errors: (blocks, methods).
    """
    from scipy import stats

    return stats.rankdata(np.asarray(errors), axis=1).mean(axis=0)


def friedman(errors: ArrayLike) -> float | None:
    """p of the Friedman test that all methods are alike.

    Args:
        errors: (blocks, methods).

    Returns:
        None for fewer than three methods or two blocks, or where all methods are equal in every block.
    """
    from scipy import stats

    errors = np.asarray(errors, dtype=float)
    if errors.shape[0] < 2 or errors.shape[1] < 3 or not np.ptp(errors, axis=1).any():
        return None
    return float(stats.friedmanchisquare(*errors.T).pvalue)


def critical_difference(methods: int, blocks: int, alpha: float = 0.05) -> float:
    """Mean ranks that differ by at least this much are different by the Nemenyi test.

    q sqrt(k (k + 1) / (6 N)), where q is the studentised range of k methods and infinitely many degrees of freedom,
    over the root of 2 (Demšar 2006, section 3.2.2 and table 5a).
    """
    from scipy import stats

    q = stats.studentized_range.ppf(1 - alpha, methods, np.inf) / math.sqrt(2)
    return float(q * math.sqrt(methods * (methods + 1) / (6 * blocks)))


def cliques(ranks: Mapping[str, float], difference: float) -> list[list[str]]:
    """The largest sets of two or more methods whose mean ranks lie within less than the critical difference."""
    order = sorted(ranks, key=lambda method: ranks[method])
    found: list[list[str]] = []
    reached = 0
    for start, best in enumerate(order):
        stop = start
        while stop < len(order) and ranks[order[stop]] - ranks[best] < difference:
            stop += 1
        if stop > reached and stop - start > 1:
            found.append(order[start:stop])
        reached = max(reached, stop)
    return found
