"""Which samples a task gives, and how they come in minibatches."""

import json
import random
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors import safe_open
from safetensors.torch import save_file

from rawm import manifest, paths
from rawm.config.detectors import MLP
from rawm.config.frontends import LFCC
from rawm.config.study import StreamFile, StudyFile, Subset
from rawm.errors import UserError
from rawm.features.extract import extract
from rawm.features.frames import Frames
from rawm.features.store import FeatureStore
from rawm.seeding import derive, pick
from rawm.study import Study as StudyConfig
from rawm.study import subsets
from rawm.tasks import loading as stream
from rawm.tasks.samples import Samples, concatenate


@given(st.lists(st.text(min_size=1), unique=True), st.integers(0, 50), st.integers(0, 9), st.randoms())
def test_the_subset_does_not_depend_on_the_order_and_grows(ids, count, seed, shuffler):
    shuffled = list(ids)
    shuffler.shuffle(shuffled)
    assert pick(ids, count, seed) == pick(shuffled, count, seed)
    assert pick(ids, count, seed) <= pick(ids, count + 1, seed)
    assert len(pick(ids, count, seed)) == min(count, len(ids))


def test_seeds_are_the_same_everywhere_and_differ_by_purpose():
    assert derive(0, "order", 3) == 1555077830293145243
    assert pick(list("abcdefgh"), 3, 0) == {"f", "g", "h"}
    assert len({derive(0, "order"), derive(0, "weights"), derive(1, "order"), derive(0, "order", 1)}) == 4


@pytest.fixture
def study(tmp_path, monkeypatch):
    """A one-task study over 40 short recordings, with features."""
    from rawm.config.corpora import SyntheticCorpus
    from rawm.corpora import make

    monkeypatch.chdir(tmp_path)
    corpus = SyntheticCorpus(name="tones", loader="synthetic", utterances=40, root=str(paths.corpus("tones")))
    make(corpus)
    frontend = LFCC(type="lfcc", pooling="mean_std")
    for split in paths.SPLITS:
        extract(corpus, frontend, split, paths.manifest("tones"), paths.features("lfcc", "tones", split))
    tasks = [{"name": "one", "corpora": ["tones"], "train": {"genuine": 3, "fake": 12}, "eval": {"genuine": 4}}]
    settings = StudyFile(title="t", stream="s", frontend="lfcc", detector="mlp", methods=["finetune"], seeds=[0])
    return StudyConfig(
        "short", settings, StreamFile(title="s", tasks=tasks), frontend, MLP(type="mlp"), {"tones": corpus}, {}
    )


def test_a_split_has_the_numbers_that_its_task_asks_for(study):
    train = stream.load_split(study, 1, "train", seed=0)
    assert torch.bincount(train.labels).tolist() == [12, 3]
    assert train.features.shape == (15, 120)
    assert train.ids == sorted(train.ids)


def test_the_seed_chooses_the_training_subset_and_nothing_else(study):
    def ids(split, seed):
        return stream.load_split(study, 1, split, seed).ids

    assert ids("train", 0) == ids("train", 0) != ids("train", 1)
    assert ids("eval", 0) == ids("eval", 1)


def test_the_order_of_the_manifest_does_not_matter(study):
    before = stream.load_split(study, 1, "train", seed=0)
    rows = manifest.read(paths.manifest("tones")).rows()
    random.Random(0).shuffle(rows)
    manifest.write(rows, paths.manifest("tones"))
    after = stream.load_split(study, 1, "train", seed=0)
    assert before.ids == after.ids
    assert torch.equal(before.features, after.features)


def test_asking_for_too_many_names_file_task_and_key(study):
    study.tasks[0].where["attack"] = ["-"]  # leaves no fake at all
    with pytest.raises(
        UserError, match=r"streams/s\.yaml: task one: train: asks for 12 fake utterances, but tones has 0"
    ):
        stream.load_split(study, 1, "train", seed=0)


def rewritten(path, keep=lambda row: True, **entries):
    """A feature file of vectors written again, with some of its rows and other entries in its header."""
    with safe_open(path, framework="pt") as file:
        header = {key: json.loads(value) for key, value in file.metadata().items()}
        vectors = file.get_tensor("vectors")
    header.pop("checksum", None)
    rows = [row for row in range(len(vectors)) if keep(row)]
    header |= {"ids": [header["ids"][row] for row in rows]} | entries
    save_file({"vectors": vectors[rows]}, path, metadata={key: json.dumps(value) for key, value in header.items()})


def test_features_that_lost_utterances_are_refused_but_not_those_without_skipped_ones(study):
    path = paths.features("lfcc", "tones", "train")
    names = stream.load_split(study, 1, "train", seed=0).ids
    lost = FeatureStore(path).index(names[:2])
    rewritten(path, lambda row: row not in lost)
    with pytest.raises(UserError, match=rf"2 utterance\(s\) are not in it, first '{names[0]}'; extract them again"):
        stream.load_split(study, 1, "train", seed=0)
    rewritten(path, skipped=names[:2])
    assert stream.load_split(study, 1, "train", seed=0).ids == names[2:]


def test_features_of_another_manifest_corpus_or_split_are_refused(study):
    train, rows = paths.features("lfcc", "tones", "train"), manifest.read(paths.manifest("tones")).rows()
    manifest.write([row | {"duration_s": 2.0} for row in rows], paths.manifest("tones"))
    message = (
        r"train\.safetensors: was made from another manifest than .*tones\.parquet; make it again with `rawm extract"
    )
    with pytest.raises(UserError, match=message):
        stream.load_split(study, 1, "train", seed=0)
    manifest.write(rows, paths.manifest("tones"))
    assert stream.load_split(study, 1, "train", seed=0)
    rewritten(train, manifest="")
    with pytest.raises(UserError, match=message):
        stream.load_split(study, 1, "train", seed=0)
    train.write_bytes(paths.features("lfcc", "tones", "eval").read_bytes())
    with pytest.raises(UserError, match=r"15 utterance\(s\) are not in it"):
        stream.load_split(study, 1, "train", seed=0)


