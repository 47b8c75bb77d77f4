"""Feature folders: utterances or images whose features were computed elsewhere.

A folder holds `table.parquet`, with the columns of a manifest (split "-" where there is no official one), and for each
feature set a file `<features>.safetensors` in the format of the feature store. The table is written last: where it is,
the folder is whole.
"""

import tempfile
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from rawm import manifest, paths
from rawm.config.corpora import ClearCorpus
from rawm.errors import UserError
from rawm.features import store as features
from rawm.progress import track

SPLITS = (*paths.SPLITS, "-")


def of(corpus: Any) -> Path:
    """Where the feature folder of a corpus is: its root, but for CLEAR, whose root is the official folder."""
    return paths.corpus(corpus.name) if isinstance(corpus, ClearCorpus) else Path(corpus.root)


def table(folder: Path) -> Path:
    """The table of a feature folder."""
    return folder / "table.parquet"


def store(folder: Path, name: str) -> features.FeatureStore:
    """A feature set of a folder; raises UserError with those that are there where it is not."""
    path = folder / f"{name}.safetensors"
    if not path.is_file():
        there = ", ".join(sorted(other.stem for other in folder.glob("*.safetensors"))) or "none"
        raise UserError(f"{path}: no such feature set; feature sets in this folder: {there}")
    return features.FeatureStore(path)


def write(
    folder: Path, name: str, items: Iterable[tuple[Mapping[str, Any], np.ndarray]], problems: list[str] | None = None
) -> list[Mapping[str, Any]]:
    """Write the table and one feature set; memory does not grow with the features.

    Args:
        folder: made where it is not there; its table and this feature set are replaced, others stay.
        name: of the feature set.
        items: row of the manifest (split "-" where there is none) and vector (d,) or frames (T, d).
        problems: sentences that making `items` may add to; they are looked at after the last item.

    Returns:
        the rows.

    Raises:
        UserError: problems, shapes that differ, features that are not finite, rows that are no manifest; all together,
            and nothing is written. Or another feature set in the folder lacks some of the rows.
    """
    folder.mkdir(parents=True, exist_ok=True)
    rows, shapes, bad = [], [], []
    with tempfile.TemporaryFile(dir=folder) as spool:
        for row, values in track(items, f"{folder.name}: features {name}"):
            values = values.astype(np.float32 if values.ndim == 1 else np.float16)
            if values.ndim not in (1, 2) or values.size == 0:
                bad.append(f"{row['path']}: has the shape {values.shape}; (d,) or (T, d) is needed")
            elif not np.isfinite(values).all():
                bad.append(f"{row['path']}: {row['utterance_id']}: is not finite in {values.dtype}")
            rows.append(row)
            shapes.append(values.shape)
            spool.write(values.tobytes())
        bad = (problems or []) + bad + _unequal(rows, shapes)
        bad += manifest.problems(rows, None, SPLITS) if rows else [f"{folder}: nothing to write"]
        if bad:
            raise UserError("\n".join(bad))
        _check_others(folder, name, rows)
        header = {"ids": [row["utterance_id"] for row in rows], "skipped": [], "corpus": folder.name, "split": "-"}
        header["frontend"] = {"type": "stored", "features": name}
        pooled = len(shapes[0]) == 1
        lengths = [1 if pooled else shape[0] for shape in shapes]
        features.write_store(folder / f"{name}.safetensors", header, shapes[0][-1], pooled, lengths, spool)
    manifest.write(rows, table(folder), None, SPLITS)
    return rows


def _unequal(rows: list[Mapping[str, Any]], shapes: list[tuple[int, ...]]) -> list[str]:
    """A sentence for each item that is not of the kind and size of most."""
    kinds = [(len(shape), shape[-1]) for shape in shapes if shape]
    if len(set(kinds)) < 2:
        return []
    (axes, size), _ = Counter(kinds).most_common(1)[0]
    usual = f"({size},)" if axes == 1 else f"(T, {size})"
    return [
        f"{row['path']}: {row['utterance_id']}: has the shape {shape}; most have {usual}"
        for row, shape in zip(rows, shapes, strict=True)
        if shape and (len(shape), shape[-1]) != (axes, size)
    ]


def _check_others(folder: Path, name: str, rows: list[Mapping[str, Any]]) -> None:
    for path in sorted(folder.glob("*.safetensors")):
        if path.stem != name and not all(map(features.FeatureStore(path).has, (row["utterance_id"] for row in rows))):
            raise UserError(f"{path}: is of other utterances; write {name} to a folder of its own, or remove that file")
