"""Speech-like signals made by a formula, and fakes of them: a corpus for tests and machines without network.

An utterance is a train of glottal pulses with breath noise, a pitch contour with declination and accents, four formants
that glide from syllable to syllable, syllable loudness and pauses. Its fake has the same source, formants and loudness,
altered by one attack; both then pass through the same kind of channel (spectral tilt, noise, level). The corpus file's
seed decides everything.
"""

from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import numpy as np

from rawm import audio
from rawm.config.corpora import SyntheticCorpus
from rawm.manifest import Row
from rawm.seeding import derive

RATE = 16000
FRAME, HOP = 512, 128  # samples of the frames in which the vocal tract is filtered
SPEAKERS = 8
SHARES = {"train": 0.60, "dev": 0.15, "eval": 0.25}
_BANDWIDTHS = np.array([90.0, 110.0, 160.0, 220.0])  # Hz of the formants
_STRENGTHS = np.array([1.0, 0.6, 0.4, 0.3])  # peak gains of the formants
_NOTCH = (2400.0, 3600.0, 0.55)  # Hz, Hz, gain left in the band
_LEVELS = 15  # steps between 0 and the loudest sample of a quantised fake


@dataclass(frozen=True)
class Utterance:
    """Parameters of an utterance.

    Attributes:
        pitch: (n,) Hz.
        loudness: (n,) 0 to 1.
        formants: (frames, 4) Hz.
        breath: level of breath noise relative to the pulses.
        seed: seed of the breath noise.
    """

    pitch: np.ndarray
    loudness: np.ndarray
    formants: np.ndarray
    breath: float
    seed: int


def make(corpus: SyntheticCorpus, packages_dir: Path, workers: int) -> list[Row]:
    """Write the FLAC files under the corpus' root; a `corpora.Maker`, which uses neither packages nor workers.

    A genuine utterance and its fake share group and split.
    """
    order = np.random.default_rng(derive(corpus.seed, "splits")).permutation(corpus.utterances)
    bounds = np.cumsum([round(share * corpus.utterances) for share in list(SHARES.values())[:-1]])
    splits = {
        int(number): split for split, part in zip(SHARES, np.split(order, bounds), strict=True) for number in part
    }
    rows = []
    for number in range(corpus.utterances):
        speaker = number % SPEAKERS
        utterance = plan(corpus, speaker, np.random.default_rng(derive(corpus.seed, "utterance", number)))
        for label, attack in (("genuine", "-"), ("fake", corpus.attack)):
            rng = np.random.default_rng(derive(corpus.seed, label, number))
            samples = channel(corpus, speak(utterance, attack), rng)
            name = f"{corpus.name}_{number:04d}_{label}"
            audio.save_flac(Path(corpus.root) / f"{name}.flac", samples, RATE)
            rows.append(
                {
                    "utterance_id": name,
                    "path": f"{name}.flac",
                    "label": label,
                    "split": splits[number],
                    "corpus": corpus.name,
                    "speaker": f"speaker{speaker}",
                    "attack": attack,
                    "language": "-",
                    "condition": "-",
                    "duration_s": len(samples) / RATE,
                    "group": f"{corpus.name}_{number:04d}",
                }
            )
    return rows


def plan(corpus: SyntheticCorpus, speaker: int, rng: np.random.Generator) -> Utterance:
    """Draw pitch, loudness and formants of one utterance."""
    voice = np.random.default_rng(derive(corpus.seed, "speaker", speaker))
    base, tract = corpus.pitch_hz * voice.uniform(0.85, 1.2), voice.uniform(0.92, 1.1)
    n = round(RATE * corpus.duration_s * rng.uniform(0.75, 1.25))
    syllables = max(2, round(n / RATE * rng.uniform(4.0, 5.5)))
    edges = np.concatenate([[0], np.sort(rng.uniform(0.6, 1.4, syllables).cumsum())])
    edges = (edges / edges[-1] * n).round().astype(int)
    middles = (edges[:-1] + edges[1:]) / 2
    time = np.arange(n)

    accents = np.interp(time, middles, rng.normal(0.0, 0.12, syllables))
    jitter = np.interp(time, np.arange(0, n + 80, 80), rng.normal(0.0, 0.015, len(np.arange(0, n + 80, 80))))
    pitch = base * np.exp(0.12 - 0.24 * time / n + accents + jitter)

    loudness = np.zeros(n)
    for start, stop in pairwise(edges):
        length = max(2, round((stop - start) * rng.uniform(0.75, 1.0)))  # the rest of the syllable is a short pause
        loudness[start : start + length] = rng.uniform(0.4, 1.0) * np.hanning(length) ** 0.5
    low, high = np.array([270.0, 900.0, 2300.0, 3300.0]), np.array([800.0, 2000.0, 2800.0, 3800.0])
    vowels = tract * rng.uniform(low, high, (syllables, 4))
    frames = np.arange(_frames(n)) * HOP
    formants = np.stack([np.interp(frames, middles, vowels[:, k]) for k in range(4)], axis=1)
    return Utterance(pitch, loudness, formants, rng.uniform(0.35, 0.6), int(rng.integers(2**31)))


