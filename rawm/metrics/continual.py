"""Forgetting, transfer and averages: pure functions of one matrix of error rates or accuracies.

The matrix has T + 1 rows and T columns: `matrix[i, j - 1]` is the value in percent on task j after task i was learned,
row 0 being the untrained detector. Levels are means of values as they are. Differences are of *errors*, which are
better when lower: equal error rates, or 100 - accuracy (`Measure.errors`), so that "an error rose by" and "the
accuracy fell by" are one number. `summarise` names each difference by its direction:
`..._eer_increase` and `..._accuracy_decrease` are worse when larger, `..._eer_reduction` and `..._accuracy_increase`
are better when larger.

A mean over no task (forgetting with T = 1) is None. For a stack of matrices, (..., T + 1, T), each function returns an
array (...). `forgetting` measures (lack of) stability, `learning` plasticity.

Source:
    Lopez-Paz & Ranzato 2017 (backward and forward transfer), Chaudhry et al. 2018 (forgetting), with EER in place of
    accuracy where fakes are detected. Riemer et al. 2019 (`learning`, their learning accuracy). Rebuffi et al. 2017
    (`area_under_learning_curve`, iCaRL's average incremental accuracy). Lin et al. 2021, "The CLEAR benchmark"
    (`clear`).

Deviations:
    Forward transfer is counted against the untrained detector of the same seed, not a mean over random ones.
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from rawm.errors import UserError
from rawm.metrics.measure import Measure


def _checked(matrix: ArrayLike) -> np.ndarray:
    """The matrices as float64 (..., T + 1, T); raises UserError for another shape or a number that is not finite."""
    array = np.asarray(matrix, dtype=np.float64)
    if array.ndim < 2 or array.shape[-2] != array.shape[-1] + 1 or not array.shape[-1]:
        raise UserError(f"the matrix has the shape {array.shape}; it needs T + 1 rows and T columns for T tasks")
    if not np.isfinite(array).all():
        raise UserError("the matrix has cells that are not finite numbers; evaluate every task after every task")
    return array


def _trained(matrix: ArrayLike) -> np.ndarray:
    """The rows after training, (..., T, T)."""
    return _checked(matrix)[..., 1:, :]


def _diagonal(rows: np.ndarray, offset: int = 0) -> np.ndarray:
    return rows.diagonal(offset, axis1=-2, axis2=-1)


def _mean(values: np.ndarray) -> Any:
    """Mean over the last axis: a float, or an array for a stack; None over nothing."""
    if not values.shape[-1]:
        return None
    mean = values.mean(axis=-1)
    return mean if mean.ndim else float(mean)


def average(matrix: ArrayLike) -> Any:
    """Mean over all tasks after the last one, percent."""
    return _mean(_checked(matrix)[..., -1, :])


def learning(matrix: ArrayLike) -> Any:
    """Mean over tasks of the value right after the task was learned, percent: how well the detector still learns."""
    return _mean(_diagonal(_trained(matrix)))


def average_after_task(matrix: ArrayLike) -> np.ndarray:
    """For i = 1..T, the mean over tasks 1..i after task i, percent, (..., T)."""
    seen = np.cumsum(_trained(matrix), axis=-1)
    return _diagonal(seen) / np.arange(1, seen.shape[-1] + 1)


def area_under_learning_curve(matrix: ArrayLike) -> Any:
    """Mean of `average_after_task`, percent: quality over the whole stream, not only at the end."""
    return _mean(average_after_task(matrix))


def forgetting_by_task(errors: ArrayLike) -> np.ndarray:
    """For tasks j < T the final error minus the lowest error in rows j..T-1, percentage points, (..., T - 1)."""
    rows = _trained(errors)
    best = [rows[..., task:-1, task].min(axis=-1) for task in range(rows.shape[-1] - 1)]
    return rows[..., -1, :-1] - np.stack(best, axis=-1) if best else rows[..., -1, :0]


def forgetting(errors: ArrayLike) -> Any:
    """Mean of `forgetting_by_task`: how much worse earlier tasks are at the end than at their best, points.

    Positive = forgot. Negative = earlier tasks are better at the end than ever before (Chaudhry et al. 2018: the last
    row is excluded from the best). None for one task.
    """
    return _mean(forgetting_by_task(errors))


def forgetting_from_best(errors: ArrayLike) -> Any:
    """As `forgetting`, but with the best over all rows after training, the last included.

    Never negative; the definition of Mammoth and of the published EVDA benchmark numbers. None for one task.
    """
    rows = _trained(errors)
    return _mean(rows[..., -1, :-1] - rows[..., :-1].min(axis=-2))


def forgetting_since_learned(errors: ArrayLike) -> Any:
    """Mean over tasks j < T of the final error minus the one right after learning j, percentage points.

    Positive = forgot. Equal to minus `backward_transfer`, and at most `forgetting`. None for one task.
    """
    rows = _trained(errors)
    return _mean(rows[..., -1, :-1] - _diagonal(rows)[..., :-1])


def backward_transfer(errors: ArrayLike) -> Any:
    """Mean over tasks j < T of the error right after learning j minus the final one, percentage points.

    Positive = later tasks helped earlier ones. None for one task.
    """
    rows = _trained(errors)
    return _mean(_diagonal(rows)[..., :-1] - rows[..., -1, :-1])


def forward_transfer(errors: ArrayLike) -> Any:
    """Mean over tasks j > 1 of the untrained detector's error minus the error just before learning j, points.

    Positive = earlier tasks helped tasks not yet seen. None for one task.
    """
    rows = _checked(errors)
    return _mean(rows[..., 0, 1:] - _diagonal(rows[..., 1:, :], 1))


def clear(accuracies: ArrayLike) -> dict[str, Any]:
    """CLEAR's four numbers: means over parts of the accuracy matrix without its untrained row, percent.

    They are levels, not differences, and higher is better for all: their "transfer" is an accuracy, unlike in
    `backward_transfer` and `forward_transfer`. In-domain accuracy is `learning`. None if a part is empty (T = 1).

    Source:
        Lin et al. 2021, and Avalanche's `CLEARMetric`: of R[i, j], the accuracy on bucket j after bucket i, in-domain
        is the diagonal, next-domain the superdiagonal, backward and forward transfer the cells strictly below and
        strictly above the diagonal.
    """
    rows = _trained(accuracies)
    tasks = rows.shape[-1]
    return {
        "in_domain_accuracy": _mean(_diagonal(rows)),
        "next_domain_accuracy": _mean(_diagonal(rows, 1)),
        "clear_backward_transfer": _mean(rows[..., *np.tril_indices(tasks, -1)]),
        "clear_forward_transfer": _mean(rows[..., *np.triu_indices(tasks, 1)]),
    }


def scalars(matrix: ArrayLike, measure: Measure) -> dict[str, Any]:
    """All scalar metrics of a matrix by key, or arrays for a stack; raises UserError for a wrong shape."""
    errors = measure.errors(_checked(matrix))
    return {
        measure.average: average(matrix),
        measure.forgetting: forgetting(errors),
        measure.backward_transfer: backward_transfer(errors),
        measure.forward_transfer: forward_transfer(errors),
        measure.learning: learning(matrix),
        measure.area: area_under_learning_curve(matrix),
    }


def summarise(matrix: ArrayLike, measure: Measure) -> dict[str, float | list[float] | None]:
    """All metrics of a run's matrix by key, for any measure; raises UserError for a wrong shape."""
    return scalars(matrix, measure) | {measure.average_after_task: average_after_task(matrix).tolist()}
