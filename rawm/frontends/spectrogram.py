"""Log-power spectrograms."""

import torch
from torch import Tensor

from rawm.config.frontends import Spectrogram as Settings
from rawm.frontends.signal import Signal, bins

_FLOOR = 1e-10


class Spectrogram(Signal):
    """Natural logarithm of the power spectrum, floored at 1e-10, in the bins between f_min and f_max.

    Shapes: see `Signal`; n_coefficients = number of these bins, n_fft / 2 + 1 by default.

    Source: Lavrentyeva et al., "STC antispoofing systems for the ASVspoof2019 challenge", Interspeech 2019 (FFT-LCNN).

    Deviations: the STC systems use a fixed number of frames per utterance; here all frames are kept.
    """

    def __init__(self, settings: Settings):
        first, end = bins(settings)

        def coefficients(power: Tensor) -> Tensor:
            return torch.log(power[:, first:end].clamp_min(_FLOOR))

        super().__init__(settings, end - first, coefficients)
