"""Linear-frequency cepstral coefficients."""

import torch
from torch import Tensor
from torchaudio.functional import create_dct, linear_fbanks

from rawm.config.models import LFCC as Settings

_EPS = 2.220446049250313e-16  # MATLAB's eps, which the baselines add before the logarithm


class LFCC:
    """LFCC with deltas, as in the LFCC-GMM baselines of ASVspoof.

    Hamming windows, power spectrum, triangular filters linearly spaced in frequency with peak 1, log10 of the filter
    energies + 2.2e-16, orthonormal DCT-II, and deltas (c[t+1] - c[t-1]) / 2 with repeated ends. The pooled variant is
    the mean and the population standard deviation over time.

    Shapes: waveform (n,) -> (T, d), d = n_coefficients * (1 + deltas), T = 1 + (n - window) // hop; pooled (2 d,).

    Source: Sahidullah, Kinnunen & Hanilci, "A comparison of features for synthetic speech detection", Interspeech
    2015; `lfcc_bp.m` of the ASVspoof 2021 baselines.

    Deviations:
        The baselines fill the last, incomplete window with zeros; here it is left out.
        Not `torchaudio.transforms.LFCC`: its decibels are clipped 80 dB below the utterance's own maximum, its
        logarithm is floored at 1e-6, which hides what 16 bit audio holds in quiet bands, and its windows are centred
        in n_fft samples. Its filters and its DCT are those of the baselines and are used here.
    """

    def __init__(self, settings: Settings):
        self.settings = settings
        self.sample_rate = settings.sample_rate
        self.pooled = settings.pooling == "mean_std"
        self.min_samples = round(settings.window_ms * settings.sample_rate / 1000)
        self.hop = round(settings.hop_ms * settings.sample_rate / 1000)
        self.dim = settings.n_coefficients * (1 + settings.deltas) * (2 if self.pooled else 1)
        self._window = torch.hamming_window(self.min_samples, periodic=False)
        f_max = settings.f_max or settings.sample_rate / 2
        bins = settings.n_fft // 2 + 1
        self._filters = linear_fbanks(bins, settings.f_min, f_max, settings.n_filters, settings.sample_rate)
        self._dct = create_dct(settings.n_coefficients, settings.n_filters, norm="ortho")

    @torch.no_grad()
    def __call__(self, waveform: Tensor) -> Tensor:
        """Features of one waveform (n,) float32, n >= min_samples."""
        if waveform.dim() != 1 or len(waveform) < self.min_samples:
            raise ValueError(f"a waveform of at least ({self.min_samples},) is needed, not {tuple(waveform.shape)}")
        frames = waveform.unfold(0, self.min_samples, self.hop) * self._window
        spectrum = torch.fft.rfft(frames, n=self.settings.n_fft)
        power = spectrum.real.square() + spectrum.imag.square()
        orders = [torch.log10(power @ self._filters + _EPS) @ self._dct]
        for _ in range(self.settings.deltas):
            orders.append(_delta(orders[-1]))
        features = torch.cat(orders, dim=1)
        if not self.pooled:
            return features
        return torch.cat([features.mean(0), features.std(0, correction=0)])


def _delta(x: Tensor) -> Tensor:
    """(T, d) -> (T, d): half the difference of the neighbours in time, the ends repeated."""
    padded = torch.cat([x[:1], x, x[-1:]])
    return (padded[2:] - padded[:-2]) / 2
