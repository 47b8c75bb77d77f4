"""scikit-learn's handwritten digits as a stream of images that drift."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from scipy import ndimage
from sklearn.datasets import load_digits

from rawm.config.corpora import DigitsCorpus
from rawm.corpora.listing import utterance
from rawm.features import folder as feature_folder
from rawm.manifest import Row
from rawm.seeding import derive

BUCKETS = 10
SHARES = {"train": 0.60, "dev": 0.15, "eval": 0.25}  # of each class in each bucket


def make(corpus: DigitsCorpus, packages_dir: Path, workers: int) -> list[Row]:
    """Write the feature folder with the set `pixels`; a `corpora.Maker`, which uses neither packages nor workers.

    The number of the bucket, 1 to 10, is the condition. An image is in one bucket and one split, and each class has its
    share in all of them. Drift grows linearly from 0 in bucket 1 to `amount` in bucket 10; of permutations, which have
    no size, each bucket after the first has its own.

    Source: 1797 images of 8 x 8 pixels, the test set of UCI's Optical Recognition of Handwritten Digits,
    doi:10.24432/C50P49.
    """
    return feature_folder.write(Path(corpus.root), "pixels", _images(corpus))


def drifted(image: np.ndarray, drift: str, amount: float) -> np.ndarray:
    """Drift an image (8, 8) of ink from 0 to 1.

    rotation: turn it anticlockwise by degrees. brightness: add it and clip at 1. permutation: give its pixels the order
    of this number; that of 0 is their own.
    """
    if drift == "permutation":
        order = np.random.default_rng(derive("digits", "order", int(amount))).permutation(image.size)
        return image.reshape(-1)[order].reshape(image.shape) if amount else image
    changed = ndimage.rotate(image, amount, reshape=False, order=1) if drift == "rotation" else image + amount
    return changed.clip(0, 1)


def _images(corpus: DigitsCorpus) -> Iterator[tuple[Row, np.ndarray]]:
    """Yield (row, (64,) pixels) of every image, in scikit-learn's order."""
    data: Any = load_digits()
    bucket, split = np.zeros(len(data.target), dtype=int), np.empty(len(data.target), dtype=object)
    for label in range(10):
        rng = np.random.default_rng(derive(corpus.seed, "digits", label))
        images = rng.permutation(np.flatnonzero(data.target == label))
        for number, part in enumerate(np.array_split(images, BUCKETS)):
            bucket[part] = number
            bounds = np.cumsum([round(share * len(part)) for share in list(SHARES.values())[:-1]])
            for name, members in zip(SHARES, np.split(part, bounds), strict=True):
                split[members] = name
    for index, (image, label) in enumerate(zip(data.images / 16, data.target, strict=True)):
        amount = corpus.amount * bucket[index] / (BUCKETS - 1)
        if corpus.drift == "permutation":
            amount = bucket[index]
        name, condition = f"digit_{index:04d}", str(bucket[index] + 1)
        path = f"load_digits/{index:04d}/{corpus.drift}/{amount:g}"  # so that other settings give another manifest
        row = utterance(corpus.name, name, path, str(label), split[index], condition=condition)
        yield row, drifted(image, corpus.drift, amount).reshape(-1)
