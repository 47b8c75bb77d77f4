"""Copies of training utterances: which there are, what they depend on, and where they are used."""

from pathlib import Path

import numpy as np
import pytest
from support import disk

from rawm import manifest, paths
from rawm.augmentation.augmenter import Augmenter, Scene
from rawm.augmentation.extract import extract_augmented
from rawm.code_hash import code_hash
from rawm.config.augmentation import AugmentationFile
from rawm.config.frontends import LFCC
from rawm.config.reading import ConfigError
from rawm.corpora import listing
from rawm.errors import UserError
from rawm.features.extract import extract
from rawm.features.store import FeatureStore
from rawm.study import jobs, load_augmentation, load_corpus, load_frontend, load_study
from rawm.study.augmentations import copy_id, stored_name
from rawm.tasks.loading import load_split

SETTINGS = LFCC(type="lfcc", pooling="mean_std")
EFFECTS = [{"type": "rawboost"}, {"type": "noise"}, {"type": "babble", "talkers": [1, 2]}, {"type": "codec"}]


@pytest.fixture
def corpus(tmp_path, monkeypatch):
    """Four genuine utterances and their copies as fakes, in groups, in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config/corpora").mkdir(parents=True)
    (tmp_path / "config/corpora/small.yaml").write_text(
        f"loader: folder\nroot: {tmp_path}/audio\nsplits: {{train: 1, eval: 0}}\n"
    )
    rows = []
    for number in range(8):
        label, split = ("genuine", "fake")[number % 2], "train" if number < 6 else "eval"
        row = listing.utterance("small", f"u{number}", f"{number}.flac", label, split, group=f"g{number // 2}")
        disk.write_audio(tmp_path / "audio" / row["path"], seconds=0.5, seed=number)
        rows.append(row | {"duration_s": 0.5})
    manifest.write(rows, paths.manifest("small"))
    return load_corpus("small")


def recipe(**values):
    return AugmentationFile(**{"copies": 2, "apply": "one", "effects": EFFECTS} | values)


def make(corpus, chosen, path, threads=1):
    extract_augmented(corpus, SETTINGS, chosen, paths.manifest("small"), path, threads=threads)
    return FeatureStore(path)


def test_the_number_of_threads_changes_no_byte(corpus, tmp_path):
    make(corpus, recipe(), tmp_path / "one.safetensors", threads=1)
    make(corpus, recipe(), tmp_path / "four.safetensors", threads=4)
    assert (tmp_path / "one.safetensors").read_bytes() == (tmp_path / "four.safetensors").read_bytes()


def test_there_are_copies_of_training_utterances_only_and_all_differ(corpus, tmp_path):
    store = make(corpus, recipe(), tmp_path / "copies.safetensors")
    assert store.ids == [copy_id(f"u{number}", copy) for number in range(6) for copy in (1, 2)]
    vectors = store.vectors(range(12)).numpy()
    assert len(np.unique(vectors, axis=0)) == 12


def test_a_copy_depends_on_nothing_but_recipe_seed_utterance_and_number(corpus):
    rows = manifest.read(paths.manifest("small")).select(split="train")
    waveform = np.random.default_rng(0).uniform(-0.1, 0.1, 8000).astype(np.float32)

    def copy(chosen, row, number):
        return Augmenter(chosen, Scene(16000, Path(corpus.root), rows, chosen.seed))(waveform, row, number)

    augmenter = Augmenter(recipe(), Scene(16000, Path(corpus.root), rows, 0))
    backwards = [augmenter(waveform, row, number) for row in (5, 3, 0) for number in (2, 1)]
    assert np.array_equal(copy(recipe(), 0, 2), backwards[4])
    assert np.array_equal(copy(recipe(copies=5, title="other"), 0, 2), backwards[4])
    for other in (copy(recipe(), 0, 1), copy(recipe(), 1, 2), copy(recipe(seed=1), 0, 2)):
        assert not np.array_equal(other, backwards[4])


def test_no_copy_is_louder_than_full_scale(corpus):
    rows = manifest.read(paths.manifest("small")).select(split="train")
    loud = np.sign(np.random.default_rng(0).normal(size=8000)).astype(np.float32)
    augmenter = Augmenter(recipe(apply="all"), Scene(16000, Path(corpus.root), rows, 0))
    for number in range(1, 6):
        assert np.abs(augmenter(loud, 0, number)).max() <= 1


def test_effects_are_drawn_by_their_chance():
    rare = {"type": "noise", "probability": 0.25}
    scene = Scene(16000, None, None, 0)
    for apply, expected in (("all", (1.0, 0.25)), ("one", (0.8, 0.2))):
        augmenter = Augmenter(recipe(apply=apply, effects=[{"type": "codec"}, rare]), scene)
        rng = np.random.default_rng(0)
        drawn = [augmenter._drawn(rng) for _ in range(2000)]
        shares = [np.mean([number in numbers for numbers in drawn]) for number in (0, 1)]
        assert shares == pytest.approx(expected, abs=0.03), apply


def test_babble_is_genuine_speech_of_other_groups(corpus, tmp_path, monkeypatch):
    heard = []
    from rawm.augmentation import babble

    load = babble.audio.load
    monkeypatch.setattr(babble.audio, "load", lambda path, *rest: heard.append(path.stem) or load(path, *rest))
    rows = manifest.read(paths.manifest("small")).select(split="train")
    one = babble.Babble(recipe().effects[2], Scene(16000, tmp_path / "audio", rows, 0))
    for seed in range(20):
        one(np.ones(8000), np.random.default_rng(seed), row=1)  # of group g0, with u0
    assert set(heard) == {"2", "4"}


def test_babble_without_other_utterances_is_refused(corpus, tmp_path):
    rows = manifest.read(paths.manifest("small")).select(split="train", where={"group": ["g0"]})
    one = Augmenter(recipe(effects=[EFFECTS[2]]), Scene(16000, tmp_path / "audio", rows, 0))
    with pytest.raises(UserError, match="too few other training utterances"):
        one(np.ones(8000, np.float32), 0, 1)


# Names and settings


def test_the_name_follows_every_value_but_the_title():
    name = stored_name("mixed", recipe())
    assert name.startswith("mixed-") and len(name) == len("mixed-") + 8
    assert stored_name("mixed", recipe(title="other words")) == name
    changed = [recipe(copies=3), recipe(seed=1), recipe(apply="all"), recipe(effects=EFFECTS[:3])]
    assert len({name, *(stored_name("mixed", other) for other in changed)}) == 5


@pytest.mark.parametrize(
    "values, message",
    [
        ({"effects": []}, "at least 1"),
        ({"effects": [{"type": "noise", "snr_db": [20, 0]}]}, "give the smaller number first"),
        ({"effects": [{"type": "reverberation", "rt60_s": [0.5, 2]}]}, "from 0.1 to 0.6"),
        ({"effects": [{"type": "rawboost", "parts": ["impulsive", "impulsive"]}]}, "names one twice"),
        ({"effects": [{"type": "babble", "talkers": [0, 2]}]}, "1 or more"),
        ({"copies": 0}, "greater than or equal to 1"),
    ],
)
def test_impossible_values_are_refused(values, message):
    with pytest.raises(ValueError, match=message):
        recipe(**values)


def test_every_augmentation_of_the_house_can_be_read():
    for label in ("mixed", "rawboost"):
        assert load_augmentation(label).effects


def test_stored_features_cannot_be_augmented(tmp_path):
    import shutil

    shutil.copytree(paths.CONFIG, tmp_path / "config")
    study = tmp_path / "config/studies/digits.yaml"
    study.write_text(study.read_text() + "augment: mixed\n")
    with pytest.raises(ConfigError, match="augment: changes audio, but frontend pixels looks up stored features"):
        load_study("digits", tmp_path / "config", on_disk=False)


# Training


@pytest.fixture
def study(corpus, tmp_path):
    """A study of one task with this corpus, and its features."""
    chosen = recipe()
    path = paths.augmented("lfcc_stats", "small", stored_name("mixed", chosen))
    make(corpus, chosen, path)
    for split in ("train", "eval"):
        extract(corpus, SETTINGS, split, paths.manifest("small"), paths.features("lfcc_stats", "small", split))
    from dataclasses import replace

    from rawm.config.study import StreamFile, StudyFile
    from rawm.study import Study

    values = {"title": "s", "stream": "s", "frontend": "lfcc_stats", "detector": "d", "methods": ["m"], "seeds": [0]}
    stream = StreamFile(title="s", tasks=[{"name": "t", "corpora": ["small"], "train": {"per_class": 2}}])
    plain = Study("s", StudyFile(**values), stream, SETTINGS, None, {"small": corpus}, {})
    return plain, replace(plain, settings=StudyFile(**values, augment="mixed"), augmentation=chosen)


def test_training_data_are_the_chosen_utterances_and_their_copies(study):
    plain, augmented = (load_split(one, 1, "train", 0) for one in study)
    assert len(plain) == 4 and len(augmented) == 12
    assert augmented.ids[:4] == plain.ids and (augmented.features[:4] == plain.features).all()
    assert augmented.ids[4:] == [copy_id(name, copy) for name in plain.ids for copy in (1, 2)]
    assert augmented.labels[4:].tolist() == [label for label in plain.labels.tolist() for _ in range(2)]


def test_evaluation_data_are_not_changed(study):
    plain, augmented = (load_split(one, 1, "eval", 0) for one in study)
    assert augmented.ids == plain.ids and (augmented.features == plain.features).all()


def test_jobs_read_the_copies_where_they_read_training_data(study):
    plain, augmented = study
    copies = {str(paths.augmented("lfcc_stats", "small", stored_name("mixed", augmented.augmentation)))}
    for splits, more in ((("train", "dev"), copies), (("dev", "eval"), set())):
        assert set(jobs.task_features(augmented, [1], splits)) - set(jobs.task_features(plain, [1], splits)) == more


def test_the_code_of_copies_is_not_that_of_plain_features():
    """An edited effect makes no features stale but those of recipes with it."""
    corpus, frontend = load_corpus("synthetic_buzz"), load_frontend("lfcc_stats")
    noise, codec = (
        jobs.augmented_code(frontend, corpus, recipe(effects=[{"type": kind}])) for kind in ("noise", "codec")
    )
    assert len({noise, codec, jobs.features_code(frontend)}) == 3
    assert code_hash("rawm.features.extract:extract") != code_hash("rawm.augmentation.extract:extract_augmented")
