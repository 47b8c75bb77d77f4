"""Accuracy, unweighted average recall and confusions of a detector of several classes, from its predicted classes."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from rawm.errors import UserError


def _right(labels: ArrayLike, predicted: ArrayLike) -> np.ndarray:
    """Whether each utterance's predicted class is right, (N,); raises UserError if there are none."""
    right = np.asarray(labels) == np.asarray(predicted)
    if not right.size:
        raise UserError("no scores; accuracy needs at least one")
    return right


def accuracy(labels: ArrayLike, predicted: ArrayLike) -> float:
    """Share of utterances whose predicted class is right, a fraction; (N,) each.

    Raises:
        UserError: there are no utterances.
    """
    return float(_right(labels, predicted).mean())


def recall(labels: ArrayLike, predicted: ArrayLike) -> float:
    """Unweighted average recall: the accuracy within each class that occurs, averaged over classes, a fraction.

    Chance is one over the number of classes, whatever their frequencies. Also known as balanced accuracy.

    Raises:
        UserError: there are no utterances.

    Source:
        Schuller, Steidl & Batliner 2009, the Interspeech emotion challenge.
    """
    right = _right(labels, predicted)
    _, classes = np.unique(np.asarray(labels), return_inverse=True)
    return float((np.bincount(classes, weights=right) / np.bincount(classes)).mean())


def confusion(labels: ArrayLike, predicted: ArrayLike, classes: Sequence[str]) -> np.ndarray:
    """Numbers of utterances (C, C) int64: rows are the true classes, columns the predicted ones, in the order given.

    The diagonal over the sums of the rows is the accuracy of each class.

    Raises:
        UserError: a label is none of the classes.
    """
    place = {name: index for index, name in enumerate(classes)}
    pairs = list(zip(np.asarray(labels).tolist(), np.asarray(predicted).tolist(), strict=True))
    if unknown := {name for pair in pairs for name in pair} - place.keys():
        raise UserError(f"class {min(unknown)!r} is not one of {', '.join(classes)}")
    counts = np.zeros((len(classes), len(classes)), dtype=np.int64)
    np.add.at(counts, tuple(np.array([(place[a], place[b]) for a, b in pairs], dtype=np.int64).reshape(-1, 2).T), 1)
    return counts
