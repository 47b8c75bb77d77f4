"""Extraction: shards, threads, batches, unusable audio, memory; what is stored is tested in test_store.py."""

import subprocess
import sys

import numpy as np
import pytest
import torch
from support import encoders

from rawm import audio, manifest
from rawm.config.corpora import TableCorpus
from rawm.config.frontends import LFCC, SSL
from rawm.errors import UserError
from rawm.features import windows
from rawm.features.sources import make_features
from rawm.features.store import FeatureStore, join
from rawm.frontends import build

FRAMES, POOLED = LFCC(type="lfcc"), LFCC(type="lfcc", pooling="mean_std")


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """A small encoder of the base family, whose group norm sees padding."""
    return encoders.save_torchaudio(encoders.encoder("base"), "base", tmp_path_factory.mktemp("small"))


def ssl(path, **given):
    return SSL(type="ssl", model="custom", weights=str(path), **given)


@pytest.fixture
def corpus(tmp_path):
    """24 utterances of 0.1 to 1.6 s in train; u7 is empty and skipped."""
    rng = np.random.default_rng(0)
    lengths = rng.integers(1600, 26000, 24)
    for number, n in enumerate(lengths):
        audio.save_flac(tmp_path / "audio" / f"u{number}.flac", rng.normal(0, 0.1, n), 16000)
    (tmp_path / "audio" / "u7.flac").write_bytes(b"")
    write_manifest(tmp_path, [(f"u{number}", f"u{number}.flac", n / 16000) for number, n in enumerate(lengths)])
    root = str(tmp_path / "audio")
    return TableCorpus(loader="table", name="mine", table="t.csv", root=root, bad_audio="skip")


def write_manifest(folder, utterances):
    rows = [
        dict.fromkeys(manifest.COLUMNS, "-")
        | {"utterance_id": name, "path": path, "group": name, "label": "fake", "split": "train", "duration_s": seconds}
        for name, path, seconds in utterances
    ]
    manifest.write(rows, folder / "mine.parquet")


def extract(folder, corpus, settings, name="all", **given):
    output = folder / f"{name}.safetensors"
    make_features(corpus, settings, "train", folder / "mine.parquet", output, **given)
    return output


@pytest.fixture
def short_windows(monkeypatch):
    """Windows of at most 4 s or two batches, so that a small corpus has many."""
    monkeypatch.setattr(windows, "SECONDS", 4.0)
    monkeypatch.setattr(windows, "BATCHES", 2)


@pytest.mark.parametrize("kind", ["frames", "vectors", "states"])
def test_joined_shards_are_byte_for_byte_one_extraction(tmp_path, corpus, small, short_windows, kind):
    settings = {"frames": FRAMES, "vectors": POOLED, "states": ssl(small, batch_seconds=2.0)}[kind]
    whole = extract(tmp_path, corpus, settings).read_bytes()
    for of in (3, 20):
        shards = [extract(tmp_path, corpus, settings, f"{i}of{of}", shard=(i, of)) for i in range(1, of + 1)]
        assert max(len(FeatureStore(shard)) for shard in shards) < 12
        join(shards, tmp_path / "joined.safetensors")
        assert (tmp_path / "joined.safetensors").read_bytes() == whole


@pytest.mark.parametrize("kind", ["frames", "states"])
def test_more_threads_give_the_same_bytes(tmp_path, corpus, small, short_windows, kind):
    settings = FRAMES if kind == "frames" else ssl(small, batch_seconds=2.0)
    one, four = (extract(tmp_path, corpus, settings, f"by{threads}", threads=threads) for threads in (1, 4))
    assert one.read_bytes() == four.read_bytes()


def test_shards_of_other_settings_are_not_joined(tmp_path, corpus):
    first = extract(tmp_path, corpus, FRAMES, "first", shard=(1, 2))
    second = extract(tmp_path, corpus, LFCC(type="lfcc", deltas=1), "second", shard=(2, 2))
    with pytest.raises(UserError, match=r"second\.safetensors: is not of the same extraction as .*first"):
        join([first, second], tmp_path / "joined.safetensors")
    with pytest.raises(UserError, match=r"third\.safetensors: no such file"):
        join([first, tmp_path / "third.safetensors"], tmp_path / "joined.safetensors")
    assert not (tmp_path / "joined.safetensors").exists()


