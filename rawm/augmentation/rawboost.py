"""RawBoost: convolutive, impulsive and stationary noise, without any recording of noise."""

import numpy as np
from scipy import signal

from rawm.augmentation.augmenter import Scene, at_most_full_scale
from rawm.augmentation.noise import added
from rawm.config.augmentation import RawBoost as Settings


class RawBoost:
    """RawBoost's three kinds of noise, in series or in parallel.

    convolutive: the sum over j = 1 ... orders of x^j, each through a filter with notches of its own (section 2.1);
    impulsive: some samples x[n] become x[n] + g D[n] x[n], D random in [-1, 1] (section 2.2);
    stationary: white noise through a filter with notches, at a random signal-to-noise ratio (section 2.3).
    The released code's algorithms: 1, 2, 3 = one part; 4 = all three, 5 = convolutive and impulsive, 6 = convolutive
    and stationary, 7 = impulsive and stationary, in series; 8 = convolutive and impulsive in parallel.

    Source: Tak, Kamble, Patino, Todisco & Evans, "RawBoost: A raw data boosting and augmentation method applied to
    automatic speaker verification anti-spoofing", ICASSP 2022, doi:10.1109/ICASSP43922.2022.9746213; values and
    details that the paper leaves open from its released code (github.com/TakHemlata/RawBoost-antispoofing).

    Deviations: the filters' delay is removed exactly, the released code leaves one sample. Random numbers come from
    the copy's own generator, so each copy is fixed; the released code draws anew in every epoch.
    """

    def __init__(self, settings: Settings, scene: Scene):
        self.settings, self.rate = settings, scene.rate

    def __call__(self, waveform: np.ndarray, rng: np.random.Generator, row: int) -> np.ndarray:
        parts = [getattr(self, name) for name in self.settings.parts]
        if self.settings.combine == "parallel":
            return at_most_full_scale(np.sum([part(waveform, rng) for part in parts], axis=0))
        for part in parts:
            waveform = part(waveform, rng)
        return waveform

    def convolutive(self, waveform: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Linear and non-linear convolutive noise (eq. 1)."""
        low, high = self.settings.gain_db
        less, more = self.settings.non_linear_loss_db
        total = np.zeros(len(waveform))
        for order in range(1, self.settings.orders + 1):
            gains = (low, high) if order == 1 else (low - less, high - more)
            total += _filtered(waveform**order, self._notches(rng, gains))
        return at_most_full_scale(total - total.mean())

    def impulsive(self, waveform: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Impulsive signal-dependent additive noise (eq. 2)."""
        share = rng.uniform(0, self.settings.impulses_percent) / 100
        places = rng.permutation(len(waveform))[: int(len(waveform) * share)]
        sizes = (2 * rng.random(len(places)) - 1) * (2 * rng.random(len(places)) - 1)
        changed = waveform.copy()
        changed[places] += self.settings.impulse_gain * waveform[places] * sizes
        return at_most_full_scale(changed)

    def stationary(self, waveform: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Stationary signal-independent additive noise (eq. 3)."""
        noise = _filtered(rng.normal(0, 1, len(waveform)), self._notches(rng, self.settings.gain_db))
        return added(waveform, noise, rng.uniform(*self.settings.snr_db))

    def _notches(self, rng: np.random.Generator, gain_db: tuple[float, float]) -> np.ndarray:
        """Coefficients of a linear-phase filter with `bands` notches, whose largest gain is drawn from `gain_db`."""
        filter = np.ones(1)
        for _ in range(self.settings.bands):
            centre, width = rng.uniform(*self.settings.centre_hz), rng.uniform(*self.settings.width_hz)
            taps = int(rng.uniform(*self.settings.taps)) | 1  # odd, as band-stop filters need
            edges = max(centre - width / 2, 1e-3), min(centre + width / 2, self.rate / 2 - 1e-3)
            if edges[0] < edges[1]:  # a notch above half the sample rate has no effect
                filter = np.convolve(np.asarray(signal.firwin(taps, edges, window="hamming", fs=self.rate)), filter)
        gain = 10 ** (rng.uniform(min(gain_db), max(gain_db)) / 20)
        return gain * filter / np.abs(signal.freqz(filter, fs=self.rate)[1]).max()


def _filtered(waveform: np.ndarray, filter: np.ndarray) -> np.ndarray:
    """Convolve (n,) with a linear-phase filter of odd length, without its delay; returns (n,)."""
    delay = len(filter) // 2
    return signal.oaconvolve(waveform, filter)[delay : delay + len(waveform)]
