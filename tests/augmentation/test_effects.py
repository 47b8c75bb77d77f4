"""What each effect does to a waveform, measured."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import signal
from support import augmented

from rawm.augmentation import EFFECTS
from rawm.augmentation.noise import SLOPES, added, coloured
from rawm.augmentation.rawboost import RawBoost
from rawm.augmentation.reverberation import room
from rawm.config import augmentation as config
from rawm.config.open_speech import Channel

RATE = 16000


#: Rooms that are simulated quickly.
SMALL = {"rt60_s": [0.1, 0.15], "rooms": 2}


def effect(kind, **values):
    quick = SMALL if kind == "reverberation" else {}
    return augmented.effect({"type": kind, **quick, **values}, RATE)


def snr_db(original, changed):
    return 10 * np.log10(np.sum(original**2) / np.sum((changed - original) ** 2))


def power_db(waveform, low, high):
    hertz, power = signal.welch(waveform, RATE, nperseg=512)
    return 10 * np.log10(power[(hertz >= low) & (hertz < high)].mean())


# Properties of every effect


@pytest.mark.parametrize("kind", sorted(set(EFFECTS) - {"babble"}))
@pytest.mark.parametrize("n", [400, 16000])
def test_an_effect_keeps_length_and_gives_finite_samples(kind, n):
    change = effect(kind)
    for waveform in (augmented.speech(n), np.zeros(n), np.full(n, 0.5)):
        changed = change(waveform, np.random.default_rng(0), 0)
        assert changed.shape == (n,) and np.isfinite(changed).all()


@pytest.mark.parametrize("kind", sorted(set(EFFECTS) - {"babble"}))
def test_an_effect_changes_the_waveform_and_follows_its_generator(kind):
    waveform = augmented.speech(8000)
    before = waveform.copy()
    one, same, other = (effect(kind)(waveform, np.random.default_rng(seed), 0) for seed in (1, 1, 2))
    assert np.array_equal(one, same) and not np.array_equal(one, other)
    assert np.array_equal(waveform, before) and not np.allclose(one, waveform, atol=1e-4)


@pytest.mark.parametrize("kind", ["noise", "codec", "reverberation", "rawboost"])
def test_the_result_stays_in_time_with_the_original(kind):
    """Cross-correlation has its peak at most 1 ms away from 0."""
    waveform = augmented.speech(RATE)
    for seed in range(5):
        changed = effect(kind)(waveform, np.random.default_rng(seed), 0)
        lags = signal.correlation_lags(RATE, RATE)
        lag = lags[signal.correlate(changed, waveform).argmax()]
        assert abs(lag) <= 16, seed


# Additive noise


@given(st.floats(-10, 50), st.integers(0, 99))
@settings(max_examples=30)
def test_noise_has_the_ratio_asked_for(ratio, seed):
    waveform, rng = augmented.speech(4000), np.random.default_rng(seed)
    assert snr_db(waveform, added(waveform, rng.normal(size=4000), ratio)) == pytest.approx(ratio, abs=1e-6)
    changed = effect("noise", snr_db=[ratio, ratio])(waveform, rng, 0)
    assert snr_db(waveform, changed) == pytest.approx(ratio, abs=1e-6)


@pytest.mark.parametrize("colour, slope", [("white", 0), ("pink", -3), ("brown", -6), ("blue", 3), ("violet", 6)])
def test_coloured_noise_has_its_slope(colour, slope):
    """dB an octave between 250 and 8000 Hz."""
    noise = coloured(2**17, RATE, colour, np.random.default_rng(0))
    octaves = [power_db(noise, low, 2 * low) for low in (250, 500, 1000, 2000, 4000)]
    assert np.polyfit(range(5), octaves, 1)[0] == pytest.approx(slope, abs=0.5)
    assert set(SLOPES) == {"white", "pink", "brown", "blue", "violet"}


# RawBoost


def test_convolutive_noise_is_linear_filtering_without_higher_orders():
    """One order: twice the signal gives twice the result, whose largest gain over frequency is that of `gain_db`."""
    linear = effect("rawboost", parts=["convolutive"], orders=1)
    impulse = np.zeros(4096)
    impulse[2048] = 0.5
    one = linear(impulse, np.random.default_rng(3), 0)
    half = linear(impulse / 2, np.random.default_rng(3), 0)
    assert np.allclose(one, 2 * half, atol=1e-12)
    gains = 2 * np.abs(np.fft.rfft(one))[1:]
    assert gains.max() == pytest.approx(1, abs=0.02) and gains.min() < 0.5  # notches


def test_higher_orders_distort_but_less_than_the_first():
    hertz = 500
    tone = 0.9 * np.sin(2 * np.pi * hertz * np.arange(RATE) / RATE)
    linear, distorted = (
        effect("rawboost", parts=["convolutive"], orders=orders)(tone, np.random.default_rng(0), 0) for orders in (1, 5)
    )
    spectra = [np.abs(np.fft.rfft(one[1600:-1600])) for one in (linear, distorted)]  # without the filters' transients
    line = hertz * 12800 // RATE
    harmonics = [spectrum[[2 * line, 3 * line]].max() for spectrum in spectra]
    assert 100 * harmonics[0] < harmonics[1] < spectra[0][line]


def test_impulsive_noise_changes_few_samples_by_their_own_size():
    waveform = augmented.speech(RATE, peak=0.3)
    shares = []
    for seed in range(50):
        change = effect("rawboost", parts=["impulsive"], impulses_percent=10, impulse_gain=2)
        difference = change(waveform, np.random.default_rng(seed), 0) - waveform
        changed = difference != 0
        assert (np.abs(difference) <= 2 * np.abs(waveform) + 1e-12).all()
        shares.append(changed.mean())
    assert max(shares) <= 0.1 and np.mean(shares) == pytest.approx(0.05, abs=0.01)


def test_stationary_noise_has_the_ratio_asked_for_and_does_not_follow_the_signal():
    silent_half = augmented.speech(RATE) * (np.arange(RATE) < RATE // 2)
    changed = effect("rawboost", parts=["stationary"], snr_db=[20, 20])(silent_half, np.random.default_rng(0), 0)
    noise = changed - silent_half
    assert snr_db(silent_half, changed) == pytest.approx(20, abs=1e-6)
    assert np.std(noise[: RATE // 2]) == pytest.approx(np.std(noise[RATE // 2 :]), rel=0.1)


def test_parts_in_parallel_are_their_sum_and_in_series_follow_one_another():
    waveform = augmented.speech(8000, peak=0.2)
    settings = {"parts": ["convolutive", "impulsive"]}
    rng = np.random.default_rng(0)
    boost = RawBoost(config.RawBoost(type="rawboost"), augmented.scene(RATE))
    first = boost.convolutive(waveform, rng)
    state = rng.bit_generator.state
    parallel = effect("rawboost", combine="parallel", **settings)(waveform, np.random.default_rng(0), 0)
    assert np.allclose(parallel, first + boost.impulsive(waveform, rng))
    rng.bit_generator.state = state
    series = effect("rawboost", combine="series", **settings)(waveform, np.random.default_rng(0), 0)
    assert np.allclose(series, boost.impulsive(first, rng))


# Codecs and rooms


@pytest.mark.parametrize("codec, edge", [("mulaw", 4000), ("amr", 4000), ("g722", 7200), ("opus", 7200), ("mp3", 7200)])
def test_a_codec_leaves_its_band(codec, edge):
    noise = 0.1 * np.random.default_rng(0).normal(size=2 * RATE)
    changed = effect("codec", channels=[Channel(codec=codec)])(noise, np.random.default_rng(0), 0)
    inside, outside = power_db(changed, 300, 3000), power_db(changed, edge + 300, 8000)
    assert inside == pytest.approx(power_db(noise, 300, 3000), abs=3)
    assert outside < inside - 10


def test_at_another_rate_a_codec_keeps_the_length():
    noise = 0.1 * np.random.default_rng(0).normal(size=22051)
    change = augmented.effect({"type": "codec", "channels": [{"codec": "mulaw"}]}, 22050)
    assert change(noise, np.random.default_rng(0), 0).shape == noise.shape


@pytest.mark.parametrize("seconds", [0.2, 0.3])
def test_a_room_reverberates_about_as_long_as_asked(seconds):
    """Schroeder's backward integration, extrapolated from -5 to -25 dB; the mean of some rooms."""
    settings = config.Reverberation(type="reverberation", rt60_s=(seconds, seconds), size_m=(3, 5))
    measured = []
    for seed in range(4):
        response = room(settings.model_dump_json(), seed, RATE)
        decay = 10 * np.log10(np.cumsum(response[::-1] ** 2)[::-1] / np.sum(response**2))
        measured.append(3 * (np.argmax(decay < -25) - np.argmax(decay < -5)) / RATE)
    assert np.mean(measured) == pytest.approx(seconds, rel=0.25)


def test_reverberation_keeps_the_level_and_fills_silence():
    burst = augmented.speech(RATE) * (np.arange(RATE) < 4000)
    heard = effect("reverberation", rt60_s=[0.2, 0.2], rooms=1)(burst, np.random.default_rng(0), 0)
    assert np.sum(heard**2) == pytest.approx(np.sum(burst**2))
    assert np.sum(heard[4000:8000] ** 2) > 1e-5 * np.sum(burst**2)
