"""Reverberation of simulated rooms."""

from functools import lru_cache

import numpy as np
from scipy import signal

from rawm.augmentation.augmenter import Scene
from rawm.config.augmentation import Reverberation as Settings
from rawm.seeding import derive

_WALL_M = 0.3  # least distance of mouth and microphone from the walls
_HEIGHT_M = (2.5, 4.0)
_DRAWS = 50  # of a microphone's place, until its distance is as asked


class Reverberation:
    """Speech in a box-shaped room, by the image source method of pyroomacoustics, from mouth to microphone.

    The direct sound stays in time with the original, and the level is kept. Absorption is found by Sabine's formula, so
    the reverberation is 0.02 to 0.05 s shorter than asked in rooms that hardly reverberate.

    Source: Allen & Berkley, "Image method for efficiently simulating small-room acoustics", JASA 1979; Scheibler,
    Bezzam & Dokmanic, "Pyroomacoustics", ICASSP 2018.
    """

    def __init__(self, settings: Settings, scene: Scene):
        self.settings, self.rate, self.seed = settings, scene.rate, scene.seed

    def __call__(self, waveform: np.ndarray, rng: np.random.Generator, row: int) -> np.ndarray:
        number = int(rng.integers(self.settings.rooms))
        response = room(self.settings.model_dump_json(), derive(self.seed, "room", number), self.rate)
        heard = signal.oaconvolve(waveform, response)[: len(waveform)]
        loss = np.sum(waveform**2) / max(np.sum(heard**2), 1e-20)
        return heard * np.sqrt(loss)


@lru_cache(maxsize=1000)
def room(settings: str, seed: int, rate: int) -> np.ndarray:
    """Simulate the impulse response of a random room, from the direct sound on.

    Args:
        settings: `Reverberation` as JSON.

    Returns:
        (n,) float64.
    """
    import pyroomacoustics

    pyroomacoustics.constants.set("num_threads", 1)  # sums are rounded in one order only
    limits, rng = Settings.model_validate_json(settings), np.random.default_rng(seed)
    while True:
        size = np.array([*rng.uniform(*limits.size_m, size=2), rng.uniform(*_HEIGHT_M)])
        try:
            absorption, order = pyroomacoustics.inverse_sabine(rng.uniform(*limits.rt60_s), size)
        except ValueError:  # a large room without any echo would still reverberate longer
            continue
        break
    mouth, microphone = _places(size, limits, rng)
    walls = pyroomacoustics.Material(absorption)
    shoebox = pyroomacoustics.ShoeBox(size, fs=rate, materials=walls, max_order=order)
    shoebox.add_source(mouth)
    shoebox.add_microphone(microphone)
    shoebox.compute_rir()
    assert shoebox.rir is not None
    response = shoebox.rir[0][0]
    return response[int(np.abs(response).argmax()) :]


def _places(size: np.ndarray, limits: Settings, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Draw places of mouth and microphone in a room; the nearest to the distance asked for, of some."""
    mouth = rng.uniform(_WALL_M, size - _WALL_M)
    others = rng.uniform(_WALL_M, size - _WALL_M, size=(_DRAWS, 3))
    distance = rng.uniform(*limits.distance_m)
    return mouth, others[np.abs(np.linalg.norm(others - mouth, axis=1) - distance).argmin()]
