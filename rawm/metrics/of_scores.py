"""Metrics of a run from its scores: matrices of EER or accuracy, and all that follows from them. No I/O."""

from collections.abc import Callable
from typing import Any

import numpy as np

from rawm.errors import UserError
from rawm.metrics import calibration, classification, continual
from rawm.metrics.detection import eer
from rawm.metrics.measure import ACCURACY, EER, Measure

__all__ = ["eer_matrix", "fixed_threshold_error", "from_scores", "of_watched", "pooled_eer"]

LABELS = ("genuine", "fake")


def _columns(scores: Any, *further: str, split: str = "eval") -> dict[str, np.ndarray]:
    """Select the required columns of one split as NumPy arrays; without a column split, all rows are eval.

    Raises:
        UserError: a column is missing.
    """
    wanted = ("after", "task", "label", *further)
    names = list(getattr(scores, "column_names", scores))
    if missing := [name for name in wanted if name not in names]:
        raise UserError(f"scores have no column {', '.join(missing)}; {', '.join(wanted)} are needed")
    columns = {name: _array(scores[name]) for name in wanted}
    splits = _array(scores["split"]) if "split" in names else np.full(len(columns["after"]), "eval")
    selected = splits == split
    return columns if selected.all() else {name: values[selected] for name, values in columns.items()}


def _array(column: Any) -> np.ndarray:
    return column.to_numpy() if hasattr(column, "to_numpy") else np.asarray(column)


