from collections import Counter

import numpy as np
import pytest
import torch
from scipy import ndimage
from sklearn.datasets import load_digits
from support import stored

from rawm import manifest, paths
from rawm.config.corpora import DigitsCorpus
from rawm.corpora.made.digits import drifted, make
from rawm.features import folder as feature_folder


def made(folder, **given):
    """Rows, and their pixels (N, 64) in the same order."""
    corpus = DigitsCorpus(**{"loader": "digits", "name": "digits", "root": str(folder)} | given)
    rows = make(corpus, paths.PACKAGES, 1)
    assert manifest.problems(rows, corpus.classes) == []
    store = feature_folder.store(folder, "pixels")
    return rows, store.vectors(store.index([row["utterance_id"] for row in rows])).numpy()


def bucket(row):
    return int(row["condition"])


def test_without_drift_each_image_is_there_once_in_one_bucket_and_one_split(tmp_path):
    rows, pixels = made(tmp_path, amount=0)
    data = load_digits()
    assert np.array_equal(pixels, (data.data / 16).astype(np.float32))
    assert [row["label"] for row in rows] == [str(label) for label in data.target]
    assert len({row["utterance_id"] for row in rows}) == 1797


def test_buckets_hold_all_classes_in_all_splits_in_even_shares(tmp_path):
    rows, _ = made(tmp_path)
    counts = Counter((bucket(row), row["split"], row["label"]) for row in rows)
    assert len(counts) == 10 * 3 * 10
    assert {n for (_, split, _), n in counts.items() if split == "train"} <= {10, 11}
    assert {n for (_, split, _), n in counts.items() if split == "dev"} == {3}
    assert {n for (_, split, _), n in counts.items() if split == "eval"} <= {4, 5}


def test_each_bucket_drifts_by_a_ninth_of_the_amount_more(tmp_path):
    rows, pixels = made(tmp_path / "turned", amount=90)
    _, bright = made(tmp_path / "bright", drift="brightness", amount=0.9)
    for row, turned, lit, image in zip(rows, pixels, bright, load_digits().images / 16, strict=True):
        steps = bucket(row) - 1
        expected = ndimage.rotate(image, 10 * steps, reshape=False, order=1).clip(0, 1)
        np.testing.assert_allclose(turned, expected.reshape(-1), atol=1e-6)
        np.testing.assert_allclose(lit, np.minimum(image + 0.1 * steps, 1).reshape(-1), atol=1e-6)


def test_the_last_bucket_is_turned_by_the_whole_amount(tmp_path):
    rows, pixels = made(tmp_path, amount=90)
    last = [number for number, row in enumerate(rows) if bucket(row) == 10]
    turned = np.rot90(load_digits().images[last] / 16, axes=(1, 2)).reshape(-1, 64)
    np.testing.assert_allclose(pixels[last], turned, atol=1e-6)


def test_brightness_is_added_and_cut_at_white():
    image = np.full((8, 8), 0.5)
    assert np.array_equal(drifted(image, "brightness", 0.25), np.full((8, 8), 0.75))
    assert np.array_equal(drifted(image, "brightness", 0.8), np.ones((8, 8)))
    with pytest.raises(ValueError, match="amount of drift brightness must be at most 1"):
        DigitsCorpus(loader="digits", name="digits", drift="brightness")


def test_a_rerun_gives_the_same_bytes_and_another_seed_other_buckets(tmp_path):
    rows, _ = made(tmp_path / "a" / "digits")
    again, _ = made(tmp_path / "b" / "digits")
    other, _ = made(tmp_path / "c" / "digits", seed=1)
    for name in ("pixels.safetensors", "table.parquet"):
        assert (tmp_path / "a/digits" / name).read_bytes() == (tmp_path / "b/digits" / name).read_bytes()
    assert rows == again
    assert sum(bucket(a) != bucket(b) for a, b in zip(rows, other, strict=True)) > 1000


def test_another_drift_is_another_manifest_so_that_features_are_extracted_again(tmp_path):
    rows = [made(tmp_path / name, **given)[0] for name, given in (("a", {}), ("b", {"amount": 45}))]
    assert [row["path"] for row in rows[0] if bucket(row) > 1] != [row["path"] for row in rows[1] if bucket(row) > 1]


def test_from_nothing_to_a_bucket_of_training_samples(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    stored.write("loader: digits\n", "pixels", where='{condition: ["1"]}')
    stored.make_and_extract()
    train, dev, evaluation = (stored.samples(split) for split in paths.SPLITS)
    data = load_digits()
    for samples, low, high in ((train, 100, 110), (dev, 30, 30), (evaluation, 40, 50)):
        assert low <= len(samples) <= high
        index = [int(name.removeprefix("digit_")) for name in samples.ids]
        assert torch.equal(samples.features, torch.tensor(data.data[index] / 16, dtype=torch.float32))
        assert samples.labels.tolist() == data.target[index].tolist()


def test_permuted_buckets_have_the_same_pixels_in_an_order_of_their_own():
    image = np.arange(64.0).reshape(8, 8) / 64
    assert np.array_equal(drifted(image, "permutation", 0), image)
    orders = [drifted(image, "permutation", number).reshape(-1) for number in range(1, 10)]
    assert all(np.array_equal(np.sort(order), image.reshape(-1)) for order in orders)
    assert len({tuple(order) for order in orders}) == 9


def test_permutations_go_by_the_number_of_the_bucket_whatever_the_amount(tmp_path):
    _, first = made(tmp_path / "a", drift="permutation")
    _, second = made(tmp_path / "b", drift="permutation", amount=10)
    assert np.array_equal(first, second)
