"""A recording's spectrogram, and below it the scores of its windows."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from rawm import audio
from rawm.detection.detector import Scored
from rawm.detection.output import Decider, segments
from rawm.reports.figures.style import GREEN, MUTED, TWO_COLUMNS, VERMILLION, save, styled

LONGEST = 600.0  # seconds of a recording that are drawn
_BINS = 512
_RATE = 16000  # Hz


def drawn(everything: Iterable[Scored], decider: Decider, plots: Mapping[Path, Path]) -> Iterator[Scored]:
    """Pass on scored recordings, and write a picture of each.

    Args:
        plots: recording -> its picture, of the kind that the suffix says.
    """
    for scored in everything:
        if scored.path is not None:
            save(picture_of_file(scored.path, scored, decider), plots[scored.path])
        yield scored


def picture_of_file(path: Path, scored: Scored, decider: Decider) -> Figure:
    """Picture of a recording; of a long one the first ten minutes."""
    return picture(audio.load(path, _RATE, LONGEST), _RATE, scored, decider)


@styled
def picture(samples: np.ndarray, sample_rate: int, scored: Scored, decider: Decider) -> Figure:
    """Spectrogram of a waveform (n,) above, scores of its windows with the threshold below, over seconds."""
    seconds = len(samples) / sample_rate
    figure = Figure(figsize=(TWO_COLUMNS, 3.2), layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(1.4, 1))
    samples = np.pad(samples, (0, max(0, _BINS - len(samples))))
    above.specgram(samples, NFFT=_BINS, Fs=sample_rate, noverlap=_BINS // 2, cmap="magma", vmin=-140, vmax=-40)
    above.set_ylabel("frequency (Hz)")
    above.set_ylim(0, sample_rate / 2)
    for start, end, _, label in segments(scored, lambda value: decider(value).label):
        colour = VERMILLION if label == "fake" else GREEN
        below.axvspan(start, end, color=colour, alpha=0.15, linewidth=0)
    for window in scored.windows:
        colour = VERMILLION if decider(window.score).label == "fake" else GREEN
        middle = (window.start_s + window.end_s) / 2
        below.plot([window.start_s, window.end_s], [window.score] * 2, color=colour, linewidth=0.6, alpha=0.6)
        below.plot(middle, window.score, "o", color=colour, markersize=3)
    below.axhline(decider.threshold, color=MUTED, linewidth=0.8, linestyle="--")
    below.set_ylabel("score (LLR)")
    below.set_xlabel("time (s)")
    below.set_xlim(0, seconds)
    name = scored.path.name if scored.path else "recording"
    decision = decider(scored.score)
    above.set_title(f"{name}: {decision.label}, score {scored.score:.2f} (fake at or below {decision.threshold:.2f})")
    return figure
