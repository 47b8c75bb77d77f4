"""Copy-synthesis in this process: the WORLD vocoder and Griffin-Lim.

The copy keeps speaker, text and length of the genuine prompt, so that only the synthesiser betrays it.
"""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TypeVar

import numpy as np

from rawm.config.open_speech import GriffinLim, World
from rawm.corpora.made.open_speech.clean import RATE

_N_FFT, _HOP = 1024, 256
Choice = TypeVar("Choice")


class Original:
    """A clean genuine prompt, with everything that its attacks need.

    Attributes:
        waveform: (n,) float64 at 16 kHz.
        seed: number that is fixed by the prompt.
        text: text that a synthesiser reads in its place.
        packages_dir: where programs are unpacked.
    """

    def __init__(self, waveform: np.ndarray, seed: int, text: str = "", packages_dir: Path = Path()):
        self.waveform, self.seed, self.text, self.packages_dir = waveform, seed, text, packages_dir

    @cached_property
    def world(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Pitch (T,), spectral envelope (T, F) and aperiodicity (T, F) every 5 ms.

        Source: Morise, Yokomori, Ozawa (2016), "WORLD", IEICE Transactions E99-D(7). Pitch by DIO and StoneMask,
        which run some twenty times faster than Harvest.
        """
        import pyworld

        rough, times = pyworld.dio(self.waveform, RATE)
        pitch = pyworld.stonemask(self.waveform, rough, times, RATE)
        return (
            pitch,
            pyworld.cheaptrick(self.waveform, pitch, times, RATE),
            pyworld.d4c(self.waveform, pitch, times, RATE),
        )

    def pick(self, choices: Sequence[Choice]) -> Choice:
        """Pick one of the choices; the same prompt always picks the same one."""
        return choices[self.seed % len(choices)]


def world(original: Original, attack: World) -> np.ndarray:
    """Synthesise by WORLD, with the envelope coded, the pitch scaled and the formants moved as `attack` says."""
    import pyworld

    pitch, envelope, aperiodicity = original.world
    if attack.envelope_bands is not None:
        size = (envelope.shape[1] - 1) * 2
        coded = pyworld.code_spectral_envelope(envelope, RATE, attack.envelope_bands)
        envelope = pyworld.decode_spectral_envelope(coded, RATE, size)
        aperiodicity = pyworld.decode_aperiodicity(pyworld.code_aperiodicity(aperiodicity, RATE), RATE, size)
    pitch_factor, formant_factor = original.pick(list(zip(attack.pitch, attack.formants, strict=True)))
    if formant_factor != 1.0:
        envelope = _move_formants(envelope, formant_factor)
    return fit(pyworld.synthesize(pitch * pitch_factor, envelope, aperiodicity, RATE), len(original.waveform))


def _move_formants(envelope: np.ndarray, factor: float) -> np.ndarray:
    """Stretch the frequency axis of (T, F) by `factor`: frequency f moves to f * factor."""
    bins = np.arange(envelope.shape[1])
    logs = np.log(envelope)
    return np.exp(np.stack([np.interp(bins / factor, bins, row) for row in logs]))


def griffin_lim(original: Original, attack: GriffinLim) -> np.ndarray:
    """Invert a mel spectrogram: least squares to a linear one, then phases by iteration.

    Source: Griffin and Lim (1984), "Signal estimation from modified short-time Fourier transform"; accelerated as
    in Perraudin, Balazs, Sondergaard (2013), with the momentum 0.99.
    """
    import torch
    from torchaudio import functional

    waveform = torch.from_numpy(original.waveform).float()
    window = torch.hann_window(_N_FFT, dtype=waveform.dtype)
    spectrum = torch.stft(
        waveform, n_fft=_N_FFT, hop_length=_HOP, win_length=_N_FFT, window=window, return_complex=True
    ).abs()
    bank = functional.melscale_fbanks(
        _N_FFT // 2 + 1, 0.0, RATE / 2, attack.mel_bands, RATE, norm="slaney", mel_scale="slaney"
    ).to(waveform.dtype)
    linear = (torch.linalg.pinv(bank).T @ (bank.T @ spectrum)).clamp_min(1e-5)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(original.seed)  # the first phases are random
        copy = functional.griffinlim(
            linear,
            window,
            n_fft=_N_FFT,
            hop_length=_HOP,
            win_length=_N_FFT,
            power=1.0,
            n_iter=attack.iterations,
            momentum=0.99,
            length=len(waveform),
            rand_init=True,
        )
    return copy.double().numpy()


def fit(waveform: np.ndarray, length: int) -> np.ndarray:
    """Cut or pad with zeros to `length` samples."""
    return np.pad(waveform, (0, max(0, length - len(waveform))))[:length]
