import json
import struct

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from rawm import audio, manifest
from rawm.config.corpora import TableCorpus
from rawm.config.frontends import LFCC
from rawm.errors import UserError
from rawm.features.sources import make_features
from rawm.features.store import FeatureStore
from rawm.frontends import build

LENGTHS = [8000, 5000, 16000, 3210]
FRAMES, POOLED = LFCC(type="lfcc"), LFCC(type="lfcc", pooling="mean_std")


def make(folder, lengths=LENGTHS, bad_audio="stop"):
    """A corpus of noise in train, its settings and its manifest's path."""
    rng = np.random.default_rng(0)
    rows = []
    for number, n in enumerate(lengths):
        name = f"u{number}"
        audio.save_flac(folder / "corpus" / f"{name}.flac", rng.normal(0, 0.1, n), 16000)
        rows.append(
            dict.fromkeys(manifest.COLUMNS, "-") | {"utterance_id": name, "path": f"{name}.flac", "group": name}
        )
        rows[-1] |= {"label": "genuine", "split": "train", "corpus": "mine", "duration_s": n / 16000}
    manifest.write(rows, folder / "mine.parquet")
    root = str(folder / "corpus")
    return TableCorpus(loader="table", name="mine", table="t.csv", root=root, bad_audio=bad_audio)


def extract(folder, corpus, settings, split="train", name="out"):
    output = folder / f"{name}.safetensors"
    make_features(corpus, settings, split, folder / "mine.parquet", output)
    return output


def direct(folder, name, settings):
    samples = audio.load(folder / "corpus" / f"{name}.flac", 16000)
    return build(settings)(torch.from_numpy(samples))


