"""Babble: other voices of the same corpus."""

import numpy as np

from rawm import audio
from rawm.augmentation.augmenter import Scene
from rawm.augmentation.noise import added
from rawm.config.augmentation import Babble as Settings
from rawm.errors import UserError

_SECONDS = 30.0  # of a voice, at most; longer copies repeat it
_TRIES = 20  # for each voice


class Babble:
    """The sum of several voices with the same energy, each from a random place of a training utterance on.

    The voices are genuine speech for both classes, where the corpus has any, so babble does not tell them apart. They
    are of other groups than the utterance, since a fake may be a copy of the genuine recording in its group.
    """

    def __init__(self, settings: Settings, scene: Scene):
        self.settings, self.scene = settings, scene
        labels = np.array(scene.rows.label, dtype=object)
        genuine = np.flatnonzero(labels == "genuine")
        self._rows = genuine if len(genuine) else np.arange(len(labels))

    def __call__(self, waveform: np.ndarray, rng: np.random.Generator, row: int) -> np.ndarray:
        fewest, most = self.settings.talkers
        count = int(rng.integers(fewest, most, endpoint=True))
        voices: list[np.ndarray] = []
        for _ in range(_TRIES * count):
            other = int(self._rows[rng.integers(len(self._rows))])
            voice = None if self._same_group(row, other) else self._voice(other)
            if voice is None:
                continue
            voices.append(np.resize(np.roll(voice, -int(rng.integers(len(voice)))), len(waveform)))
            if len(voices) == count:
                energies = [np.sqrt(np.mean(one**2)) + 1e-9 for one in voices]
                babble = np.sum([one / energy for one, energy in zip(voices, energies, strict=True)], axis=0)
                return added(waveform, babble, rng.uniform(*self.settings.snr_db))
        name = self.scene.rows.utterance_id[row]
        raise UserError(
            f"babble for utterance {name!r}: the corpus has too few other training utterances that can be read; leave "
            "babble out of the augmentation"
        )

    def _same_group(self, row: int, other: int) -> bool:
        return self.scene.rows.group[row] == self.scene.rows.group[other]

    def _voice(self, row: int) -> np.ndarray | None:
        """Decode another utterance; None if it cannot be decoded, which is reported where it is extracted itself."""
        try:
            return audio.load(self.scene.root / self.scene.rows.path[row], self.scene.rate, _SECONDS).astype(np.float64)
        except audio.BadAudio:
            return None
