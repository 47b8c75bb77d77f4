"""Features that were computed elsewhere: the front-end of corpora that are feature folders."""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from rawm import manifest
from rawm.config.frontends import Stored
from rawm.errors import UserError
from rawm.features import folder as feature_folder
from rawm.features import store as features


def extract(corpus: Any, settings: Stored, split: str, manifest_path: str | Path, output_path: str | Path) -> None:
    """Copy the features of one split from a corpus' feature folder, as they are; called like `extraction.extract`.

    Raises:
        UserError: the folder lacks the feature set, or the features of some utterances.
    """
    store = feature_folder.store(feature_folder.of(corpus), settings.features)
    ids = manifest.read(manifest_path).select(split=split).utterance_id
    if missing := [name for name in ids if not store.has(name)]:
        raise UserError(
            f"{store.path}: {len(missing)} of {len(ids)} utterances of {corpus.name} {split} have no features, first "
            f"{missing[0]!r}; make the folder and the manifest again"
        )
    header = {"ids": ids, "skipped": [], "corpus": corpus.name, "split": split}
    header |= {"manifest": manifest.digest(manifest_path), "frontend": settings.model_dump(mode="json")}
    Path(output_path).parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=Path(output_path).parent) as spool:
        lengths = []
        for values in _blocks(store, store.index(ids)):
            lengths += [1] * len(values) if store.pooled else [len(values)]
            spool.write(values.tobytes())
        features.write_store(output_path, header, store.dim, store.pooled, lengths, spool)


def _blocks(store: features.FeatureStore, rows: np.ndarray) -> Iterator[np.ndarray]:
    """Some vectors at a time, or the frames of one utterance, in the numbers of the feature store."""
    if store.pooled:
        for start in range(0, len(rows), 1024):
            yield store.vectors(rows[start : start + 1024]).numpy()
    else:
        for row in rows:
            yield store.frames(row).numpy().astype(np.float16)
