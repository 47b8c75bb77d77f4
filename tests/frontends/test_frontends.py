import warnings

import numpy as np
import pytest
import scipy.fft
import scipy.signal
import torch
import torchaudio

from rawm.config import frontends as models
from rawm.frontends import FRONTENDS, build
from rawm.frontends.frontend import NeuralFrontEnd
from rawm.study import labels, load_frontend

SETTINGS = {
    "lfcc": [
        {},
        {"pooling": "mean_std"},
        {"deltas": 0, "n_coefficients": 13},
        {"n_filters": 70, "n_coefficients": 19, "window_ms": 30, "hop_ms": 15, "n_fft": 1024, "f_max": 4000},
        {"sample_rate": 8000, "f_min": 300, "f_max": 3400, "n_fft": 256},
        {"preemphasis": 0.97, "energy": True, "n_fft": 1024, "f_max": 4000, "mean_normalisation": True},
    ],
    "mfcc": [{}, {"n_filters": 40, "n_coefficients": 13, "deltas": 1, "window": "hann", "mean_normalisation": True}],
    "logmel": [{}, {"n_filters": 40, "f_min": 60, "f_max": 7600, "window_ms": 25, "pooling": "mean_std"}],
    "spectrogram": [{}, {"f_min": 100, "f_max": 4000, "deltas": 2, "window": "blackman"}],
}
MODELS = {"lfcc": models.LFCC, "mfcc": models.MFCC, "logmel": models.LogMel, "spectrogram": models.Spectrogram}
CASES = [(kind, given) for kind in MODELS for given in SETTINGS[kind]]


def settings(kind, given):
    return MODELS[kind](type=kind, **given)


def noise(n, seed=0):
    return np.random.default_rng(seed).normal(0, 0.1, n).astype(np.float32)


@pytest.mark.parametrize(("kind", "given"), CASES)
def test_every_front_end_that_computes_spectra_keeps_its_promises(kind, given):
    frontend = build(settings(kind, given))
    assert not isinstance(frontend, NeuralFrontEnd)
    for n in (frontend.min_samples, frontend.sample_rate):
        features = frontend(torch.from_numpy(noise(n)))
        assert features.dtype == torch.float32 and torch.isfinite(features).all()
        assert features.shape == (frontend.dim,) if frontend.pooled else features.shape[1] == frontend.dim
    assert torch.isfinite(frontend(torch.zeros(frontend.sample_rate))).all()
    assert torch.equal(frontend(torch.from_numpy(noise(8000))), frontend(torch.from_numpy(noise(8000))))
    with pytest.raises(ValueError, match=str(frontend.min_samples)):
        frontend(torch.zeros(frontend.min_samples - 1))