def _classes(columns: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Masks of the genuine and the fake rows; raises UserError for any other label."""
    genuine, fake = (np.asarray(columns["label"] == label) for label in LABELS)
    if not (genuine | fake).all():
        other = columns["label"][~(genuine | fake)][0]
        raise UserError(f"scores have the label {other!r}; genuine and fake are known")
    return genuine, fake


def _matrix(
    columns: dict[str, np.ndarray], tasks: int, value: Callable[[np.ndarray], float], watched: int | None = None
) -> list[list[float]]:
    """Matrix in percent, a row after 0..T tasks, a column for each task; `value`: mask of a cell's rows -> fraction.

    Args:
        watched: number of columns, where they are not the tasks but what is watched.
    """
    width = tasks if watched is None else watched
    cell = columns["after"].astype(np.int64) * (width + 1) + columns["task"]
    matrix = []
    for after in range(tasks + 1):
        row = []
        for task in range(1, width + 1):
            try:
                row.append(100 * value(cell == after * (width + 1) + task))
            except UserError as error:
                raise UserError(f"scores of task {task} after task {after}: {error}") from None
        matrix.append(row)
    return matrix


def eer_matrix(scores: Any, tasks: int, watched: int | None = None) -> list[list[float]]:
    """EER in percent of each task after each task, T + 1 rows (row 0 = untrained) and T columns.

    Args:
        scores: dict of arrays or Arrow table with the columns after (0..T), task (1..T), label, score.
        tasks: T.
        watched: the matrix is of so many watched corpora, which are the rows of the split watch; None = of the tasks.

    Raises:
        UserError: a cell has no genuine or no fake scores, or a score is not finite.
    """
    columns = _columns(scores, "score", split="eval" if watched is None else "watch")
    genuine, fake = _classes(columns)
    score = columns["score"]
    return _matrix(columns, tasks, lambda here: eer(score[here & genuine], score[here & fake]).value, watched)


def pooled_eer(scores: Any, tasks: int) -> float:
    """EER in percent of the utterances of all tasks together, one threshold for all, after the last task.

    It is higher than the average EER if the tasks need different thresholds.

    Args, Raises: as `eer_matrix`.
    """
    columns = _columns(scores, "score")
    genuine, fake = _classes(columns)
    last = columns["after"] == tasks
    return 100 * eer(columns["score"][last & genuine], columns["score"][last & fake]).value


def fixed_threshold_error(scores: Any, tasks: int) -> float | None:
    """Mean over all tasks after the last one of (FRR + FAR) / 2 in percent, at a threshold that was set once.

    The threshold is that of the equal error rate on task 1's development data after task 1. This is the error of a
    detector that goes on learning in use while its threshold is never set again. None if task 1 has no development
    scores of both classes.

    Args:
        scores: as in `eer_matrix`, and the column split (eval, dev).

    Raises:
        UserError: a score is not finite.
    """
    first = _columns(scores, "score", split="dev")
    genuine, fake = _classes(first)
    here = (first["after"] == 1) & (first["task"] == 1)
    if not ((genuine & here).any() and (fake & here).any()):
        return None
    threshold = eer(first["score"][genuine & here], first["score"][fake & here]).threshold
    columns = _columns(scores, "score")
    genuine, _ = _classes(columns)
    wrong = (columns["score"] <= threshold) == genuine
    cells = [(columns["after"] == tasks) & (columns["task"] == task) for task in range(1, tasks + 1)]
    return float(np.mean([50 * (wrong[cell & genuine].mean() + wrong[cell & ~genuine].mean()) for cell in cells]))


def average_dev_eer(scores: Any, tasks: int) -> float | None:
    """Mean EER in percent over the tasks' development data after the last task.

    Tasks without development data of both classes do not count; None if no task has them.

    Args:
        scores: as in `fixed_threshold_error`.
    """
    columns = _columns(scores, "score", split="dev")
    genuine, fake = _classes(columns)
    cells = [(columns["after"] == tasks) & (columns["task"] == task) for task in range(1, tasks + 1)]
    values = [
        100 * eer(columns["score"][here & genuine], columns["score"][here & fake]).value
        for here in cells
        if (here & genuine).any() and (here & fake).any()
    ]
    return float(np.mean(values)) if values else None


def class_matrices(scores: Any, tasks: int, watched: int | None = None) -> dict[str, list[list[float]]]:
    """Accuracy and unweighted average recall in percent of each task after each task, as `eer_matrix`.

    Args:
        scores: dict of arrays or Arrow table with the columns after, task, label, predicted, score.

    Raises:
        UserError: a cell has no scores, or a score is not finite.
    """
    columns = _columns(scores, "predicted", "score", split="eval" if watched is None else "watch")
    label, predicted, score = columns["label"], columns["predicted"], columns["score"]
    if bad := int(score.size - np.isfinite(score).sum()):
        raise UserError(f"{bad} of {score.size} scores are not finite numbers; every score must be")
    functions = {"accuracy_matrix": classification.accuracy, "recall_matrix": classification.recall}
    return {
        name: _matrix(columns, tasks, lambda here, value=value: value(label[here], predicted[here]), watched)
        for name, value in functions.items()
    }


def from_scores(scores: Any, tasks: list[str], measure: Measure = EER) -> dict[str, Any]:
    """All metrics of a run's scores, in percent, ready for JSON.

    Args:
        scores: dict of arrays or Arrow table with the columns after (0..T), task (1..T), label and score; also split
            if there is more than evaluation data, and predicted if the measure is accuracy.
        tasks: names of the tasks 1..T.

    Returns:
        The keys tasks, the measure's matrices, `Measure.average_after_task`, and those of `Measure.metrics`; for EER
        also average_dev_eer and calibration, see `calibration.along_stream`.

    Raises:
        UserError: a cell of the matrix has no scores of a class, a score is not finite, or a label is unknown.
    """
    if measure is ACCURACY:
        matrices = class_matrices(scores, len(tasks))
        extra = {"average_recall": continual.average(matrices["recall_matrix"])}
        extra |= continual.clear(matrices["accuracy_matrix"])
    else:
        matrices = {"eer_matrix": eer_matrix(scores, len(tasks))}
        extra = {
            "pooled_eer": pooled_eer(scores, len(tasks)),
            "fixed_threshold_error": fixed_threshold_error(scores, len(tasks)),
            "average_dev_eer": average_dev_eer(scores, len(tasks)),
            "calibration": calibration.along_stream(
                _columns(scores, "score", split="dev"), _columns(scores, "score"), len(tasks)
            ),
        }
    return {"tasks": list(tasks)} | matrices | continual.summarise(matrices[measure.matrix], measure) | extra


def of_watched(scores: Any, names: list[str], tasks: int, measure: Measure = EER) -> dict[str, Any]:
    """Metrics of the corpora that a stream only watches, apart from those of its tasks, and nothing where it has none.

    Args:
        scores: as in `from_scores`; the rows of the split watch, whose task is the number of a watched corpus.
        names: of the watched corpora 1..W.
        tasks: T.

    Returns:
        watched: the names; and for each matrix of the measure `watched_<matrix>`, percent, T + 1 rows and W columns.
    """
    if not names:
        return {}
    if measure is ACCURACY:
        matrices = class_matrices(scores, tasks, len(names))
    else:
        matrices = {"eer_matrix": eer_matrix(scores, tasks, len(names))}
    return {"watched": list(names)} | {f"watched_{name}": matrix for name, matrix in matrices.items()}
