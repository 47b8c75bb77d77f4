"""Linear-frequency cepstral coefficients."""

import torch
from torch import Tensor
from torchaudio.functional import create_dct, linear_fbanks

from rawm.config.frontends import LFCC as Settings
from rawm.frontends.signal import EPS, Signal, bins, highest


class LFCC(Signal):
    """LFCC, as in the baselines of ASVspoof.

    Power spectrum, triangular filters linearly spaced in frequency with peak 1, log10 of the filter energies + 2.2e-16,
    orthonormal DCT-II. With `energy` the zeroth coefficient is log10 of the frame's power between f_min and f_max,
    divided by n_fft, as in LFCC-LCNN.

    Shapes: see `Signal`.

    Source: Sahidullah, Kinnunen & Hanilci, "A comparison of features for synthetic speech detection", Interspeech
    2015; `lfcc_bp.m` (LFCC-GMM) and `util_frontend.py` (LFCC-LCNN) of the ASVspoof 2021 baselines.

    Deviations:
        LFCC-GMM pads the last, incomplete window with zeros; here it is dropped.
        LFCC-LCNN centres its windows (periodic Hamming, in n_fft samples) on multiples of the hop, beyond both ends of
        the utterance, adds 1.2e-7 before the logarithm, does not halve its deltas, and stretches the frequencies of its
        bins by 1 / 255 where f_max is half of the bins.
        Not `torchaudio.transforms.LFCC`: its decibels are clipped 80 dB below the utterance's own maximum, its
        logarithm is floored at 1e-6, which hides what 16 bit audio holds in quiet bands, and its windows are centred
        in n_fft samples. Its filters and its DCT are those of the baselines and are used here.
    """

    def __init__(self, settings: Settings):
        n_bins = settings.n_fft // 2 + 1
        filters = linear_fbanks(n_bins, settings.f_min, highest(settings), settings.n_filters, settings.sample_rate)
        dct = create_dct(settings.n_coefficients, settings.n_filters, norm="ortho")
        first, end = bins(settings)

        def coefficients(power: Tensor) -> Tensor:
            cepstra = torch.log10(power @ filters + EPS) @ dct
            if settings.energy:
                cepstra[:, 0] = torch.log10(power[:, first:end].sum(1) / settings.n_fft + EPS)
            return cepstra

        super().__init__(settings, settings.n_coefficients, coefficients)
