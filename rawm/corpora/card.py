"""The numbers of a corpus card: what a corpus holds, how it sounds, and whether it gives itself away."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import signal

from rawm import audio, manifest, paths
from rawm.audio import decoding
from rawm.config.corpora import SPEECH_CLASSES, Corpus
from rawm.corpora import cues
from rawm.corpora.made.open_speech.clean import RATE
from rawm.progress import track
from rawm.seeding import pick

SECONDS = 60.0  # of a file that are measured
HIGH_HZ = 4000.0  # edge of the high band
BAND_DB = 60.0  # a bandwidth ends where the spectrum is so far below its maximum for good
#: Columns of `Card.sample` that a detector might go by, beside the speech itself.
CUES = ["duration", "lead", "trail", "offset", "level", "peak", "bandwidth", "high band", "sample rate", "file size"]
_LEAST = 50  # utterances of each class for error rates


@dataclass(frozen=True)
class Card:
    """What a card shows.

    Attributes:
        corpus: settings of the corpus.
        rows: its manifest.
        sample: label, group and measured values of some recordings: the cues of `cues.of_recording`, level in dB of
            full scale, bandwidth and sample rate in Hz, and the suffix of the file; empty for corpora of features.
        unreadable: why recordings of the sample could not be measured.
        errors: cue -> its EER in %; empty without at least 50 measured utterances of each class.
        together: EER in % of all `CUES` together.
    """

    corpus: Corpus
    rows: pd.DataFrame
    sample: pd.DataFrame
    unreadable: list[str]
    errors: dict[str, float]
    together: float | None


def measure(corpus: Corpus, most: int, seed: int) -> Card:
    """Measure a corpus whose manifest has been made.

    Args:
        corpus: settings of the corpus, `root` resolved.
        most: recordings that are decoded, about the same number of each class.
        seed: chooses them.

    Raises:
        UserError: the corpus has no manifest.
    """
    rows = pd.DataFrame(manifest.read(paths.manifest(corpus.name)).rows())
    if not corpus.has_audio:
        return Card(corpus, rows, pd.DataFrame(), [], {}, None)
    chosen = _chosen(rows, most, seed)
    measured, unreadable = [], []
    for row in track(chosen.to_dict("records"), f"recordings of {corpus.name}"):
        try:
            values = _of_file(Path(corpus.root) / row["path"])
        except audio.BadAudio as error:
            unreadable.append(str(error))
            continue
        measured.append({"label": row["label"], "group": row["group"], **values})
    sample = pd.DataFrame(measured)
    return Card(corpus, rows, sample, unreadable, *_errors(sample))


def _chosen(rows: pd.DataFrame, most: int, seed: int) -> pd.DataFrame:
    """Choose recordings by a hash; a class that has fewer than its share leaves the rest to the others."""
    by_label = sorted((group["utterance_id"].tolist() for _, group in rows.groupby("label")), key=len)
    left, ids = most, set()
    for number, names in enumerate(by_label):
        share = min(len(names), left // (len(by_label) - number))
        ids |= pick(names, share, seed)
        left -= share
    return rows.loc[[name in ids for name in rows["utterance_id"]]]


def _of_file(path: Path) -> dict[str, float | str]:
    """Measure one file; raises BadAudio."""
    decoding.require_content(path)
    rate = _rate(path)
    samples = audio.load(path, rate, SECONDS)
    speech = samples if rate == RATE else audio.resample(samples, rate, RATE)
    power = float(np.mean(samples.astype(np.float64) ** 2))
    values = cues.of_recording(speech, path.stat().st_size, HIGH_HZ)
    return values | {
        "level": 10 * np.log10(power + 1e-12),
        "bandwidth": bandwidth(samples, rate),
        "sample rate": float(rate),
        "suffix": path.suffix.lower(),
    }


def _rate(path: Path) -> int:
    """Read the sample rate in Hz of a file; raises BadAudio."""
    import av.error
    import soundfile

    if path.suffix.lower() in audio.RAW_FORMATS:
        return audio.RAW_FORMATS[path.suffix.lower()][1]
    try:
        return soundfile.info(path).samplerate
    except (soundfile.LibsndfileError, TypeError):
        pass
    try:
        with av.open(str(path)) as container:
            return container.streams.audio[0].rate
    except (av.error.FFmpegError, IndexError, OSError, ValueError):
        raise audio.BadAudio(path, "cannot be decoded; give a sound file") from None


def bandwidth(samples: np.ndarray, rate: int) -> float:
    """Highest frequency in Hz at which the average spectrum of (n,) samples is within 60 dB of its maximum."""
    hertz, power = signal.welch(samples, rate, nperseg=min(len(samples), max(16, rate // 31)))
    inside = np.flatnonzero(power >= power.max() / 10 ** (BAND_DB / 10))
    return float(hertz[inside[-1]])


def _errors(sample: pd.DataFrame) -> tuple[dict[str, float], float | None]:
    """EER in % of each cue, and of all together; nothing where a class is missing or has too few utterances."""
    if sample.empty:
        return {}, None
    counts = sample["label"].value_counts()
    if set(counts.index) != set(SPEECH_CLASSES) or counts.min() < _LEAST:
        return {}, None
    if min(len(set(its["group"])) for _, its in sample.groupby("label")) < 2:
        return {}, None
    names = [*CUES, *cues.PITCH]
    errors = {name: cues.cross_validated_error(sample, [name]) for name in track(names, "cues")}
    return errors, cues.cross_validated_error(sample, CUES)
