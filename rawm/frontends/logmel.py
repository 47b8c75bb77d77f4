"""Log-mel spectra."""

import torch
from torch import Tensor
from torchaudio.functional import melscale_fbanks

from rawm.config.frontends import MFCC, LogMel
from rawm.frontends.signal import Signal, highest

_FLOOR = 1e-10  # 100 dB below the power of one sample of full scale


class LogMelSpectrum(Signal):
    """Natural logarithm of the energies of triangular mel filters, floored at 1e-10.

    Filters have peak 1 and are evenly spaced on HTK's mel scale, 2595 log10(1 + f / 700).

    Shapes: see `Signal`; n_coefficients = n_filters.

    Source: Davis & Mermelstein, "Comparison of parametric representations for monosyllabic word recognition", IEEE
    Trans. ASSP 28(4), 1980, for the filters; HTK Book, section 5.4, for the scale.

    Deviations: the sides of the triangles are straight over Hz, as torchaudio's and librosa's; HTK's and Kaldi's are
    straight over mel.
    """

    def __init__(self, settings: LogMel):
        filters = mel_filters(settings)

        def coefficients(power: Tensor) -> Tensor:
            return torch.log((power @ filters).clamp_min(_FLOOR))

        super().__init__(settings, settings.n_filters, coefficients)


def mel_filters(settings: LogMel | MFCC) -> Tensor:
    """(n_fft / 2 + 1, n_filters) triangles of peak 1 on HTK's mel scale."""
    n_bins = settings.n_fft // 2 + 1
    return melscale_fbanks(n_bins, settings.f_min, highest(settings), settings.n_filters, settings.sample_rate)
