"""What a detector learned and forgot: pure functions of one matrix of equal error rates.

The matrix has T + 1 rows and T columns: `matrix[i, j - 1]` is the EER in percent on task j after task i was learned,
row 0 being the untrained detector. EER is better when lower, so each name ends in the direction that it counts:
`..._eer_increase` is worse when larger, `..._eer_reduction` is better when larger.

A mean over no task (forgetting with T = 1) is None.

Source:
    Lopez-Paz & Ranzato 2017 (backward and forward transfer), Chaudhry et al. 2018 (forgetting), with EER in place of
    accuracy.

Deviations:
    Forward transfer is counted against the untrained detector of the same seed, not a mean over random ones.
"""

import numpy as np
from numpy.typing import ArrayLike

from rawm.errors import UserError


def _checked(matrix: ArrayLike) -> np.ndarray:
    """The matrix as float64 (T + 1, T); raises UserError for another shape or a number that is not finite."""
    array = np.asarray(matrix, dtype=np.float64)
    if array.ndim != 2 or array.shape[0] != array.shape[1] + 1 or not array.shape[1]:
        raise UserError(f"an EER matrix of shape {array.shape} is no stream; T + 1 rows and T columns are needed")
    if not np.isfinite(array).all():
        raise UserError("the EER matrix has cells that are not finite numbers; evaluate every task after every task")
    return array


def _mean(values: np.ndarray) -> float | None:
    return float(values.mean()) if values.size else None


def average_eer(matrix: ArrayLike) -> float:
    """Mean EER over all tasks after the last one, percent."""
    return float(_checked(matrix)[-1].mean())


def learning_eer(matrix: ArrayLike) -> float:
    """Mean EER of each task right after it was learned, percent: how well the detector still learns."""
    return float(_checked(matrix)[1:].diagonal().mean())


def average_eer_after_task(matrix: ArrayLike) -> list[float]:
    """For i = 1..T, the mean EER over tasks 1..i after task i, percent."""
    rows = _checked(matrix)[1:]
    return [float(row[: index + 1].mean()) for index, row in enumerate(rows)]


def forgetting_eer_increase(matrix: ArrayLike) -> float | None:
    """Mean over tasks j < T of the final EER minus the lowest EER that rows j..T-1 had, percentage points.

    Positive = forgot. Negative = a task was never better than at the end (Chaudhry et al. 2018: the last row does not
    take part in the best one). None for one task.
    """
    rows = _checked(matrix)[1:]
    best = [rows[task:-1, task].min() for task in range(len(rows) - 1)]
    return _mean(rows[-1, :-1] - np.array(best))


def forgetting_eer_increase_from_best(matrix: ArrayLike) -> float | None:
    """As `forgetting_eer_increase`, but the best is taken over every row after training, the last included.

    Never negative; the definition of Mammoth and of the published EVDA benchmark numbers. None for one task.
    """
    rows = _checked(matrix)[1:]
    return _mean(rows[-1, :-1] - rows[:, :-1].min(axis=0))


def backward_transfer_eer_reduction(matrix: ArrayLike) -> float | None:
    """Mean over tasks j < T of the EER right after learning j minus the final one, percentage points.

    Positive = later tasks helped earlier ones. None for one task.
    """
    rows = _checked(matrix)[1:]
    return _mean(rows.diagonal()[:-1] - rows[-1, :-1])


def forward_transfer_eer_reduction(matrix: ArrayLike) -> float | None:
    """Mean over tasks j > 1 of the untrained detector's EER minus the EER just before learning j, percentage points.

    Positive = earlier tasks helped a task not yet seen. None for one task.
    """
    rows = _checked(matrix)
    before = rows[1:].diagonal(offset=1)
    return _mean(rows[0, 1:] - before)


def summarise(matrix: ArrayLike) -> dict[str, float | list[float] | None]:
    """Every number of this module that a run reports, by name; raises UserError for a matrix of the wrong shape."""
    functions = (
        average_eer,
        forgetting_eer_increase,
        backward_transfer_eer_reduction,
        forward_transfer_eer_reduction,
        learning_eer,
        average_eer_after_task,
    )
    return {function.__name__: function(matrix) for function in functions}
