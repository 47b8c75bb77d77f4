"""Cues that have nothing to do with synthesis, and how well they alone tell fakes from genuine speech."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from rawm import audio
from rawm.corpora.made.open_speech.clean import RATE, frame_levels
from rawm.metrics.detection import eer

TRIVIAL = ["duration", "lead", "trail", "offset", "high band"]
CODING = ["peak", "file size"]
PITCH = ["pitch", "range of pitch"]
SILENCE_DB = 30.0  # below the loudest 20 ms
_FOLDS = 5


def of_recording(speech: np.ndarray, n_bytes: int, high_hz: float) -> dict[str, float]:
    """Measure the cues of one recording.

    Args:
        speech: (n,) float at 16 kHz, n > 0.
        n_bytes: size of its file.
        high_hz: lower edge of the high band in Hz.

    Returns:
        duration, lead and trail in s (silence: 30 dB below the loudest 20 ms), offset and peak as shares of full scale,
        energy of the high band in dB of the whole, file size in bits per sample, median and interquartile range of the
        pitch in semitones (nan without a voice).
    """
    import pyworld

    speech = speech.astype(np.float64)
    levels = frame_levels(speech)
    loud = np.flatnonzero(levels > levels.max() - SILENCE_DB)
    power = np.abs(np.fft.rfft(speech)) ** 2
    above = power[np.fft.rfftfreq(len(speech), 1 / RATE) > high_hz].sum() / max(power.sum(), 1e-20)
    hertz, _ = pyworld.dio(speech, RATE, frame_period=10.0)
    semitones = 12 * np.log2(hertz[hertz > 0] / 100)
    low, middle, high = np.percentile(semitones, [25, 50, 75]) if len(semitones) else [np.nan] * 3
    return {
        "duration": len(speech) / RATE,
        "lead": loud[0] / 100,
        "trail": len(speech) / RATE - loud[-1] / 100,
        "offset": float(speech.mean()),
        "high band": 10 * np.log10(above + 1e-12),
        "peak": float(np.abs(speech).max()),
        "file size": 8 * n_bytes / len(speech),
        "pitch": middle,
        "range of pitch": high - low,
    }


def of_file(path: Path, high_hz: float) -> dict[str, float]:
    """As `of_recording`, of a whole sound file; raises BadAudio."""
    return of_recording(audio.load(path, RATE), path.stat().st_size, high_hz)


def error(train: pd.DataFrame, test: pd.DataFrame, names: Sequence[str]) -> float:
    """EER in % on `test` of gradient boosting on some cues, trained on `train`; both have a column label."""
    return _eer(_scores(train, test, names), test)


def cross_validated_error(table: pd.DataFrame, names: Sequence[str]) -> float:
    """EER in % of gradient boosting on some cues, by cross-validation in five folds that divide no group.

    Args:
        table: the cues, label (genuine or fake) and group of each utterance; at least two groups of each class.

    Returns:
        about 50 where the cues say nothing; a chance result may be some points above or below.
    """
    from sklearn.model_selection import StratifiedGroupKFold

    table = table.reset_index(drop=True)
    if all(len(set(table[name])) <= 1 for name in names):
        return 50.0
    folds = min(_FOLDS, *(len(set(its["group"])) for _, its in table.groupby("label")))
    scores = np.zeros(len(table))
    splitter = StratifiedGroupKFold(folds, shuffle=True, random_state=0)
    for train, test in splitter.split(table, table["label"], table["group"]):
        scores[test] = _scores(table.iloc[train], table.iloc[test], names)
    return _eer(scores, table)


def _scores(train: pd.DataFrame, test: pd.DataFrame, names: Sequence[str]) -> np.ndarray:
    from sklearn.ensemble import HistGradientBoostingClassifier
    from threadpoolctl import threadpool_limits

    model = HistGradientBoostingClassifier(max_iter=100, class_weight="balanced", random_state=0)
    with threadpool_limits(1):  # threads wait longer for each other than such small problems take
        model.fit(train[list(names)], train["label"] == "genuine")
        return model.predict_proba(test[list(names)])[:, 1]


def _eer(scores: np.ndarray, table: pd.DataFrame) -> float:
    genuine = (table["label"] == "genuine").to_numpy()
    return 100 * eer(scores[genuine], scores[~genuine]).value
