"""CLEAR-10 and CLEAR-100: stored features of images from ten years, in the three layouts that exist of them."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from rawm import files
from rawm.config.corpora import ClearCorpus, Division
from rawm.corpora import listing
from rawm.corpora.division import divide
from rawm.corpora.listing import Listing, utterance
from rawm.errors import UserError
from rawm.features import folder as feature_folder
from rawm.features.tensor_files import array, load
from rawm.manifest import Row

Items = Iterator[tuple[Row, np.ndarray]]  # row of the manifest, vector (d,)
DIVISION = Division.model_validate({"train": 0.7, "eval": 0.3})  # CLEAR's ratio, for layouts without official splits


def make(corpus: ClearCorpus, packages_dir: Path, workers: int) -> list[Row]:
    """Write the feature folder results/corpora/<name>; a `corpora.Maker`, which uses neither packages nor workers."""
    folder = feature_folder.of(corpus)
    for other in folder.glob("*.safetensors"):
        other.unlink()
    imported = import_folder(corpus, folder)
    rows, errors, warnings = listing.examine(corpus, lambda _: Listing(imported, []))
    listing.settle(errors, warnings)
    return rows


def import_folder(corpus: ClearCorpus, folder: Path) -> list[Row]:
    """Write a feature folder with the corpus' feature set; return its rows.

    A bucket is a year; its number, "1" to "10", is the condition, and bucket 0 has no labels. Class names are read from
    disk, since there are lists of CLEAR-100 with and without BACKGROUND.

    Source: arXiv:2201.06289; clear{10,100}-{train,test}.zip (layout train_test), clear10-public.zip and
    clear100-workshop-avalanche.zip (training_folder), the code released with RAWM (per_image).

    Raises:
        UserError: problems of the folder, all together.
    """
    root, problems = Path(corpus.root), []
    layout = _layout(root) if corpus.layout == "auto" else corpus.layout
    parts = {"train_test": _train_test, "training_folder": _training_folder, "per_image": _per_image}[layout]
    return feature_folder.write(folder, corpus.features, _each(parts(corpus, root, problems), problems), problems)


def _layout(root: Path) -> str:
    """Recognise the layout by its folders."""
    for folder, layout in (("training_folder", "training_folder"), ("train", "train_test"), ("features", "per_image")):
        if (root / folder).is_dir():
            return layout
    raise UserError(
        f"{root}: is no folder of CLEAR: it has neither train/ and test/, nor training_folder/, nor features/"
    )


def _each(parts: Iterator[Items], problems: list[str]) -> Items:
    """Yield the items of all parts; a part ends with its first problem, which is appended to `problems`."""
    for part in parts:
        try:
            yield from part
        except UserError as error:
            problems.append(str(error))


def _train_test(corpus: ClearCorpus, root: Path, problems: list[str]) -> Iterator[Items]:
    """Read {train,test}/features/<name>/features.json = {bucket: {class: file}}; a file is {image: tensor}."""
    for folder, split in (("train", "train"), ("test", "eval")):
        yield from _half(corpus, root / folder, split, problems)


def _half(corpus: ClearCorpus, folder: Path, split: str, problems: list[str]) -> Iterator[Items]:
    """Read the folder train/ or test/."""
    path = folder / f"features/{corpus.features}/features.json"
    try:
        classes, index = set(_lines(folder / "class_names.txt")), _json(path)
    except UserError as error:
        problems.append(str(error))
        return
    for bucket in sorted(index.keys() - {"0"}, key=int):
        if different := sorted(index[bucket].keys() ^ classes):
            names = ", ".join(different)
            problems.append(f"{path}: bucket {bucket} and class_names.txt differ in the classes {names}")
        for label, file in sorted(index[bucket].items()):
            yield _class_file(corpus, folder / file, split, bucket, label)


def _class_file(corpus: ClearCorpus, path: Path, split: str, bucket: str, label: str) -> Items:
    images = load(path)
    if not isinstance(images, dict):
        raise UserError(f"{path}: holds a {type(images).__name__}; a dictionary of image -> tensor is needed")
    for image in sorted(images, key=str):
        yield _row(corpus, split, bucket, label, str(image), path), array(images[image], path).reshape(-1)


def _training_folder(corpus: ClearCorpus, root: Path, problems: list[str]) -> Iterator[Items]:
    """Read the buckets of training_folder/bucket_indices.json; class_names.txt is beside training_folder."""
    classes = _lines(root / "class_names.txt")
    for bucket in _json(root / "training_folder/bucket_indices.json"):
        if str(bucket) != "0":
            yield _bucket(corpus, root, classes, str(bucket))


def _bucket(corpus: ClearCorpus, root: Path, classes: list[str], bucket: str) -> Items:
    """Read one bucket of training_folder.

    filelists/<bucket>/all.txt has lines `image class`, features/<name>/<bucket>/all.pth is (tensors, class indices) in
    the same order, and testset_ratio_0.3/split_<n>/<bucket>/{train,test}_indices.json are indices of both. A class in
    all.txt is a name, or a line number of class_names.txt from 0.
    """
    here = root / "training_folder"
    images = [line.rsplit(maxsplit=1) for line in _lines(here / f"filelists/{bucket}/all.txt")]
    path = here / f"features/{corpus.features}/{bucket}/all.pth"
    content = load(path)
    if not isinstance(content, tuple | list) or len(content) != 2:
        raise UserError(f"{path}: holds a {type(content).__name__}; a pair of tensors and class indices is needed")
    tensors, targets = content
    names = dict(enumerate(classes))
    labels = [names.get(int(word), word) if word.isdigit() else word for _, word in images]
    if labels != [names.get(int(target)) for target in targets]:
        raise UserError(f"{path}: its {len(targets)} classes are not those of the {len(images)} lines of all.txt")
    for part, split in (("train", "train"), ("test", "eval")):
        chosen = here / f"testset_ratio_0.3/split_{corpus.split}/{bucket}/{part}_indices.json"
        for index in _json(chosen):
            if index not in range(len(images)):
                raise UserError(f"{chosen}: image {index} is none of the {len(images)} lines of all.txt")
            row = _row(corpus, split, bucket, labels[index], Path(images[index][0]).stem, path)
            yield row, array(tensors[index], path).reshape(-1)


def _per_image(corpus: ClearCorpus, root: Path, problems: list[str]) -> Iterator[Items]:
    """Read features/<name>/<bucket>/<class>/<image>.pth = tensor (1, d), without official splits.

    With the official splits, RAWM's code writes features/train_<name> and features/test_<name> instead.
    """
    folders = {root / f"features/train_{corpus.features}": "train", root / f"features/test_{corpus.features}": "eval"}
    if not all(folder.is_dir() for folder in folders):
        folders = {root / f"features/{corpus.features}": ""}
    for folder, split in folders.items():
        images = sorted(folder.glob("*/*/*.pth"))
        if not images:
            problems.append(f"{folder}: holds no <bucket>/<class>/<image>.pth")
        for path in images:
            if path.parts[-3] != "0" and not path.name.startswith("."):
                yield _image_file(corpus, path, split)


def _image_file(corpus: ClearCorpus, path: Path, split: str) -> Items:
    bucket, label = path.parts[-3:-1]
    row = _row(corpus, split, bucket, label, path.stem, path)
    yield (row if split else divide([row], DIVISION)[0]), array(load(path), path).reshape(-1)


def _row(corpus: ClearCorpus, split: str, bucket: str, label: str, image: str, path: Path) -> Row:
    name = f"{bucket}/{label}/{image}".replace(" ", "_")  # blanks separate the columns of score files
    file = path.relative_to(corpus.root).as_posix()
    return utterance(corpus.name, name, file, label, split, condition=bucket)


def _lines(path: Path) -> list[str]:
    """Read the lines of a text file that are not blank."""
    files.require_regular(path, "unpack the official archives again")
    if not path.is_file():
        raise UserError(f"{path}: no such file; unpack the official archives again")
    return [line.strip() for line in path.read_text(encoding="utf-8-sig").splitlines() if line.strip()]


def _json(path: Path) -> Any:
    files.require_regular(path, "unpack the official archives again")
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError) as error:
        raise UserError(f"{path}: no such file, or not JSON ({error}); unpack the official archives again") from None
