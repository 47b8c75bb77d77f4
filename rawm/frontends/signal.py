"""Base class of front-ends that compute short-time spectra."""

from collections.abc import Callable

import torch
from torch import Tensor

from rawm.config.frontends import Signal as Settings

#: MATLAB's eps, which the ASVspoof baselines add before taking the logarithm.
EPS = 2.220446049250313e-16
_WINDOWS = {"hamming": torch.hamming_window, "hann": torch.hann_window, "blackman": torch.blackman_window}


class Signal:
    """Waveform -> windows -> power spectra -> coefficients -> deltas.

    Windows start at the first sample; the last, incomplete one is left out. Deltas are (c[t+1] - c[t-1]) / 2 with
    repeated ends. Mean normalisation subtracts the coefficients' means over the utterance, before the deltas. Pooling
    is the mean and the population standard deviation over time.

    Shapes: waveform (n,) -> (T, d), d = n_coefficients * (1 + deltas), T = 1 + (n - window) // hop; pooled (2 d,).

    Args:
        coefficients: power spectra (T, n_fft / 2 + 1) -> (T, n_coefficients).
    """

    max_seconds: float | None = None

    def __init__(self, settings: Settings, n_coefficients: int, coefficients: Callable[[Tensor], Tensor]):
        self.settings = settings
        self.sample_rate = settings.sample_rate
        self.pooled = settings.pooling == "mean_std"
        self.min_samples = round(settings.window_ms * settings.sample_rate / 1000)
        self.hop = round(settings.hop_ms * settings.sample_rate / 1000)
        self.dim = n_coefficients * (1 + settings.deltas) * (2 if self.pooled else 1)
        self._window = _WINDOWS[settings.window](self.min_samples, periodic=False)
        self._coefficients = coefficients

    @torch.no_grad()
    def __call__(self, waveform: Tensor) -> Tensor:
        """Features of one waveform (n,) float32, n >= min_samples."""
        if waveform.dim() != 1 or len(waveform) < self.min_samples:
            raise ValueError(f"a waveform of at least ({self.min_samples},) is needed, not {tuple(waveform.shape)}")
        if self.settings.preemphasis:
            waveform = torch.cat([waveform[:1], waveform[1:] - self.settings.preemphasis * waveform[:-1]])
        frames = waveform.unfold(0, self.min_samples, self.hop) * self._window
        spectrum = torch.fft.rfft(frames, n=self.settings.n_fft)
        orders = [self._coefficients(spectrum.real.square() + spectrum.imag.square())]
        if self.settings.mean_normalisation:
            orders = [orders[0] - orders[0].mean(0)]
        for _ in range(self.settings.deltas):
            orders.append(_delta(orders[-1]))
        features = torch.cat(orders, dim=1)
        if not self.pooled:
            return features
        return torch.cat([features.mean(0), features.std(0, correction=0)])


def _delta(x: Tensor) -> Tensor:
    """Half the difference of the neighbours in time, with repeated ends: (T, d) -> (T, d)."""
    padded = torch.cat([x[:1], x, x[-1:]])
    return (padded[2:] - padded[:-2]) / 2


def bins(settings: Settings) -> tuple[int, int]:
    """Return (start, stop) of the bins of the FFT between f_min and f_max, both included."""
    frequencies = torch.arange(settings.n_fft // 2 + 1) * (settings.sample_rate / settings.n_fft)
    inside = torch.nonzero((frequencies >= settings.f_min) & (frequencies <= highest(settings))).flatten()
    return int(inside[0]), int(inside[-1]) + 1


def highest(settings: Settings) -> float:
    """Return f_max in Hz; by default half the sample rate."""
    return settings.sample_rate / 2 if settings.f_max is None else settings.f_max
