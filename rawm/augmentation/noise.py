"""Additive coloured noise."""

import numpy as np

from rawm.augmentation.augmenter import Scene
from rawm.config.augmentation import Noise as Settings

#: Colour -> slope a of the power spectrum, f^a.
SLOPES = {"white": 0, "pink": -1, "brown": -2, "blue": 1, "violet": 2}
_FLAT_HZ = 50.0  # below it the spectrum is flat; otherwise most of brown noise would be inaudible


class Noise:
    """Noise whose power changes by 0 (white), -3 (pink), -6 (brown), 3 (blue) or 6 dB (violet) an octave.

    Our own, since the kept libraries (audiomentations 0.43, torch-audiomentations) draw from global random states, so
    their result would depend on the order in which threads run.
    """

    def __init__(self, settings: Settings, scene: Scene):
        self.settings, self.rate = settings, scene.rate

    def __call__(self, waveform: np.ndarray, rng: np.random.Generator, row: int) -> np.ndarray:
        colour = self.settings.colours[int(rng.integers(len(self.settings.colours)))]
        return added(waveform, coloured(len(waveform), self.rate, colour, rng), rng.uniform(*self.settings.snr_db))


def coloured(n: int, rate: int, colour: str, rng: np.random.Generator) -> np.ndarray:
    """Make (n,) noise of a colour of SLOPES: white noise, shaped in the frequency domain."""
    spectrum = np.fft.rfft(rng.normal(size=n))
    hertz = np.maximum(np.fft.rfftfreq(n, 1 / rate), _FLAT_HZ)
    return np.fft.irfft(spectrum * hertz ** (SLOPES[colour] / 2), n)


def added(waveform: np.ndarray, noise: np.ndarray, snr_db: float) -> np.ndarray:
    """Add noise (n,) to a waveform (n,), so that their energies have the ratio `snr_db`."""
    energy = np.sum(noise**2)
    if energy == 0:
        return waveform
    return waveform + noise * np.sqrt(np.sum(waveform**2) / energy / 10 ** (snr_db / 10))