def speak(utterance: Utterance, attack: str) -> np.ndarray:
    """Synthesise an utterance (n,), genuine ("-") or altered by an attack; the loudest sample is 1."""
    if attack == "buzz":  # a vocoder's monotone: no breath, no variation of the pitch
        flat = np.full_like(utterance.pitch, utterance.pitch.mean())
        utterance = replace(utterance, pitch=flat, breath=0.0)
    spectrum = _source(utterance)
    response = _vocal_tract(utterance.formants)
    if attack == "smooth":  # a statistical model averages over time and frequency
        response = np.exp(_blur(_blur(np.log(response), 9, axis=0), 13, axis=1))
    if attack == "notch":  # a band that the synthesiser hardly renders
        f = np.fft.rfftfreq(FRAME, 1 / RATE)
        response = response * np.where((f >= _NOTCH[0]) & (f < _NOTCH[1]), _NOTCH[2], 1.0)
    samples = _join(np.fft.irfft(spectrum * response, n=FRAME, axis=1) * _window(), len(utterance.pitch))
    samples = samples * utterance.loudness
    samples = samples / np.abs(samples).max()
    return np.round(samples * _LEVELS) / _LEVELS if attack == "quantised" else samples


def channel(corpus: SyntheticCorpus, samples: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Recording conditions, equal for both classes: noise, tilt above 1 kHz, level around -26 dB."""
    size = 1 << (len(samples) + RATE // 10).bit_length()  # a fast power of two, long enough for no circular overlap
    f = np.fft.rfftfreq(size, 1 / RATE)
    tilt = corpus.tilt * rng.uniform(0.9, 1.1)
    gain = (1 + (f / 1000) ** 2) ** (-tilt / 2)
    noise = 10 ** ((corpus.noise_db + rng.uniform(-2, 2)) / 20) * rng.standard_normal(len(samples))
    noisy = samples / np.sqrt(np.mean(samples**2)) + noise
    shaped = np.fft.irfft(np.fft.rfft(noisy, size) * gain, size)[: len(samples)]
    return shaped / np.sqrt(np.mean(shaped**2)) * 10 ** ((-26 + rng.uniform(-3, 3)) / 20)


def _source(utterance: Utterance) -> np.ndarray:
    """Spectra (frames, bins) of pulses at the pitch (unit power) plus breath noise, which rises up to 4 kHz."""
    rng = np.random.default_rng(utterance.seed)
    phase = np.cumsum(utterance.pitch / RATE)
    pulses = np.zeros(len(phase))
    pulses[np.flatnonzero(np.diff(np.floor(phase), prepend=0.0))] = 1.0
    pulses *= np.sqrt(RATE / utterance.pitch)
    noise = rng.standard_normal(len(phase))
    rise = np.minimum(np.fft.rfftfreq(FRAME, 1 / RATE) / 4000.0, 1.0)
    spectra = [np.fft.rfft(_cut(signal) * _window(), axis=1) for signal in (pulses, noise)]
    return spectra[0] + utterance.breath * rise * spectra[1]


def _vocal_tract(formants: np.ndarray) -> np.ndarray:
    """Gains (frames, bins) of second-order resonances in parallel, over a floor of -40 dB."""
    f = np.fft.rfftfreq(FRAME, 1 / RATE)[None, :, None]
    centre, width = formants[:, None, :], _BANDWIDTHS
    gains = centre * width / np.sqrt((centre**2 - f**2) ** 2 + (f * width) ** 2)
    return gains @ _STRENGTHS + 0.01


def _blur(x: np.ndarray, width: int, axis: int) -> np.ndarray:
    """Running mean of odd `width` along an axis, with repeated ends."""
    pad = [(0, 0)] * x.ndim
    pad[axis] = (width // 2 + 1, width // 2)
    sums = np.cumsum(np.pad(x, pad, mode="edge"), axis=axis)
    return (np.take(sums, range(width, sums.shape[axis]), axis) - np.take(sums, range(x.shape[axis]), axis)) / width


def _frames(n: int) -> int:
    return n // HOP + FRAME // HOP


def _window() -> np.ndarray:
    """Root of a periodic Hann window whose squares sum to 1 at this hop."""
    return np.sin(np.pi * np.arange(FRAME) / FRAME) * np.sqrt(2 * HOP / FRAME)


def _cut(x: np.ndarray) -> np.ndarray:
    """Cut (n,) into overlapping frames (frames, FRAME), centred on multiples of HOP."""
    padded = np.pad(x, (FRAME // 2, FRAME + FRAME // 2))
    return np.lib.stride_tricks.sliding_window_view(padded, FRAME)[::HOP][: _frames(len(x))]


def _join(frames: np.ndarray, n: int) -> np.ndarray:
    """Overlap and add windowed frames, the inverse of `_cut`; the first HOP samples fade in."""
    steps = FRAME // HOP
    total = np.zeros((len(frames) + steps - 1, HOP))
    for step in range(steps):
        total[step : step + len(frames)] += frames[:, step * HOP : (step + 1) * HOP]
    return total.reshape(-1)[FRAME // 2 : FRAME // 2 + n]
