"""Codecs, and the band limits, noise and limiters of the channels that have them."""

import numpy as np

from rawm.augmentation.augmenter import Scene
from rawm.config.augmentation import Codec as Settings
from rawm.corpora.made.open_speech.channel import transmit
from rawm.corpora.made.open_speech.clean import RATE, resample


class Codec:
    """A channel of open speech, through FFmpeg's encoders and decoders in memory.

    The channels work at 16 kHz, so nothing above 8 kHz is left at other rates.
    """

    def __init__(self, settings: Settings, scene: Scene):
        self.settings, self.rate = settings, scene.rate

    def __call__(self, waveform: np.ndarray, rng: np.random.Generator, row: int) -> np.ndarray:
        channel = self.settings.channels[int(rng.integers(len(self.settings.channels)))]
        sent = transmit(resample(waveform, self.rate), channel, seed=int(rng.integers(2**32)))
        received = resample(sent, RATE, self.rate)
        return np.pad(received, (0, max(0, len(waveform) - len(received))))[: len(waveform)]
