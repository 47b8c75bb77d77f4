"""Any sample rate: in a moment, in little memory, and for common rates with the samples of before."""

import subprocess
import sys
import tracemalloc

import numpy as np
import pytest
import soundfile
import torch
import torchaudio
from hypothesis import given, settings
from hypothesis import strategies as st
from support import sounds

from rawm import audio
from rawm.audio import resampling

RATE = 16000
COMMON = (8000, 11025, 12000, 22050, 24000, 32000, 37800, 44100, 48000, 88200, 96000, 176400, 192000, 352800)
ODD = (1, 2, 7, 997, 4001, 15952, 15984, 16001, 44056, 44099, 47999, 95999, 767999, 768000)


def speech_band(rate, seconds=0.8):
    """Tones up to 3 kHz, which all resamplers must keep, fading in and out."""
    t = np.arange(round(rate * seconds)) / rate
    tones = sum(np.sin(2 * np.pi * hz * t + hz) for hz in (120, 440, 1000, 2500, 3000))
    return (0.15 * tones * np.hanning(len(t))).astype(np.float32)


@pytest.mark.parametrize("rate", COMMON)
def test_samples_of_common_rates_are_bit_for_bit_those_of_torchaudio(rate):
    """Features of existing studies depend on them."""
    noise = np.random.default_rng(rate).uniform(-1, 1, rate // 3).astype(np.float32)
    resampler = torchaudio.transforms.Resample(
        rate,
        RATE,
        lowpass_filter_width=64,
        rolloff=0.9475937167399596,
        resampling_method="sinc_interp_kaiser",
        beta=14.769656459379492,
    )
    assert np.array_equal(audio.resample(noise, rate, RATE), resampler(torch.from_numpy(noise)).numpy())


@pytest.mark.parametrize("rate", [8000, 11025, 22050, 44100, 48000, 96000])
def test_both_resamplers_agree_where_both_can_do_it(rate):
    one, other = audio.resample(speech_band(rate), rate, RATE), resampling._by_soxr(speech_band(rate), rate, RATE)
    assert one.shape == other.shape
    np.testing.assert_allclose(one, other, atol=1e-3)


@pytest.mark.parametrize("rate", [4001, 8001, 16001, 22051, 44099, 95999, 767999])
def test_an_odd_rate_keeps_a_signal_and_removes_what_would_alias(rate):
    """Kind: the ratio has large terms. In the list: 16,001 and 44,099 Hz. Others: rates far below and above."""
    band = speech_band(RATE) if rate > 6500 else np.sin(2 * np.pi * 440 * np.arange(12800) / RATE) * np.hanning(12800)
    signal = speech_band(rate) if rate > 6500 else None
    if signal is None:
        t = np.arange(round(rate * 0.8)) / rate
        signal = (np.sin(2 * np.pi * 440 * t) * np.hanning(len(t))).astype(np.float32)
    computed = audio.resample(signal, rate, RATE)
    assert len(computed) == -(-len(signal) * RATE // rate)
    np.testing.assert_allclose(computed[100:12700], band[100:12700], atol=2e-3)  # the windows differ by a sample
    if rate > 2 * RATE:
        high = np.sin(2 * np.pi * 9000 * np.arange(rate) / rate).astype(np.float32)
        assert np.abs(audio.resample(high, rate, RATE)[500:-500]).max() < 1e-3


@settings(max_examples=60)
@given(
    rate=st.integers(1, 768_000),
    length=st.integers(1, 3000),
    block=st.integers(1, 4000),
    target=st.sampled_from([8000, RATE, 44100]),
)
def test_a_signal_in_blocks_gives_what_the_whole_gives(rate, length, block, target):
    length = min(length, 30 * rate)
    samples = np.random.default_rng(length).uniform(-1, 1, length).astype(np.float32)
    whole = audio.resample(samples, rate, target)
    stream = resampling.stream_resampler(rate, target, seconds=0.01)
    parts = [part for start in range(0, length, block) for part in stream.push(samples[start : start + block])]
    joined = np.concatenate([*parts, stream.rest()])
    assert len(whole) == len(joined) == -(-length * target // rate)
    np.testing.assert_allclose(joined, whole, atol=5e-6)


@pytest.mark.parametrize("rate", [16001, 44099, 95999])
def test_pieces_of_an_odd_rate_are_the_whole(tmp_path, rate):
    rng = np.random.default_rng(rate)
    soundfile.write(tmp_path / "a.wav", rng.uniform(-0.9, 0.9, (round(3.37 * rate), 2)), rate)
    pieces = list(audio.pieces(tmp_path / "a.wav", RATE, seconds=0.5))
    assert len(pieces) > 5 and max(map(len, pieces)) <= RATE
    assert np.array_equal(np.concatenate(pieces), audio.load(tmp_path / "a.wav", RATE))


MEASURE = """
import re, sys, time
import numpy as np
from pathlib import Path
from rawm import audio

def peak():  # ru_maxrss would be that of the parent
    return int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])

audio.resample(np.zeros(100, np.float32), 8000, 16000), audio.resample(np.zeros(100, np.float32), 16001, 16000)
for path in sys.argv[1:]:
    before, start = peak(), time.process_time()
    samples = audio.load(path, 16000)
    print(len(samples), time.process_time() - start, peak() - before)
"""


@pytest.mark.slow
def test_a_second_of_audio_of_any_rate_takes_less_than_a_second_and_100_mb(tmp_path):
    paths = [sounds.write(tmp_path / f"{rate}.wav", rate, 1.0) for rate in (*ODD, *COMMON)]
    done = subprocess.run([sys.executable, "-c", MEASURE, *map(str, paths)], capture_output=True, text=True, check=True)
    lines = [line.split() for line in done.stdout.splitlines()]
    assert len(lines) == len(paths)
    for path, (length, seconds, kilobytes) in zip(paths, lines, strict=True):
        assert int(length) == RATE and float(seconds) < 1 and int(kilobytes) < 100_000, path.name


def test_ten_hours_are_read_in_pieces_and_refused_as_a_whole(tmp_path):
    """At 500 Hz, so that they are quickly read: 18 million samples, which are 2.3 GB at 16 kHz."""
    with soundfile.SoundFile(tmp_path / "a.flac", "w", 500, 1) as file:
        for _ in range(60):
            file.write(np.zeros(500 * 600, np.int16))
    assert audio.duration(tmp_path / "a.flac") == 36000
    tracemalloc.start()
    assert sum(map(len, audio.pieces(tmp_path / "a.flac", 500))) == 36000 * 500
    with pytest.raises(audio.BadAudio, match=r"lasts longer than 4\.7 h, the most that is held in memory at 16000 Hz"):
        audio.load(tmp_path / "a.flac", RATE)
    assert tracemalloc.get_traced_memory()[1] < 80e6
    tracemalloc.stop()
    assert len(audio.load(tmp_path / "a.flac", RATE, max_seconds=60)) == 60 * RATE
