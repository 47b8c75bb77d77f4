"""Waveforms and scenes for effects of augmentation."""

from pathlib import Path

import numpy as np

from rawm.augmentation.augmenter import Augmenter, Scene
from rawm.config.augmentation import AugmentationFile
from rawm.manifest import Manifest

NOTHING = Manifest([], [], [], [], [], [], [], [], [], np.zeros(0), [])


def speech(n, peak=0.5, rate=16000):
    """Noise with syllables: (n,) float64."""
    noise = np.random.default_rng(0).normal(size=n)
    syllables = 0.05 + np.sin(np.pi * 4 * np.arange(n) / rate) ** 2
    return peak * noise * syllables / np.abs(noise * syllables).max()


def scene(rate):
    return Scene(rate, Path("."), NOTHING, 0)


def effect(settings, rate):
    """One effect, made as a recipe makes it."""
    recipe = AugmentationFile(effects=[settings])
    return Augmenter(recipe, scene(rate))._effects[0]
