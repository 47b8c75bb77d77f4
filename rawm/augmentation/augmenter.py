"""Apply a recipe to one utterance."""

from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from rawm.augmentation import EFFECTS
from rawm.config.augmentation import AugmentationFile
from rawm.manifest import Manifest
from rawm.seeding import derive


@dataclass(frozen=True)
class Scene:
    """What an effect may use beside the waveform.

    Attributes:
        rate: sample rate of the waveforms in Hz.
        root: folder of the corpus.
        rows: training utterances of the corpus.
        seed: of the recipe.
    """

    rate: int
    root: Path
    rows: Manifest
    seed: int


class Effect(Protocol):
    """A change of a waveform; made by `class(settings, scene)`."""

    def __call__(self, waveform: np.ndarray, rng: np.random.Generator, row: int) -> np.ndarray:
        """Change a waveform; the result depends on nothing but the arguments.

        Args:
            waveform: (n,) float64, n > 0.
            rng: all random numbers come from it.
            row: of the utterance in `Scene.rows`.

        Returns:
            (n,) float64, in time with the original.
        """
        ...


class Augmenter:
    """Changed copies of the training utterances of a corpus.

    The copy of an utterance depends on the recipe, its seed, the utterance's id and the number of the copy, and on
    nothing else, so neither the order nor the number of threads matters.
    """

    def __init__(self, recipe: AugmentationFile, scene: Scene):
        self.recipe, self.scene = recipe, scene
        self._effects: list[Effect] = [_build(settings, scene) for settings in recipe.effects]
        self._chances = np.array([settings.probability for settings in recipe.effects])

    def __call__(self, waveform: np.ndarray, row: int, copy: int) -> np.ndarray:
        """Return copy 1, 2, ... of an utterance; where it is louder than full scale, its gain is lowered.

        Args:
            waveform: (n,) float32 in [-1, 1].
            row: of the utterance in the scene's rows.
        """
        rng = np.random.default_rng(derive(self.recipe.seed, "copy", self.scene.rows.utterance_id[row], copy))
        changed = waveform.astype(np.float64)
        for number in self._drawn(rng):
            changed = self._effects[number](changed, rng, row)
        return at_most_full_scale(changed).astype(np.float32)

    def _drawn(self, rng: np.random.Generator) -> list[int]:
        """Numbers of the effects that a copy gets, in their order."""
        if self.recipe.apply == "one":
            return [int(rng.choice(len(self._chances), p=self._chances / self._chances.sum()))]
        return np.flatnonzero(rng.random(len(self._chances)) < self._chances).tolist()


def _build(settings: Any, scene: Scene) -> Effect:
    module, name = EFFECTS[settings.type].split(":")
    return getattr(import_module(module), name)(settings, scene)


def at_most_full_scale(waveform: np.ndarray) -> np.ndarray:
    """Divide a waveform by its peak where that is above 1."""
    return waveform / max(1.0, float(np.abs(waveform).max()))
