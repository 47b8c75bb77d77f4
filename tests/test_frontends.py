import numpy as np
import pytest
import scipy.fft
import scipy.signal
import torch

from rawm.config.models import LFCC
from rawm.frontends import FRONTENDS, build

SETTINGS = {
    "lfcc": [
        {},
        {"pooling": "mean_std"},
        {"deltas": 0, "n_coefficients": 13},
        {"n_filters": 70, "n_coefficients": 19, "window_ms": 30, "hop_ms": 15, "n_fft": 1024, "f_max": 4000},
        {"sample_rate": 8000, "f_min": 300, "f_max": 3400, "n_fft": 256},
    ],
}
CASES = [(kind, given) for kind in FRONTENDS for given in SETTINGS[kind]]


def settings(kind, given):
    return {"lfcc": LFCC}[kind](type=kind, **given)


def noise(n, seed=0):
    return np.random.default_rng(seed).normal(0, 0.1, n).astype(np.float32)


@pytest.mark.parametrize(("kind", "given"), CASES)
def test_every_frontend_keeps_its_promises(kind, given):
    frontend = build(settings(kind, given))
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
    window, hop = round(s.window_ms * s.sample_rate / 1000), round(s.hop_ms * s.sample_rate / 1000)
    f = np.arange(s.n_fft // 2 + 1) * s.sample_rate / s.n_fft
    edges = np.linspace(s.f_min, s.f_max or s.sample_rate / 2, s.n_filters + 2)
    cepstra = []
    for start in range(0, len(x) - window + 1, hop):
        frame = x[start : start + window].astype(np.float64) * scipy.signal.windows.hamming(window)
        power = np.abs(scipy.fft.fft(frame, s.n_fft)[: len(f)]) ** 2
        energies = [power @ np.interp(f, edges[k : k + 3], [0, 1, 0]) for k in range(s.n_filters)]
        cepstra.append(scipy.fft.dct(np.log10(np.array(energies) + np.finfo(float).eps), norm="ortho"))
    orders = [np.array(cepstra)[:, : s.n_coefficients]]
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
