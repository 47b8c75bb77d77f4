"""Compute the features of changed copies of a corpus' training utterances."""

from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from rawm import frontends, manifest
from rawm.augmentation.augmenter import Augmenter, Scene
from rawm.config.augmentation import AugmentationFile
from rawm.config.corpora import Corpus
from rawm.config.frontends import AudioFrontendSettings
from rawm.features.extract import extract
from rawm.manifest import Manifest
from rawm.study.augmentations import copy_id


def extract_augmented(
    corpus: Corpus,
    settings: AudioFrontendSettings,
    recipe: AugmentationFile,
    manifest_path: str | Path,
    output_path: str | Path,
    shard: tuple[int, int] = (1, 1),
    device: Any = "cpu",
    threads: int = 1,
) -> None:
    """Write the features of all copies of the training utterances; for the arguments see `features.extract.extract`.

    The file is as one of a split, with the ids of `copy_id`. The same recipe, audio and front-end give the same bytes,
    whatever `threads`.

    Raises:
        UserError: audio cannot be used, as `extract`; or babble lacks other utterances.
    """
    rows = manifest.read(manifest_path).select(split="train")
    scene = Scene(frontends.build(settings).sample_rate, Path(corpus.root), rows, recipe.seed)
    extract(
        corpus, settings, "train", manifest_path, output_path, shard, device, threads, _Copies(Augmenter(recipe, scene))
    )


class _Copies:
    """The copies of all training utterances, one after another: a `features.extract.Change`."""

    def __init__(self, augmenter: Augmenter):
        self._augmenter, self._count = augmenter, augmenter.recipe.copies
        self.note = {"augmentation": augmenter.recipe.model_dump(mode="json")}

    def rows(self, rows: Manifest) -> Manifest:
        """Repeat every row once for each copy."""
        columns = {field.name: np.repeat(getattr(rows, field.name), self._count) for field in fields(Manifest)}
        lists: dict[str, Any] = {name: column.tolist() for name, column in columns.items()}
        lists["utterance_id"] = [copy_id(name, copy) for name in rows.utterance_id for copy in self._numbers]
        lists["duration_s"] = columns["duration_s"]
        return Manifest(**lists)

    def __call__(self, samples: np.ndarray, row: int) -> np.ndarray:
        """Change the waveform of one of the repeated rows."""
        return self._augmenter(samples, row // self._count, row % self._count + 1)

    @property
    def _numbers(self) -> range:
        return range(1, self._count + 1)
