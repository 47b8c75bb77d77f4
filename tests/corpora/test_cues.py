"""Cues of a recording, and their error rates."""

import numpy as np
import pandas as pd
import pytest

from rawm.corpora import cues
from rawm.corpora.card import bandwidth

RATE = 16000


def measured(speech, n_bytes=1000, high_hz=4000):
    return cues.of_recording(np.asarray(speech, np.float32), n_bytes, high_hz)


def tone(hertz, seconds=1.0, rate=RATE):
    return 0.5 * np.sin(2 * np.pi * hertz * np.arange(int(rate * seconds)) / rate)


def test_silence_offset_and_size_are_measured():
    values = measured(np.concatenate([np.zeros(3200), tone(200), np.zeros(1600)]) + 0.001, n_bytes=2600)
    assert values["duration"] == pytest.approx(1.3)
    assert values["lead"] == pytest.approx(0.2, abs=0.02) and values["trail"] == pytest.approx(0.1, abs=0.03)
    assert values["offset"] == pytest.approx(0.001, abs=1e-4)
    assert values["peak"] == pytest.approx(0.501, abs=1e-3)
    assert values["file size"] == pytest.approx(1.0)


def test_energy_above_an_edge_and_bandwidth_follow_the_frequency():
    low, high = measured(tone(1000))["high band"], measured(tone(6000))["high band"]
    assert low < -40 and high == pytest.approx(0, abs=0.1)
    noise = np.random.default_rng(0).normal(size=RATE)
    spectrum = np.fft.rfft(noise)
    spectrum[3400:] *= 1e-6
    assert bandwidth(np.fft.irfft(spectrum), RATE) == pytest.approx(3400, abs=200)
    assert bandwidth(noise, RATE) == pytest.approx(8000, abs=50)


def test_pitch_is_in_semitones_above_100_hz():
    pulses = np.zeros(RATE)
    pulses[::80] = 0.5  # 200 Hz
    assert measured(pulses)["pitch"] == pytest.approx(12, abs=0.5)
    assert np.isnan(measured(np.zeros(RATE))["pitch"])


@pytest.mark.parametrize("n", [1, 100, 400])
def test_very_short_and_silent_recordings_are_measured(n):
    for speech in (np.zeros(n), np.full(n, 0.1)):
        values = measured(speech)
        assert all(np.isfinite(value) for name, value in values.items() if name not in cues.PITCH)
        assert bandwidth(speech, RATE) >= 0


def table(values, groups=None):
    labels = ["genuine", "fake"] * (len(values) // 2)
    groups = [str(row) for row in range(len(values))] if groups is None else groups
    return pd.DataFrame({"cue": values, "label": labels, "group": groups})


def test_a_cue_that_tells_has_a_low_error_and_noise_is_at_chance():
    rng = np.random.default_rng(0)
    noise = rng.normal(size=400)
    shifted = noise + 4 * (np.arange(400) % 2)
    assert cues.cross_validated_error(table(noise), ["cue"]) == pytest.approx(50, abs=9)
    assert cues.cross_validated_error(table(shifted), ["cue"]) < 8
    assert cues.cross_validated_error(table(-shifted), ["cue"]) < 8
    assert cues.cross_validated_error(table(np.ones(400)), ["cue"]) == 50


def test_no_group_is_on_both_sides_of_a_fold():
    """A cue that names the group and the class of the group tells nothing of other groups."""
    rng = np.random.default_rng(0)
    names = np.repeat(rng.permutation(40), 10).astype(float)
    labels = np.repeat(["genuine", "fake"] * 20, 10)
    frame = pd.DataFrame({"cue": names, "label": labels, "group": names.astype(str)})
    assert cues.cross_validated_error(frame, ["cue"]) > 30
    assert cues.error(frame, frame, ["cue"]) < 20