def test_frames_come_back_within_half_precision(tmp_path):
    store = FeatureStore(extract(tmp_path, make(tmp_path), FRAMES))
    assert (len(store), store.ids, store.dim, store.pooled) == (4, ["u0", "u1", "u2", "u3"], 60, False)
    for row, name in enumerate(store.ids):
        frames = store.frames(row)
        assert frames.dtype == torch.float32 and frames.shape == (1 + (LENGTHS[row] - 320) // 160, 60)
        torch.testing.assert_close(frames, direct(tmp_path, name, FRAMES), rtol=1e-3, atol=1e-4)


def test_vectors_come_back_exactly_and_in_the_order_asked_for(tmp_path):
    store = FeatureStore(extract(tmp_path, make(tmp_path), POOLED))
    assert store.pooled and store.dim == 120
    rows = store.index(["u2", "u0"])
    assert rows.tolist() == [2, 0]
    vectors = store.vectors(rows)
    assert vectors.dtype == torch.float32
    assert torch.equal(vectors[0], direct(tmp_path, "u2", POOLED)) and torch.equal(
        vectors[1], direct(tmp_path, "u0", POOLED)
    )
    assert store.vectors([]).shape == (0, 120)


def test_absent_ids_and_files_give_one_sentence(tmp_path):
    store = FeatureStore(extract(tmp_path, make(tmp_path), POOLED))
    assert store.has("u1") and not store.has("u9")
    with pytest.raises(UserError, match=r"2 utterance\(s\) are not in it, first 'u9'"):
        store.index(["u9", "u1", "u8"])
    with pytest.raises(UserError, match=r"no such file; make it with `rawm extract`"):
        FeatureStore(tmp_path / "none.safetensors")
    (tmp_path / "bad.safetensors").write_bytes(b"x" * 100)
    with pytest.raises(UserError, match=r"not a readable feature file"):
        FeatureStore(tmp_path / "bad.safetensors")


@pytest.mark.parametrize("settings", [FRAMES, POOLED], ids=["frames", "vectors"])
def test_a_rerun_gives_the_same_bytes_and_the_file_is_plain_safetensors(tmp_path, settings):
    corpus = make(tmp_path)
    first, second = (extract(tmp_path, corpus, settings, name=name) for name in ("a", "b"))
    content = first.read_bytes()
    assert content == second.read_bytes()
    size = struct.unpack("<Q", content[:8])[0]
    header = json.loads(content[8 : 8 + size])
    assert size % 8 == 0 and header["__metadata__"]["manifest"] == json.dumps(
        manifest.digest(tmp_path / "mine.parquet")
    )
    assert LFCC(**json.loads(header["__metadata__"]["frontend"])) == settings
    assert sorted(path.name for path in tmp_path.iterdir()) == [first.name, second.name, "corpus", "mine.parquet"]


@pytest.mark.parametrize("settings", [FRAMES, POOLED], ids=["frames", "vectors"])
def test_a_split_without_utterances_gives_an_empty_store(tmp_path, settings):
    store = FeatureStore(extract(tmp_path, make(tmp_path), settings, split="dev"))
    assert len(store) == 0 and store.index([]).shape == (0,)


def spoil(folder):
    """Truncate u0; u1 is too short already."""
    content = (folder / "corpus" / "u0.flac").read_bytes()
    (folder / "corpus" / "u0.flac").write_bytes(content[: len(content) // 2])


def test_bad_audio_stops_with_every_file_and_reason(tmp_path):
    corpus = make(tmp_path, [8000, 100, 16000])
    spoil(tmp_path)
    with pytest.raises(UserError) as caught:
        extract(tmp_path, corpus, FRAMES)
    text = str(caught.value)
    assert "u0.flac: is truncated" in text
    assert "u1.flac: is too short: 6 ms; the front-end needs 20 ms" in text
    assert "corpus mine, train: these 2 files cannot be used" in text and "`bad_audio: skip`" in text
    assert "u2" not in text
    assert not list(tmp_path.glob("*.safetensors"))


def test_a_single_truncated_file_gives_one_sentence(tmp_path):
    corpus = make(tmp_path)
    spoil(tmp_path)
    with pytest.raises(UserError, match=r"u0\.flac: is truncated .*; restore the file \(`bad_audio: skip`[^\n]*$"):
        extract(tmp_path, corpus, POOLED)


@pytest.mark.parametrize("settings", [FRAMES, POOLED], ids=["frames", "vectors"])
def test_bad_audio_is_skipped_by_name_where_the_corpus_allows_it(tmp_path, capsys, settings):
    corpus = make(tmp_path, [8000, 100, 16000], bad_audio="skip")
    spoil(tmp_path)
    store = FeatureStore(extract(tmp_path, corpus, settings))
    assert store.ids == ["u2"] and store.skipped == ["u0", "u1"] and not store.has("u0")
    assert capsys.readouterr().err.count("skipped: ") == 2
    read = store.vectors([0])[0] if store.pooled else store.frames(0)
    torch.testing.assert_close(read, direct(tmp_path, "u2", settings), rtol=1e-3, atol=1e-4)


def test_only_the_first_seconds_are_used_where_the_corpus_says_so(tmp_path):
    corpus = make(tmp_path).model_copy(update={"max_seconds": 0.4})
    store = FeatureStore(extract(tmp_path, corpus, POOLED))
    whole = FeatureStore(extract(tmp_path, make(tmp_path), POOLED, name="whole"))
    for name, cut in (("u0", True), ("u2", True), ("u1", False), ("u3", False)):  # u1 and u3 are shorter than 0.4 s
        row = store.index([name])
        assert torch.equal(store.vectors(row), whole.vectors(row)) is not cut
    samples = torch.from_numpy(audio.load(tmp_path / "corpus" / "u2.flac", 16000)[:6400])
    assert torch.equal(store.vectors(store.index(["u2"]))[0], build(POOLED)(samples))


def lying(path, **changed):
    """A small file of frames, some of whose entries are others than they should be."""
    header = {"ids": json.dumps(["a", "b"]), "skipped": "[]"} | changed.pop("header", {})
    content = {"offsets": torch.tensor([0, 2, 5]), "frames": torch.ones(5, 3, dtype=torch.float16)} | changed
    save_file({name: tensor for name, tensor in content.items() if tensor is not None}, path, metadata=header)
    return path


#: What may be wrong with the parts of a feature file: offsets, ids and features that do not fit together.
LIES = {
    "offsets beyond the frames": {"offsets": torch.tensor([0, 2, 7])},
    "negative offsets": {"offsets": torch.tensor([0, -1, 5])},
    "offsets that fall": {"offsets": torch.tensor([0, 5, 2])},
    "an utterance without frames": {"offsets": torch.tensor([0, 5, 5])},
    "frames of nobody": {"offsets": torch.tensor([0, 2, 4])},
    "a first offset that is not 0": {"offsets": torch.tensor([1, 2, 5])},
    "offsets of another type": {"offsets": torch.tensor([0.0, 2.0, 5.0])},
    "lost ids": {"header": {"ids": '["a"]'}},
    "ids twice": {"header": {"ids": '["a", "a"]'}},
    "ids that are numbers": {"header": {"ids": "[1, 2]"}},
    "ids that are text": {"header": {"ids": '"ab"'}},
    "ids that are not JSON": {"header": {"ids": "[a, b"}},
    "nested ids": {"header": {"ids": "[" * 100_000}},
    "skipped that is a number": {"header": {"skipped": "3"}},
    "frames of integers": {"frames": torch.ones(5, 3, dtype=torch.int64)},
    "frames of one axis": {"frames": torch.ones(5, dtype=torch.float16)},
    "no frames": {"frames": None},
    "vectors for other ids": {"frames": None, "vectors": torch.ones(3, 4)},
}


@pytest.mark.parametrize("what", LIES)
def test_a_file_whose_parts_do_not_fit_together_is_refused(tmp_path, what):
    assert FeatureStore(lying(tmp_path / "x.safetensors")).lengths() == [2, 3]
    sentence = r"x\.safetensors: not a readable feature file \(.+\); delete it and make it again"
    with pytest.raises(UserError, match=sentence):
        FeatureStore(lying(tmp_path / "x.safetensors", **LIES[what]))
