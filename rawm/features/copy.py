"""Copy features that others computed from a corpus' feature folder to the feature store."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

from rawm import manifest
from rawm.config.corpora import Corpus
from rawm.config.frontends import Stored
from rawm.errors import UserError
from rawm.features import folder as feature_folder
from rawm.features.store import FeatureStore, write_store
from rawm.features.windows import shard as part_of

_ROWS = 1024  # vectors read at a time


def copy(
    corpus: Corpus,
    settings: Stored,
    split: str,
    manifest_path: str | Path,
    output_path: str | Path,
    shard: tuple[int, int] = (1, 1),
    device: str | torch.device = "cpu",
    threads: int = 1,
) -> None:
    """Copy the features of one split, unchanged; a `sources.Source`, which needs neither `device` nor `threads`.

    Raises:
        UserError: the folder lacks the feature set, or the features of some utterances.
    """
    store = feature_folder.store(feature_folder.of(corpus), settings.features)
    ids = list(part_of(manifest.read(manifest_path).select(split=split).utterance_id, *shard))
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
        for block in _blocks(store, store.index(ids)):
            lengths += [1] * len(block) if store.pooled else [len(block)]
            spool.write(block.tobytes())
        write_store(output_path, header, store.dim, store.pooled, lengths, spool)


def _blocks(store: FeatureStore, rows: np.ndarray) -> Iterator[np.ndarray]:
    """Yield vectors (n, d) float32 of some rows, or frames (T, d) float16 of one row, as the store keeps them."""
    if store.pooled:
        for start in range(0, len(rows), _ROWS):
            yield store.vectors(rows[start : start + _ROWS]).numpy()
    else:
        for row in rows:
            yield store.frames(row).numpy().astype(np.float16)