def frame_samples():
    generator = torch.Generator().manual_seed(0)
    frames = [torch.randn(length, 3, generator=generator) for length in (2, 5, 3)]
    return Samples(["a", "b", "c"], torch.tensor([0, 1, 0]), Frames.pack(frames))


def test_frames_are_padded_and_their_lengths_given():
    samples = frame_samples()
    batch = samples.batch(torch.tensor([1, 0]))
    assert batch.features.shape == (2, 5, 3)
    assert batch.lengths.tolist() == [5, 2]
    assert torch.equal(batch.features[1, :2], samples.features[0])
    assert not batch.features[1, 2:].any()


def test_mean_and_std_are_over_all_frames():
    samples = frame_samples()
    mean, std = samples.mean_std()
    together = torch.cat(list(samples.features))
    torch.testing.assert_close(mean, together.mean(0))
    torch.testing.assert_close(std, together.std(0, correction=0))


def test_pooling_ignores_padding():
    from rawm.detectors.detector import pool_mean_std

    batch = frame_samples().batch(torch.tensor([0, 1, 2]))
    pooled = pool_mean_std(batch.features, batch.lengths)
    for row, frames in zip(pooled, frame_samples().features, strict=True):
        torch.testing.assert_close(row[:3], frames.mean(0))
        torch.testing.assert_close(row[3:], frames.std(0, correction=0), atol=1e-4, rtol=1e-4)


def test_concatenation_keeps_every_sample():
    one, two = frame_samples(), frame_samples()
    both = concatenate([one, two])
    assert len(both) == 6
    assert torch.equal(both.features[4], two.features[1])
    assert both.labels.tolist() == [0, 1, 0, 0, 1, 0]


def test_minibatches_cover_every_sample_once():
    samples = Samples([str(i) for i in range(10)], torch.arange(10), torch.arange(10.0)[:, None])
    batches = list(samples.batches(4, torch.Generator().manual_seed(1)))
    assert [len(batch.labels) for batch in batches] == [4, 4, 2]
    seen = torch.cat([batch.labels for batch in batches])
    assert seen.tolist() != list(range(10))
    assert sorted(seen.tolist()) == list(range(10))


def test_class_weights_are_inverse_frequencies():
    from rawm.config.study import Training
    from rawm.training.loop import class_weights

    detector = SimpleNamespace(output=torch.nn.Linear(1, 2))
    samples = Samples(list("abcd"), torch.tensor([0, 0, 0, 1]), torch.zeros(4, 1))
    weights = class_weights(samples, Training(class_weights="balanced"), detector)
    torch.testing.assert_close(weights, torch.tensor([4 / 6, 2.0]))
    assert class_weights(samples, Training(), detector) is None


HAVE = {"fake": 800, "genuine": 200}


@pytest.mark.parametrize(
    ("asked", "wanted"),
    [
        ({}, {"fake": 800, "genuine": 200}),
        ({"genuine": 50}, {"fake": 800, "genuine": 50}),
        ({"per_class": 30}, {"fake": 30, "genuine": 30}),
        ({"total": 100}, {"fake": 80, "genuine": 20}),
        ({"total": 3}, {"fake": 2, "genuine": 1}),
        ({"total": 2}, {"fake": 1, "genuine": 1}),  # a few-shot task has both classes
        ({"total": 1000, "fakes_per_genuine": 9}, {"fake": 900, "genuine": 100}),
        ({"fakes_per_genuine": 1}, {"fake": 200, "genuine": 200}),
        ({"fakes_per_genuine": 10}, {"fake": 800, "genuine": 80}),
    ],
)
def test_a_subset_may_be_given_by_counts_by_size_and_by_class_ratio(asked, wanted):
    assert subsets.counts(Subset(**asked), HAVE) == wanted


def test_ways_to_give_a_subset_exclude_each_other():
    with pytest.raises(ValueError, match="exclude each other"):
        Subset(genuine=1, total=10)


def test_a_small_share_of_many_classes_is_shared_out_and_adds_up():
    have = {"a": 50, "b": 30, "c": 20, "d": 0}
    for total in range(3, 101):
        counts = subsets.counts(Subset(total=total), have)
        assert sum(counts.values()) == total
        assert counts["d"] == 0 and min(counts["a"], counts["b"], counts["c"]) >= 1
        assert all(abs(counts[name] - total * have[name] / 100) < 1 or counts[name] == 1 for name in "abc")


def test_a_few_shot_task_keeps_its_utterances_as_it_grows(study):
    def train(total):
        subset = study.tasks[0].model_copy(update={"train": Subset(total=total)})
        small = study.stream.model_copy(update={"tasks": [subset]})
        return set(stream.load_split(replace(study, stream=small), 1, "train", seed=3).ids)

    assert len(train(4)) == 4
    assert train(4) < train(12) < train(20)


def test_classes_of_a_stream_may_come_from_its_corpora(study):
    open_classes = study.stream.model_copy(update={"classes": None})
    assert replace(study, stream=open_classes).classes == ("fake", "genuine")


def test_a_class_that_the_stream_does_not_have_is_named(study):
    other = study.stream.model_copy(update={"classes": ["genuine", "other"]})
    with pytest.raises(UserError, match=r"streams/s\.yaml: task one: corpus tones has the class 'fake'"):
        stream.load_split(replace(study, stream=other), 1, "dev", seed=0)
