"""Confusions of classes, against scikit-learn."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, confusion_matrix, recall_score

from rawm.errors import UserError
from rawm.metrics.classification import accuracy, confusion

CLASSES = ("genuine", "tts", "codec", "never")
NAMES = st.sampled_from(CLASSES[:3])


@given(st.lists(st.tuples(NAMES, NAMES), min_size=1))
def test_confusions_are_those_of_scikit_learn(pairs):
    labels, predicted = map(list, zip(*pairs, strict=True))
    counts = confusion(labels, predicted, CLASSES)
    np.testing.assert_array_equal(counts, confusion_matrix(labels, predicted, labels=CLASSES))
    assert counts.trace() / counts.sum() == pytest.approx(accuracy(labels, predicted))
    assert accuracy(labels, predicted) == pytest.approx(accuracy_score(labels, predicted))
    seen = counts.sum(1) > 0
    recalls = recall_score(labels, predicted, labels=np.array(CLASSES)[seen], average=None)
    np.testing.assert_allclose(counts.diagonal()[seen] / counts.sum(1)[seen], recalls)


def test_nothing_is_confused_without_utterances():
    assert confusion([], [], CLASSES).tolist() == [[0] * 4] * 4


def test_a_label_that_is_no_class_is_named():
    with pytest.raises(UserError, match="class 'vocoder' is not one of genuine, tts, codec, never"):
        confusion(["genuine"], ["vocoder"], CLASSES)
