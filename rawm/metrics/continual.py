"""What a detector learned and forgot: pure functions of one matrix of error rates or accuracies.

The matrix has T + 1 rows and T columns: `matrix[i, j - 1]` is the value in percent on task j after task i was learned,
row 0 being the untrained detector. Levels are means of values as they are. Differences are of *errors*, which are
better when lower: equal error rates, or 100 - accuracy (`Measure.errors`), so that "an error rose by" and "the
accuracy fell by" are one number. `summarise` names each difference by the direction that it counts:
`..._eer_increase` and `..._accuracy_decrease` are worse when larger, `..._eer_reduction` and `..._accuracy_increase`
are better when larger.

A mean over no task (forgetting with T = 1) is None.

Source:
    Lopez-Paz & Ranzato 2017 (backward and forward transfer), Chaudhry et al. 2018 (forgetting), with EER in place of
    accuracy where fakes are detected. Lin et al. 2021, "The CLEAR benchmark" (`clear`).

Deviations:
    Forward transfer is counted against the untrained detector of the same seed, not a mean over random ones.
"""

import numpy as np
from numpy.typing import ArrayLike

from rawm.errors import UserError
from rawm.metrics.measure import Measure


def _checked(matrix: ArrayLike) -> np.ndarray:
    """The matrix as float64 (T + 1, T); raises UserError for another shape or a number that is not finite."""
    array = np.asarray(matrix, dtype=np.float64)
    if array.ndim != 2 or array.shape[0] != array.shape[1] + 1 or not array.shape[1]:
        raise UserError(f"a matrix of shape {array.shape} is no stream; T + 1 rows and T columns are needed")
    if not np.isfinite(array).all():
        raise UserError("the matrix has cells that are not finite numbers; evaluate every task after every task")
    return array


def _mean(values: np.ndarray) -> float | None:
    return float(values.mean()) if values.size else None


def average(matrix: ArrayLike) -> float:
    """Mean over all tasks after the last one, percent."""
    return float(_checked(matrix)[-1].mean())


def learning(matrix: ArrayLike) -> float:
    """Mean of each task right after it was learned, percent: how well the detector still learns."""
    return float(_checked(matrix)[1:].diagonal().mean())


def average_after_task(matrix: ArrayLike) -> list[float]:
    """For i = 1..T, the mean over tasks 1..i after task i, percent."""
    rows = _checked(matrix)[1:]
    return [float(row[: index + 1].mean()) for index, row in enumerate(rows)]


def forgetting(errors: ArrayLike) -> float | None:
    """Mean over tasks j < T of the final error minus the lowest error that rows j..T-1 had, percentage points.

    Positive = forgot. Negative = a task was never better than at the end (Chaudhry et al. 2018: the last row does not
    take part in the best one). None for one task.
    """
    rows = _checked(errors)[1:]
    best = [rows[task:-1, task].min() for task in range(len(rows) - 1)]
    return _mean(rows[-1, :-1] - np.array(best))


def forgetting_from_best(errors: ArrayLike) -> float | None:
    """As `forgetting`, but the best is taken over every row after training, the last included.

    Never negative; the definition of Mammoth and of the published EVDA benchmark numbers. None for one task.
    """
    rows = _checked(errors)[1:]
    return _mean(rows[-1, :-1] - rows[:, :-1].min(axis=0))


def backward_transfer(errors: ArrayLike) -> float | None:
    """Mean over tasks j < T of the error right after learning j minus the final one, percentage points.

    Positive = later tasks helped earlier ones. None for one task.
    """
    rows = _checked(errors)[1:]
    return _mean(rows.diagonal()[:-1] - rows[-1, :-1])


def forward_transfer(errors: ArrayLike) -> float | None:
    """Mean over tasks j > 1 of the untrained detector's error minus the error just before learning j, points.

    Positive = earlier tasks helped a task not yet seen. None for one task.
    """
    rows = _checked(errors)
    before = rows[1:].diagonal(offset=1)
    return _mean(rows[0, 1:] - before)


def clear(accuracies: ArrayLike) -> dict[str, float | None]:
    """CLEAR's four numbers: means over parts of the accuracy matrix without its untrained row, percent.

    They are levels, not differences, and higher is better for all: "transfer" is no gain over anything, unlike in
    `backward_transfer` and `forward_transfer`. In-domain accuracy is `learning`. None where a part is empty (T = 1).

    Source:
        Lin et al. 2021, and Avalanche's `CLEARMetric`: of R[i, j], the accuracy on bucket j after bucket i, in-domain
        is the diagonal, next-domain the superdiagonal, backward and forward transfer all that is strictly below and
        strictly above the diagonal.
    """
    rows = _checked(accuracies)[1:]
    return {
        "in_domain_accuracy": _mean(rows.diagonal()),
        "next_domain_accuracy": _mean(rows.diagonal(offset=1)),
        "clear_backward_transfer": _mean(rows[np.tril_indices_from(rows, -1)]),
        "clear_forward_transfer": _mean(rows[np.triu_indices_from(rows, 1)]),
    }


def summarise(matrix: ArrayLike, measure: Measure) -> dict[str, float | list[float] | None]:
    """What a run reports of any measure, by its key; raises UserError for a matrix of the wrong shape."""
    errors = measure.errors(_checked(matrix))
    return {
        measure.average: average(matrix),
        measure.forgetting: forgetting(errors),
        measure.backward_transfer: backward_transfer(errors),
        measure.forward_transfer: forward_transfer(errors),
        measure.learning: learning(matrix),
        measure.average_after_task: average_after_task(matrix),
    }
