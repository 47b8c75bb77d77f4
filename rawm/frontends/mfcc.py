"""Mel-frequency cepstral coefficients."""

import torch
from torch import Tensor
from torchaudio.functional import create_dct

from rawm.config.frontends import MFCC as Settings
from rawm.frontends.logmel import mel_filters
from rawm.frontends.signal import EPS, Signal


class MFCC(Signal):
    """MFCC: LFCC with filters evenly spaced on the mel scale.

    log10 of the energies of `logmel`'s filters + 2.2e-16, orthonormal DCT-II, the zeroth coefficient included.

    Shapes: see `Signal`.

    Source: Sahidullah, Kinnunen & Hanilci, "A comparison of features for synthetic speech detection", Interspeech
    2015, where it is compared with LFCC.

    Deviations: none known; the mel scale is HTK's, 2595 log10(1 + f / 700).
    """

    def __init__(self, settings: Settings):
        filters = mel_filters(settings)
        dct = create_dct(settings.n_coefficients, settings.n_filters, norm="ortho")

        def coefficients(power: Tensor) -> Tensor:
            return torch.log10(power @ filters + EPS) @ dct

        super().__init__(settings, settings.n_coefficients, coefficients)