@pytest.mark.parametrize("batch_seconds", [0.01, 3.0, 1000.0])
def test_batching_does_not_change_the_features(tmp_path, corpus, small, batch_seconds):
    settings = ssl(small, batch_seconds=batch_seconds)
    store, frontend = FeatureStore(extract(tmp_path, corpus, settings)), build(settings)
    assert len(store) == 23 and store.skipped == ["u7"]
    for row, name in enumerate(store.ids):
        alone = frontend(torch.from_numpy(audio.load(tmp_path / "audio" / f"{name}.flac", 16000)))
        assert (store.frames(row) - alone).abs().max() < 1e-3 * alone.abs().max()


def test_pooled_states_are_stored_as_vectors(tmp_path, corpus, small):
    settings = ssl(small, pooling="mean_std", max_seconds=0.5)
    store, frontend = FeatureStore(extract(tmp_path, corpus, settings)), build(settings)
    assert store.pooled and store.dim == 2 * encoders.DIM
    samples = torch.from_numpy(audio.load(tmp_path / "audio" / "u3.flac", 16000)[:8000])
    torch.testing.assert_close(store.vectors(store.index(["u3"]))[0], frontend(samples), atol=1e-4, rtol=1e-3)


def test_bad_audio_among_good_is_named_and_stops_where_the_corpus_says_so(tmp_path, corpus, small):
    stopping = corpus.model_copy(update={"bad_audio": "stop"})
    for settings in (FRAMES, ssl(small)):
        with pytest.raises(UserError, match=r"^[^\n]*u7\.flac: is empty; restore the file[^\n]*$"):
            extract(tmp_path, stopping, settings)
    assert not list(tmp_path.glob("*.safetensors"))


def test_states_that_are_not_finite_are_named(tmp_path, corpus, capsys):
    model = encoders.encoder("base")
    with torch.no_grad():
        model.encoder.transformer.layers[-1].final_layer_norm.weight.mul_(1e6)  # beyond half precision
    store = FeatureStore(extract(tmp_path, corpus, ssl(encoders.save_torchaudio(model, "base", tmp_path))))
    assert len(store) == 0 and len(store.skipped) == 24
    assert "u3.flac: gives features that are not finite in float16" in capsys.readouterr().err


def test_the_last_line_says_how_much_audio_an_hour(tmp_path, corpus, capsys):
    extract(tmp_path, corpus, POOLED, shard=(1, 1))
    line = [line for line in capsys.readouterr().err.splitlines() if line.startswith("features of")][-1]
    seconds = sum(manifest.read(tmp_path / "mine.parquet").duration_s.tolist())
    assert "features of mine train: 24/24, " in line and line.endswith(" h an hour")
    assert float(line.split(" s, ")[1].split(" h of audio")[0]) == pytest.approx(seconds / 3600, abs=0.01)


def peak_mib(folder, utterances):
    """Peak memory of a process that extracts an utterance of 20 s so many times."""
    write_manifest(folder, [(f"u{number}", "long.flac", 20.0) for number in range(utterances)])
    code = f"""
import resource
from rawm.config.corpora import TableCorpus
from rawm.config.frontends import Spectrogram
from rawm.features import windows
from rawm.features.sources import make_features
windows.SECONDS = 60.0
corpus = TableCorpus(loader="table", name="mine", table="t.csv", root={str(folder)!r})
settings = Spectrogram(type="spectrogram", n_fft=1024, hop_ms=5)
make_features(corpus, settings, "train", {str(folder / "mine.parquet")!r}, {str(folder / "out.safetensors")!r})
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return float(done.stdout)


@pytest.mark.slow
def test_memory_does_not_grow_with_the_corpus(tmp_path):
    audio.save_flac(tmp_path / "long.flac", np.random.default_rng(0).normal(0, 0.1, 320000), 16000)
    few, many = peak_mib(tmp_path, 6), peak_mib(tmp_path, 36)
    assert (tmp_path / "out.safetensors").stat().st_size > 140 * 2**20
    assert many - few < 40
