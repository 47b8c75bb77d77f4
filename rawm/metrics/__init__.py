"""Numbers from scores: error rates of a detector, and what a stream of tasks did to them. NumPy only, no I/O."""

from typing import Any

import numpy as np

from rawm.errors import UserError
from rawm.metrics import continual
from rawm.metrics.detection import eer

__all__ = ["eer_matrix", "from_scores", "pooled_eer"]

COLUMNS = ("after", "task", "label", "score")
LABELS = ("genuine", "fake")


def _columns(scores: Any) -> dict[str, np.ndarray]:
    """The columns needed, as NumPy arrays, from a dict of arrays or an Arrow table; raises UserError."""
    names = list(getattr(scores, "column_names", scores))
    if missing := [name for name in COLUMNS if name not in names]:
        raise UserError(f"scores have no column {', '.join(missing)}; {', '.join(COLUMNS)} are needed")
    columns = {}
    for name in COLUMNS:
        column = scores[name]
        columns[name] = column.to_numpy() if hasattr(column, "to_numpy") else np.asarray(column)
    return columns


def _classes(columns: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Masks of the genuine and the fake rows; raises UserError for any other label."""
    genuine, fake = (np.asarray(columns["label"] == label) for label in LABELS)
    if not (genuine | fake).all():
        other = columns["label"][~(genuine | fake)][0]
        raise UserError(f"scores have the label {other!r}; genuine and fake are known")
    return genuine, fake


def eer_matrix(scores: Any, tasks: int) -> list[list[float]]:
    """EER in percent of each task after each task, T + 1 rows (row 0 = untrained) and T columns.

    Args:
        scores: dict of arrays or Arrow table with the columns after (0..T), task (1..T), label, score.
        tasks: T.

    Raises:
        UserError: a cell has no genuine or no fake scores, or a score is not finite.
    """
    columns = _columns(scores)
    genuine, fake = _classes(columns)
    cell = columns["after"].astype(np.int64) * (tasks + 1) + columns["task"]
    matrix = []
    for after in range(tasks + 1):
        row = []
        for task in range(1, tasks + 1):
            here = cell == after * (tasks + 1) + task
            try:
                value = eer(columns["score"][here & genuine], columns["score"][here & fake]).value
            except UserError as error:
                raise UserError(f"scores of task {task} after task {after}: {error}") from None
            row.append(100 * value)
        matrix.append(row)
    return matrix


def pooled_eer(scores: Any, tasks: int) -> float:
    """EER in percent of the utterances of all tasks together, one threshold for all, after the last task.

    It is higher than the average EER where the tasks need different thresholds.

    Args, Raises: as `eer_matrix`.
    """
    columns = _columns(scores)
    genuine, fake = _classes(columns)
    last = columns["after"] == tasks
    return 100 * eer(columns["score"][last & genuine], columns["score"][last & fake]).value


def from_scores(scores: Any, tasks: list[str]) -> dict[str, Any]:
    """Everything that a run's scores say, ready for JSON; error rates in percent.

    Args:
        scores: dict of arrays or Arrow table with the columns after (0..T), task (1..T), label, score.
        tasks: names of the tasks 1..T.

    Returns:
        tasks, eer_matrix, pooled_eer and the entries of `continual.summarise`.

    Raises:
        UserError: a cell of the matrix has no scores of a class, a score is not finite, or a label is unknown.
    """
    matrix = eer_matrix(scores, len(tasks))
    return {
        "tasks": list(tasks),
        "eer_matrix": matrix,
        **continual.summarise(matrix),
        "pooled_eer": pooled_eer(scores, len(tasks)),
    }
