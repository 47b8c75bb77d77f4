"""Every type of front-end file has a source of its features."""

from typing import get_args

import numpy as np
import pytest

from rawm import manifest
from rawm.config.corpora import FeaturesCorpus
from rawm.config.frontends import FrontendSettings, Stored
from rawm.errors import UserError
from rawm.features import folder as feature_folder
from rawm.features.sources import SOURCES, make_features
from rawm.features.store import FeatureStore, join
from rawm.frontends import FRONTENDS
from rawm.manifest import COLUMNS

TYPES = {get_args(model.model_fields["type"].annotation)[0] for model in get_args(FrontendSettings)}


def test_features_of_every_type_of_front_end_are_extracted_or_have_a_source():
    assert {*FRONTENDS, *SOURCES} == TYPES and not FRONTENDS.keys() & SOURCES.keys()


@pytest.fixture(params=["vectors", "frames"])
def stored(request, tmp_path):
    """A corpus that is a feature folder of 11 utterances, seven of them in train."""
    rng = np.random.default_rng(0)
    items = []
    for number in range(11):
        row = dict.fromkeys(COLUMNS, "-") | {"utterance_id": f"u{number:02}", "path": f"u{number:02}.npy"}
        row |= {"group": row["utterance_id"], "label": "fake", "duration_s": 0.0}
        row |= {"split": "train" if number % 3 else "eval"}
        items.append((row, rng.normal(size=5 if request.param == "vectors" else (number + 1, 5))))
    rows = feature_folder.write(tmp_path / "folder", "mine", items)
    manifest.write(rows, tmp_path / "mine.parquet")
    return FeaturesCorpus(loader="features", name="mine", root=str(tmp_path / "folder"))


def test_stored_features_are_copied_unchanged_and_their_shards_join_to_the_same_bytes(stored, tmp_path):
    settings = Stored(type="stored", features="mine")

    def make(name, **given):
        path = tmp_path / f"{name}.safetensors"
        make_features(stored, settings, "train", tmp_path / "mine.parquet", path, **given)
        return path

    whole = FeatureStore(make("whole"))
    original = FeatureStore(tmp_path / "folder/mine.safetensors")
    assert whole.ids == [name for name in original.ids if int(name[1:]) % 3]
    for row, name in enumerate(whole.ids):
        (there,) = original.index([name])
        if whole.pooled:
            assert (whole.vectors([row]) == original.vectors([there])).all()
        else:
            assert (whole.frames(row) == original.frames(there)).all()
    join([make(f"{number}of3", shard=(number, 3)) for number in (1, 2, 3)], tmp_path / "joined.safetensors")
    assert (tmp_path / "joined.safetensors").read_bytes() == whole.path.read_bytes()


def test_a_feature_set_that_is_not_there_is_named_with_those_that_are(stored, tmp_path):
    settings = Stored(type="stored", features="other")
    with pytest.raises(UserError, match=r"other\.safetensors: no such feature set; .* in this folder: mine"):
        make_features(stored, settings, "train", tmp_path / "mine.parquet", tmp_path / "out.safetensors")
