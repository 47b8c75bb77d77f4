"""Feature folders: utterances or images whose features were computed elsewhere.

A folder holds `table.parquet`, with the columns of a manifest (split "-" where there is no official one), and for each
feature set a file `<features>.safetensors` in the format of the feature store. The table is written last, so a folder
that has one is complete.
"""

import tempfile
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from rawm import manifest, paths
from rawm.config.corpora import ClearCorpus, Corpus
from rawm.errors import UserError
from rawm.features.store import FeatureStore, write_store
from rawm.manifest import Row
from rawm.progress import track

SPLITS = (*paths.SPLITS, "-")


def of(corpus: Corpus) -> Path:
    """Return the feature folder of a corpus: its root, except for CLEAR, whose root is the official folder."""
    return paths.corpus(corpus.name) if isinstance(corpus, ClearCorpus) else Path(corpus.root)


def table(folder: Path) -> Path:
    """Return the table's file in a feature folder."""
    return folder / "table.parquet"


def sets(folder: Path) -> list[Path]:
    """Return the files of a folder's feature sets, without temporary ones that a killed job left."""
    return sorted(path for path in folder.glob("*.safetensors") if not path.name.startswith("."))


def store(folder: Path, name: str) -> FeatureStore:
    """Open a feature set of a folder; raises UserError with the sets that the folder has."""
    path = folder / f"{name}.safetensors"
    if not path.is_file():
        names = ", ".join(other.stem for other in sets(folder)) or "none"
        raise UserError(f"{path}: no such feature set; feature sets in this folder: {names}")
    return FeatureStore(path)


def write(
    folder: Path, name: str, items: Iterable[tuple[Row, np.ndarray]], problems: list[str] | None = None
) -> list[Row]:
    """Write the table and one feature set; memory does not grow with the features.

    Args:
        folder: created if missing; its table and this feature set are replaced, other sets stay.
        name: name of the feature set.
        items: row of the manifest (split "-" where there is none) and vector (d,) or frames (T, d).
        problems: sentences about items that could not be read; the iterator `items` may append to them.

    Returns:
        the rows.

    Raises:
        UserError: problems, shapes that differ, features that are not finite, rows that are no manifest; all together,
            and nothing is written. Or another feature set in the folder lacks some of the rows.
    """
    folder.mkdir(parents=True, exist_ok=True)
    rows: list[Row] = []
    shapes: list[tuple[int, ...]] = []
    errors: list[str] = []
    with tempfile.TemporaryFile(dir=folder) as spool:
        for row, values in track(items, f"{folder.name}: features {name}"):
            values = values.astype(np.float32 if values.ndim == 1 else np.float16)
            if values.ndim not in (1, 2) or values.size == 0:
                errors.append(f"{row['path']}: has the shape {values.shape}; (d,) or (T, d) is needed")
            elif not np.isfinite(values).all():
                errors.append(f"{row['path']}: {row['utterance_id']}: is not finite in {values.dtype}")
            rows.append(row)
            shapes.append(values.shape)
            spool.write(values.tobytes())
        errors = [*(problems or []), *errors, *_shape_problems(rows, shapes)]
        errors += manifest.problems(rows, None, SPLITS) if rows else [f"{folder}: nothing to write"]
        if errors:
            raise UserError("\n".join(errors))
        _check_other_sets(folder, name, rows)
        header = {"ids": [row["utterance_id"] for row in rows], "skipped": [], "corpus": folder.name, "split": "-"}
        header["frontend"] = {"type": "stored", "features": name}
        pooled = len(shapes[0]) == 1
        lengths = [1 if pooled else shape[0] for shape in shapes]
        write_store(folder / f"{name}.safetensors", header, shapes[0][-1], pooled, lengths, spool)
    manifest.write(rows, table(folder), None, SPLITS)
    return rows


def _shape_problems(rows: list[Row], shapes: list[tuple[int, ...]]) -> list[str]:
    """One sentence for each item whose number of axes or features differs from most."""
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


def _check_other_sets(folder: Path, name: str, rows: list[Row]) -> None:
    """Refuse a table with utterances that another feature set of the folder lacks."""
    for path in sets(folder):
        if path.stem != name and not all(map(FeatureStore(path).has, (row["utterance_id"] for row in rows))):
            raise UserError(f"{path}: is of other utterances; write {name} to a folder of its own, or remove that file")
