import hashlib

import numpy as np
import pytest

from rawm import audio, manifest
from rawm.config.corpora import SyntheticCorpus
from rawm.corpora.made import synthetic

ATTACKS = ["buzz", "quantised", "smooth", "notch"]


def make(folder, **given):
    corpus = SyntheticCorpus(loader="synthetic", name="toy", root=str(folder), **{"utterances": 20, **given})
    return corpus, synthetic.make(corpus, folder, 1)


def digests(folder):
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.glob("*.flac")}


def test_rows_make_a_manifest_with_equal_classes_and_the_announced_splits(tmp_path):
    _, rows = make(tmp_path)
    assert manifest.problems(rows) == []
    for split, count in (("train", 12), ("dev", 3), ("eval", 5)):
        for label in ("genuine", "fake"):
            assert sum(row["split"] == split and row["label"] == label for row in rows) == count
    groups = {}
    for row in rows:
        groups.setdefault(row["group"], []).append(row)
    assert all(
        {row["label"] for row in pair} == {"genuine", "fake"} and pair[0]["duration_s"] == pair[1]["duration_s"]
        for pair in groups.values()
    )


def test_files_are_as_the_manifest_says(tmp_path):
    _, rows = make(tmp_path)
    assert {row["path"] for row in rows} == {path.name for path in tmp_path.iterdir()}
    for row in rows:
        samples = audio.load(tmp_path / row["path"], synthetic.RATE)
        assert len(samples) == row["duration_s"] * synthetic.RATE
        assert 0.02 < np.sqrt(np.mean(samples**2)) < 0.11 and np.abs(samples).max() < 1.0


def test_the_seed_fixes_every_byte(tmp_path):
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        make(tmp_path / name, seed=seed, utterances=8)
    a, b, c = (digests(tmp_path / name) for name in "abc")
    assert a == b and not set(a.values()) & set(c.values())


@pytest.mark.parametrize("attack", ATTACKS)
def test_a_fake_has_the_pitch_span_and_loudness_of_its_original_but_another_sound(attack):
    corpus = SyntheticCorpus(loader="synthetic", name="toy", attack=attack)
    plan = synthetic.plan(corpus, 0, np.random.default_rng(0))
    genuine, fake = synthetic.speak(plan, "-"), synthetic.speak(plan, attack)
    assert genuine.shape == fake.shape == plan.pitch.shape
    assert np.abs(genuine).max() == pytest.approx(1.0) and not np.allclose(genuine, fake)
    envelopes = [np.sqrt(np.convolve(x**2, np.ones(800), "valid")) for x in (genuine, fake)]
    assert np.corrcoef(envelopes)[0, 1] > 0.75


def test_each_attack_leaves_its_mark():
    plan = synthetic.plan(SyntheticCorpus(loader="synthetic", name="toy"), 0, np.random.default_rng(0))
    spectra = {attack: np.abs(np.fft.rfft(synthetic.speak(plan, attack))) for attack in ["-", *ATTACKS]}
    f = np.fft.rfftfreq(len(plan.pitch), 1 / synthetic.RATE)

    def energy(attack, low, high):
        return (spectra[attack][(f >= low) & (f < high)] ** 2).sum() / (spectra[attack] ** 2).sum()

    assert energy("notch", 2500, 3500) < 0.6 * energy("-", 2500, 3500)
    near_harmonic = np.abs((f / plan.pitch.mean() + 0.5) % 1 - 0.5) < 0.15
    shares = {name: (power[near_harmonic] ** 2).sum() / (power**2).sum() for name, power in spectra.items()}
    assert shares["buzz"] > 0.9 and shares["-"] < 0.6
    assert len(np.unique(synthetic.speak(plan, "quantised"))) <= 31 < len(np.unique(synthetic.speak(plan, "-")))


def test_the_channel_is_the_corpus_files_one():
    def high_share(**given):
        corpus = SyntheticCorpus(loader="synthetic", name="toy", **given)
        x = synthetic.channel(corpus, np.random.default_rng(0).standard_normal(16000), np.random.default_rng(1))
        power = np.abs(np.fft.rfft(x)) ** 2
        return power[4000:].sum() / power.sum()

    assert high_share(tilt=0.0) == pytest.approx(0.5, abs=0.02)
    assert high_share(tilt=2.0) < high_share(tilt=1.0) < 0.2


def test_frames_joined_again_are_the_signal_after_a_short_fade_in():
    x = np.random.default_rng(0).standard_normal(3001)
    window = synthetic._window()
    joined = synthetic._join(synthetic._cut(x) * window * window, len(x))
    np.testing.assert_allclose(joined[synthetic.HOP :], x[synthetic.HOP :], atol=1e-12)
