import json
import re
import shutil
from collections import Counter

import numpy as np
import pytest
import torch
from support import stored

from rawm import manifest, paths
from rawm.config.corpora import ClearCorpus, Division
from rawm.corpora.readers import clear
from rawm.errors import UserError
from rawm.features import folder as feature_folder

CLASSES = ["BACKGROUND", "bus", "racing car"]
BUCKETS = range(11)
IMAGES = {"train": 4, "test": 2}  # of each class in each bucket
DIM = 6


def vector(part, bucket, label, image):
    """What the features of an image are in all layouts."""
    seed = [{"train": 0, "test": 1}[part], bucket, CLASSES.index(label), image]
    return torch.from_numpy(np.random.default_rng(seed).normal(size=DIM).astype(np.float32))


def everything():
    """(part, bucket, class, image number) of all images."""
    return [(p, b, c, i) for p in IMAGES for b in BUCKETS for c in CLASSES for i in range(IMAGES[p])]


def write_json(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))


def save(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save(content, path)


def name(part, image):
    return f"{part}{image}"


def train_test(root, features="moco_b0"):
    """The current archives: clear10-train.zip and clear10-test.zip."""
    for part, number in IMAGES.items():
        index = {}
        for bucket in BUCKETS:
            for label in CLASSES:
                file = f"features/{features}/{bucket}/{label}.pth"
                index.setdefault(str(bucket), {})[label] = file
                images = {name(part, i): vector(part, bucket, label, i) for i in range(number)}
                save(root / part / file, images)
        write_json(root / part / f"features/{features}/features.json", index)
        (root / part / "class_names.txt").write_text("\n".join(CLASSES))
    return root


def training_folder(root, features="moco_b0"):
    """The first archives, whose lists give classes by number; two of the five divisions."""
    root.mkdir(parents=True, exist_ok=True)
    (root / "class_names.txt").write_text("\n".join(CLASSES) + "\n")
    here = root / "training_folder"
    write_json(here / "bucket_indices.json", list(BUCKETS))
    for bucket in BUCKETS:
        images = [(p, c, i) for p, b, c, i in everything() if b == bucket]
        images = [images[k] for k in np.random.default_rng(bucket).permutation(len(images))]
        lines = [
            f"training_folder/labeled images/{bucket}/{c}/{name(p, i)}.jpg {CLASSES.index(c)}" for p, c, i in images
        ]
        (here / f"filelists/{bucket}").mkdir(parents=True)
        (here / f"filelists/{bucket}/all.txt").write_text("\n".join(lines))
        content = ([vector(p, bucket, c, i) for p, c, i in images], [CLASSES.index(c) for _, c, _ in images])
        save(here / f"features/{features}/{bucket}/all.pth", content)
        for number, wanted in ((0, ("train", "test")), (3, ("test", "train"))):
            for part, member in zip(("train", "test"), wanted, strict=True):
                chosen = [k for k, (p, _, _) in enumerate(images) if p == member]
                write_json(here / f"testset_ratio_0.3/split_{number}/{bucket}/{part}_indices.json", chosen)
    return root


def per_image(root, features="moco_b0", both=False):
    """What RAWM's code leaves: one tensor (1, d) an image."""
    for part, bucket, label, image in everything():
        folder = root / f"features/{part}_{features}" if both else root / "features" / features
        path = folder / str(bucket) / label / f"{name(part, image)}.pth"
        save(path, vector(part, bucket, label, image)[None])
    return root


LAYOUTS = {"train_test": train_test, "training_folder": training_folder, "per_image": per_image}


def imported(root, folder, **given):
    """(row, vector) by utterance id, of the feature folder made from a folder of CLEAR."""
    corpus = ClearCorpus(loader="clear", name="clear", root=str(root), **given)
    rows = clear.import_folder(corpus, folder)
    store = feature_folder.store(folder, corpus.features)
    vectors = store.vectors(store.index([row["utterance_id"] for row in rows]))
    return {row["utterance_id"]: (row, value) for row, value in zip(rows, vectors, strict=True)}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_gives_each_image_its_bucket_class_and_vector(tmp_path, layout):
    found = imported(LAYOUTS[layout](tmp_path / "clear"), tmp_path / "out")
    labelled = [(p, b, c, i) for p, b, c, i in everything() if b > 0]
    assert len(found) == len(labelled)
    for part, bucket, label, image in labelled:
        row, value = found[f"{bucket}/{label.replace(' ', '_')}/{name(part, image)}"]
        assert (row["condition"], row["label"]) == (str(bucket), label)
        assert torch.equal(value, vector(part, bucket, label, image))
        if layout != "per_image":
            assert row["split"] == {"train": "train", "test": "eval"}[part]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_bucket_0_is_left_out(tmp_path, layout):
    found = imported(LAYOUTS[layout](tmp_path / "clear"), tmp_path / "out")
    assert {row["condition"] for row, _ in found.values()} == {str(bucket) for bucket in range(1, 11)}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_bucket_has_its_own_images_and_not_those_of_the_buckets_before_too(tmp_path, layout):
    found = imported(LAYOUTS[layout](tmp_path / "clear"), tmp_path / "out")
    counts = Counter((row["condition"], row["label"]) for row, _ in found.values())
    assert set(counts.values()) == {sum(IMAGES.values())} and len(counts) == 30


def test_test_features_are_read_from_the_test_folder(tmp_path):
    found = imported(train_test(tmp_path / "clear"), tmp_path / "out")
    row, value = found["3/bus/test1"]
    assert row["path"] == "test/features/moco_b0/3/bus.pth"
    assert torch.equal(value, vector("test", 3, "bus", 1))


def test_the_lists_of_the_first_archives_may_give_classes_by_name(tmp_path):
    classes = [label.replace(" ", "_") for label in CLASSES]
    root = training_folder(tmp_path / "a")
    by_number = imported(root, tmp_path / "out_a").keys()
    (root / "class_names.txt").write_text("\n".join(classes))
    for path in root.rglob("all.txt"):
        path.write_text(re.sub(r" (\d)$", lambda match: f" {classes[int(match[1])]}", path.read_text(), flags=re.M))
    assert imported(root, tmp_path / "out_b").keys() == by_number


def test_another_official_division_of_the_first_archives_is_read(tmp_path):
    root = training_folder(tmp_path / "clear")
    first = imported(root, tmp_path / "out")
    second = imported(root, tmp_path / "out", split=3)
    assert all(first[key][0]["split"] != second[key][0]["split"] for key in first)
    with pytest.raises(UserError, match=r"split_1/1/train_indices\.json: no such file"):
        imported(root, tmp_path / "out", split=1)


def test_images_that_nobody_divided_are_divided_7_to_3_whatever_else_there_is(tmp_path):
    root = per_image(tmp_path / "clear")
    found = imported(root, tmp_path / "out")
    splits = {key: row["split"] for key, (row, _) in found.items()}
    assert 0.6 < Counter(splits.values())["train"] / len(splits) < 0.8
    for bucket in range(1, 8):
        for path in (root / f"features/moco_b0/{bucket}").rglob("*.pth"):
            path.unlink()
    fewer = imported(root, tmp_path / "out")
    assert {key: row["split"] for key, (row, _) in fewer.items()}.items() < splits.items()


def test_both_official_parts_of_rawms_code_are_train_and_eval(tmp_path):
    found = imported(per_image(tmp_path / "clear", both=True), tmp_path / "out")
    assert all(row["split"] == {"tr": "train", "te": "eval"}[key.split("/")[2][:2]] for key, (row, _) in found.items())


def test_hidden_files_and_the_order_of_the_disk_change_nothing(tmp_path):
    root = per_image(tmp_path / "clear")
    imported(root, tmp_path / "out")
    expected = (tmp_path / "out/moco_b0.safetensors").read_bytes()
    (root / "features/moco_b0/1/bus/._train0.pth").write_bytes(b"Apple")
    (root / "features/moco_b0/.DS_Store").write_bytes(b"Apple")
    path = root / "features/moco_b0/1/BACKGROUND/train0.pth"
    content = path.read_bytes()
    path.unlink()
    path.write_bytes(content)  # now the last entry of its folder
    imported(root, tmp_path / "out")
    assert (tmp_path / "out/moco_b0.safetensors").read_bytes() == expected


class Harmful:
    """A pickle that would write a file when it is read."""

    def __reduce__(self):
        return (open, ("harm.txt", "w"))


@pytest.mark.parametrize("layout", LAYOUTS)
def test_another_feature_set_is_another_manifest_so_that_features_are_extracted_again(tmp_path, layout):
    root = LAYOUTS[layout](tmp_path / "clear")
    for path in sorted(root.rglob("moco_b0")):
        shutil.copytree(path, path.with_name("imagenet"))
    for path in root.rglob("imagenet/features.json"):
        path.write_text(path.read_text().replace("moco_b0", "imagenet"))
    first, second = (imported(root, tmp_path / name, features=name) for name in ("moco_b0", "imagenet"))
    assert all(first[key][0]["path"] != second[key][0]["path"] for key in first)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_code_in_a_pickle_is_not_run_but_named(tmp_path, monkeypatch, layout):
    monkeypatch.chdir(tmp_path)
    root = LAYOUTS[layout](tmp_path / "clear")
    victim = sorted(root.rglob("5/**/*.pth"))[0]
    torch.save({"image": Harmful()}, victim)
    with pytest.raises(UserError, match=rf"{victim.name}: cannot be read as tensors alone"):
        imported(root, tmp_path / "out")
    assert not (tmp_path / "harm.txt").exists()


def test_everything_that_is_wrong_is_said_together_and_nothing_is_written(tmp_path):
    root = train_test(tmp_path / "clear")
    save(root / "train/features/moco_b0/2/bus.pth", {"a": torch.zeros(DIM + 1)})
    save(root / "train/features/moco_b0/3/bus.pth", [torch.zeros(DIM)])
    (root / "train/features/moco_b0/4/bus.pth").unlink()
    save(root / "train/features/moco_b0/6/bus.pth", {"b": torch.full((DIM,), torch.nan)})
    (root / "test/features/moco_b0/features.json").unlink()
    (root / "train/class_names.txt").write_text("BACKGROUND\nbus\nracing car\ncamera\n")
    with pytest.raises(UserError) as caught:
        imported(root, tmp_path / "out")
    text = str(caught.value)
    assert "2/bus.pth: 2/bus/a: has the shape (7,); most have (6,)" in text
    assert "3/bus.pth: holds a list; a dictionary of image -> tensor is needed" in text
    assert "4/bus.pth: no such file" in text
    assert "6/bus/b: is not finite" in text
    assert "test/features/moco_b0/features.json: no such file" in text
    assert "bucket 10 and class_names.txt differ in the classes camera" in text
    assert list((tmp_path / "out").iterdir()) == []


def test_a_list_and_its_features_that_differ_are_named(tmp_path):
    root = training_folder(tmp_path / "clear")
    file = root / "training_folder/filelists/2/all.txt"
    file.write_text("\n".join(file.read_text().splitlines()[::-1]))
    write_json(root / "training_folder/testset_ratio_0.3/split_0/3/train_indices.json", [0, 99])
    with pytest.raises(UserError) as caught:
        imported(root, tmp_path / "out")
    lines = str(caught.value).splitlines()
    assert "features/moco_b0/2/all.pth: its 18 classes are not those of the 18 lines of all.txt" in lines[0]
    assert "3/train_indices.json: image 99 is none of the 18 lines of all.txt" in lines[1]


def test_a_folder_that_is_not_clear_is_named(tmp_path):
    with pytest.raises(UserError, match="is no folder of CLEAR: it has neither train/ and test/"):
        imported(tmp_path, tmp_path / "out")
    per_image(tmp_path / "clear", "imagenet")
    with pytest.raises(UserError, match=r"features/moco_b0: holds no <bucket>/<class>/<image>\.pth"):
        imported(tmp_path / "clear", tmp_path / "out")


@pytest.mark.parametrize("layout", LAYOUTS)
def test_from_the_official_folder_to_a_bucket_of_training_samples(tmp_path, monkeypatch, layout):
    monkeypatch.chdir(tmp_path)
    LAYOUTS[layout](tmp_path / "clear", "imagenet")
    stored.write("loader: clear\nroot: clear\nfeatures: imagenet\n", "imagenet", where='{condition: ["4"]}')
    stored.make_and_extract()
    train, dev = stored.samples("train"), stored.samples("dev")
    assert dev is None and train.features.shape[1] == DIM and not train.ids[0].startswith("10/")
    assert len(train) + len(stored.samples("eval")) == len(CLASSES) * sum(IMAGES.values())
    if layout != "per_image":
        row = train.ids.index("4/racing_car/train2")
        assert torch.equal(train.features[row], vector("train", 4, "racing car", 2))
        assert train.labels[row] == 2


def test_a_corpus_may_be_divided_otherwise_and_counted(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    root = train_test(tmp_path / "clear")
    given = {"loader": "clear", "name": "mine", "root": str(root)}
    division = Division(train=0.5, dev=0.2, eval=0.3)
    rows = clear.make(ClearCorpus(**given, splits=division), paths.PACKAGES, 1)
    assert {row["split"] for row in rows} == {"train", "dev", "eval"}
    manifest.write(rows, tmp_path / "mine.parquet", None)
    expected = {"train": {"total": 121, "certain": True}}
    with pytest.raises(UserError, match="train has 120 utterances; 121 are published"):
        clear.make(ClearCorpus(**given, expected=expected), paths.PACKAGES, 1)