def lfcc_by_definition(x, s):
    """The baseline's formula by scipy, in float64, one frame after another."""
    x = np.append(x[0], x[1:].astype(np.float64) - s.preemphasis * x[:-1])
    window, hop = round(s.window_ms * s.sample_rate / 1000), round(s.hop_ms * s.sample_rate / 1000)
    f = np.arange(s.n_fft // 2 + 1) * s.sample_rate / s.n_fft
    edges = np.linspace(s.f_min, s.f_max or s.sample_rate / 2, s.n_filters + 2)
    cepstra, loudness = [], []
    for start in range(0, len(x) - window + 1, hop):
        frame = x[start : start + window].astype(np.float64) * scipy.signal.windows.hamming(window)
        power = np.abs(scipy.fft.fft(frame, s.n_fft)[: len(f)]) ** 2
        loudness.append(np.log10(power[(f >= s.f_min) & (f <= (s.f_max or np.inf))].sum() / s.n_fft))
        energies = [power @ np.interp(f, edges[k : k + 3], [0, 1, 0]) for k in range(s.n_filters)]
        cepstra.append(scipy.fft.dct(np.log10(np.array(energies) + np.finfo(float).eps), norm="ortho"))
    orders = [np.array(cepstra)[:, : s.n_coefficients]]
    if s.energy:
        orders[0][:, 0] = loudness
    if s.mean_normalisation:
        orders[0] -= orders[0].mean(0)
    for _ in range(s.deltas):
        previous, last = orders[-1], len(cepstra) - 1
        orders.append(
            np.array([(previous[min(t + 1, last)] - previous[max(t - 1, 0)]) / 2 for t in range(len(previous))])
        )
    return np.concatenate(orders, axis=1)


@pytest.mark.parametrize("given", [given for given in SETTINGS["lfcc"] if "pooling" not in given])
def test_lfcc_is_the_baselines_definition(given):
    chosen = settings("lfcc", given)
    x = noise(9000) * np.hanning(9000).astype(np.float32)
    expected = lfcc_by_definition(x, chosen)
    actual = build(chosen)(torch.from_numpy(x)).numpy()
    assert actual.shape == expected.shape
    np.testing.assert_allclose(actual, expected, atol=2e-4)


def test_lfcc_frames_start_at_the_first_sample_and_leave_out_the_incomplete_one():
    frontend = build(settings("lfcc", {}))
    assert frontend(torch.zeros(320)).shape == (1, 60)
    assert frontend(torch.zeros(479)).shape == (1, 60)
    assert frontend(torch.zeros(480)).shape == (2, 60)


def test_pooled_lfcc_is_mean_and_population_std_of_the_frames():
    x = torch.from_numpy(noise(16000))
    frames = build(settings("lfcc", {}))(x).numpy()
    pooled = build(settings("lfcc", {"pooling": "mean_std"}))(x).numpy()
    np.testing.assert_allclose(pooled, np.concatenate([frames.mean(0), frames.std(0)]), rtol=1e-5, atol=1e-5)


def test_a_louder_copy_changes_only_the_zeroth_coefficient():
    frontend = build(settings("lfcc", {}))
    difference = frontend(torch.from_numpy(10 * noise(8000))) - frontend(torch.from_numpy(noise(8000)))
    np.testing.assert_allclose(difference[:, 0], 2 * np.sqrt(20), rtol=1e-4)
    assert difference[:, 1:].abs().max() < 1e-4


def torchaudio_power(x, s):
    """Power spectra by torchaudio, whose windows start at the first sample where they are as long as the FFT."""
    make = {"hamming": torch.hamming_window, "hann": torch.hann_window, "blackman": torch.blackman_window}[s.window]
    transform = torchaudio.transforms.Spectrogram(
        s.n_fft, hop_length=160, window_fn=make, wkwargs={"periodic": False}, center=False
    )
    return transform(x)


@pytest.mark.parametrize("window", ["hamming", "hann", "blackman"])
def test_mel_spectra_and_their_cepstra_are_torchaudios(window):
    shape = {"window": window, "window_ms": 32, "n_fft": 512}
    x = torch.from_numpy(noise(9000))
    logmel, mfcc = settings("logmel", {**shape, "n_filters": 40}), settings("mfcc", {**shape, "deltas": 0})
    scale = torchaudio.transforms.MelScale(n_mels=40, sample_rate=16000, n_stft=257)
    expected = torch.log(scale(torchaudio_power(x, logmel))).T
    torch.testing.assert_close(build(logmel)(x), expected, atol=1e-4, rtol=1e-4)
    scale = torchaudio.transforms.MelScale(n_mels=20, sample_rate=16000, n_stft=257)
    energies = torch.log10(scale(torchaudio_power(x, mfcc))).T.double().numpy()
    expected = scipy.fft.dct(energies, norm="ortho")
    np.testing.assert_allclose(build(mfcc)(x).numpy(), expected, atol=1e-4)


def test_spectrograms_are_scipys():
    s = settings("spectrogram", {"f_min": 100, "f_max": 4000, "window": "blackman"})
    x = noise(9000)
    window = scipy.signal.windows.blackman(320)
    frames = np.stack([x[start : start + 320] * window for start in range(0, len(x) - 319, 160)])
    expected = np.log(np.abs(scipy.fft.rfft(frames, 512)) ** 2)[:, 4:129]  # bins of 31.25 Hz
    np.testing.assert_allclose(build(s)(torch.from_numpy(x)).numpy(), expected, atol=5e-3)


def test_mean_normalisation_takes_a_constant_filter_away():
    x = noise(16000)
    louder = torch.from_numpy(5 * x), torch.from_numpy(x)
    for kind in MODELS:
        frontend = build(settings(kind, {"mean_normalisation": True, "deltas": 1}))
        first, second = map(frontend, louder)
        torch.testing.assert_close(first, second, atol=1e-3, rtol=1e-3)
        n = frontend.dim // 2
        assert first[:, :n].mean(0).abs().max() < 1e-4
        plain = build(settings(kind, {"deltas": 1}))
        assert (plain(louder[0]) - plain(louder[1]))[:, :n].abs().max() > 1
        torch.testing.assert_close(plain(louder[1])[:, n:], second[:, n:], atol=1e-3, rtol=1e-3)


def test_no_mel_filter_of_the_ready_made_files_is_empty():
    for label in ("mfcc", "logmel80"):
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            build(load_frontend(label))
        assert said == [], label


@pytest.mark.parametrize(
    ("label", "dim", "frames"),
    [
        ("lfcc", 60, 99),
        ("lfcc_asvspoof2021", 60, 99),
        ("lfcc_gmm_asvspoof2021", 57, 65),
        ("mfcc", 60, 99),
        ("logmel80", 80, 98),
        ("spectrogram", 863, 110),
    ],
)
def test_the_ready_made_files_give_frames_of_the_published_size(label, dim, frames):
    frontend = build(load_frontend(label))
    assert frontend(torch.from_numpy(noise(16000))).shape == (frames, dim) == (frames, frontend.dim)


def test_every_kind_of_front_end_has_a_ready_made_file():
    assert {load_frontend(label).type for label in labels("frontends")} == {*FRONTENDS, "stored"}
