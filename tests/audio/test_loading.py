import subprocess
import sys

import av
import numpy as np
import pytest
import soundfile

from rawm import audio

RATE = 16000
FORMATS = {"aac": "mp4", "mulaw": "mulaw"}


def tone(seconds=1.0, rate=RATE, hz=440.0):
    return (0.5 * np.sin(2 * np.pi * hz * np.arange(round(seconds * rate)) / rate)).astype(np.float32)


def encode(path, codec, rate, samples, format=None):
    """Write 16 bit samples by FFmpeg."""
    with av.open(str(path), "w", format=format) as container:
        stream = container.add_stream(codec, rate=rate, layout="mono")
        frame = av.AudioFrame.from_ndarray((samples * 32767).astype(np.int16)[None], format="s16", layout="mono")
        frame.sample_rate = rate
        resampler = av.AudioResampler(stream.codec_context.format, "mono", rate)
        for piece in [*resampler.resample(frame), None]:
            container.mux(stream.encode(piece))


def test_importing_audio_loads_nothing_heavy():
    code = (
        "import rawm.audio, rawm.manifest, sys; print(sorted({'torch', 'av', 'pandas', 'pyarrow'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "[]"


def test_flac_round_trip_is_exact_to_half_a_step(tmp_path):
    samples = tone()
    audio.save_flac(tmp_path / "a.flac", samples, RATE)
    loaded = audio.load(tmp_path / "a.flac", RATE)
    assert loaded.dtype == np.float32 and loaded.shape == samples.shape
    assert np.abs(loaded - samples).max() <= 0.5 / 32768 + 1e-9


def test_flac_clips_instead_of_wrapping_and_refuses_nan(tmp_path):
    audio.save_flac(tmp_path / "a.flac", np.array([2.0, -2.0, 1.0, -1.0] * 100), RATE)
    loaded = audio.load(tmp_path / "a.flac", RATE)
    assert (loaded[::2] > 0.99).all() and (loaded[1::2] == -1.0).all()
    with pytest.raises(ValueError, match="finite"):
        audio.save_flac(tmp_path / "b.flac", np.array([np.nan]), RATE)
    assert [path.name for path in tmp_path.iterdir()] == ["a.flac"]


def test_channels_are_averaged(tmp_path):
    soundfile.write(tmp_path / "a.wav", np.stack([tone(), -0.5 * tone()], axis=1), RATE, subtype="FLOAT")
    np.testing.assert_allclose(audio.load(tmp_path / "a.wav", RATE), 0.25 * tone(), atol=1e-6)


@pytest.mark.parametrize("rate", [8000, 22050, 44100, 48000])
def test_resampling_keeps_a_tone_and_the_length(tmp_path, rate):
    soundfile.write(tmp_path / "a.wav", tone(rate=rate), rate, subtype="FLOAT")
    loaded = audio.load(tmp_path / "a.wav", RATE)
    assert len(loaded) == RATE
    np.testing.assert_allclose(loaded[500:-500], tone()[500:-500], atol=2e-4)


def test_resampling_removes_what_would_alias():
    high = audio.resample(tone(rate=44100, hz=9000.0), 44100, RATE)
    assert np.abs(high[500:-500]).max() < 1e-4


def test_raw_g722_and_telephone_codecs_decode_by_suffix(tmp_path):
    encode(tmp_path / "a.g722", "g722", RATE, tone(), format="g722")
    loaded = audio.load(tmp_path / "a.g722", RATE)
    assert abs(len(loaded) - RATE) < 200
    assert np.corrcoef(np.abs(np.fft.rfft(loaded, RATE)), np.abs(np.fft.rfft(tone())))[0, 1] > 0.99
    assert audio.duration(tmp_path / "a.g722") == pytest.approx(1.0, abs=0.02)
    for suffix, codec, format in ((".ulaw", "pcm_mulaw", "mulaw"), (".sln", "pcm_s16le", "s16le")):
        encode(tmp_path / f"a{suffix}", codec, 8000, tone(rate=8000), format=format)
        assert len(audio.load(tmp_path / f"a{suffix}", RATE)) == RATE


def test_formats_that_libsndfile_does_not_know_decode_by_ffmpeg(tmp_path):
    encode(tmp_path / "a.m4a", "aac", RATE, tone())
    loaded = audio.load(tmp_path / "a.m4a", RATE)
    assert 0.9 * RATE < len(loaded) < 1.2 * RATE and 0.3 < np.abs(loaded).max() < 0.7


def test_flac_of_unknown_length_is_read_whole(tmp_path):
    """Streaming encoders write 0 as the number of samples."""
    audio.save_flac(tmp_path / "a.flac", tone(), RATE)
    content = bytearray((tmp_path / "a.flac").read_bytes())
    assert content[:4] == b"fLaC"
    content[21] &= 0xF0  # total samples: the low 36 bits of bytes 18 to 25
    content[22:26] = bytes(4)
    (tmp_path / "a.flac").write_bytes(content)
    assert len(audio.load(tmp_path / "a.flac", RATE)) == RATE
    assert audio.duration(tmp_path / "a.flac") == pytest.approx(1.0)


@pytest.mark.parametrize("share", [0.3, 0.9, 0.995])
def test_truncated_flac_is_refused(tmp_path, share):
    audio.save_flac(tmp_path / "a.flac", np.random.default_rng(0).normal(0, 0.1, 3 * RATE), RATE)
    content = (tmp_path / "a.flac").read_bytes()
    (tmp_path / "a.flac").write_bytes(content[: int(share * len(content))])
    with pytest.raises(audio.BadAudio, match=r"a\.flac: is truncated") as caught:
        audio.load(tmp_path / "a.flac", RATE)
    assert caught.value.path == tmp_path / "a.flac" and "\n" not in str(caught.value)


def test_truncated_wav_is_refused(tmp_path):
    soundfile.write(tmp_path / "a.wav", tone(), RATE)
    content = (tmp_path / "a.wav").read_bytes()
    (tmp_path / "a.wav").write_bytes(content[:-2000])
    with pytest.raises(audio.BadAudio, match="truncated"):
        audio.load(tmp_path / "a.wav", RATE)


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("a.flac", b"", "is empty"),
        ("a.wav", b"RIFF" + bytes(40), "cannot be decoded"),
        ("a.mp3", b"no audio at all", "cannot be decoded"),
        ("a.flac", b"fLaC" + bytes(200), "is truncated or damaged"),
    ],
)
def test_bad_files_give_one_sentence(tmp_path, name, content, reason):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(audio.BadAudio, match=reason):
        audio.load(tmp_path / name, RATE)


def test_missing_silent_length_and_nan_files_are_named(tmp_path):
    with pytest.raises(audio.BadAudio, match=r"gone\.wav: no such file"):
        audio.load(tmp_path / "gone.wav", RATE)
    soundfile.write(tmp_path / "none.wav", np.zeros(0), RATE)
    with pytest.raises(audio.BadAudio, match="holds no audio"):
        audio.load(tmp_path / "none.wav", RATE)
    soundfile.write(tmp_path / "nan.wav", np.array([0.0, np.nan]), RATE, subtype="FLOAT")
    with pytest.raises(audio.BadAudio, match="not finite"):
        audio.load(tmp_path / "nan.wav", RATE)


@pytest.mark.parametrize(("name", "codec"), [("a.wav", None), ("a.flac", None), ("a.m4a", "aac"), ("a.ulaw", "mulaw")])
def test_only_the_first_seconds_are_decoded(tmp_path, name, codec):
    rate = 8000 if codec == "mulaw" else 22050
    if codec:
        encode(tmp_path / name, "pcm_mulaw" if codec == "mulaw" else codec, rate, tone(3, rate), format=FORMATS[codec])
    else:
        soundfile.write(tmp_path / name, tone(3, rate), rate)
    whole, start = audio.load(tmp_path / name, rate), audio.load(tmp_path / name, rate, max_seconds=0.5)
    assert len(start) == rate // 2 and np.array_equal(start, whole[: rate // 2])
    assert np.array_equal(audio.load(tmp_path / name, rate, max_seconds=9), whole)
    assert len(audio.load(tmp_path / name, RATE, max_seconds=0.5)) == RATE // 2


def test_what_lies_behind_the_first_seconds_is_not_decoded(tmp_path):
    audio.save_flac(tmp_path / "a.flac", np.random.default_rng(0).normal(0, 0.1, 3 * RATE), RATE)
    content = (tmp_path / "a.flac").read_bytes()
    (tmp_path / "a.flac").write_bytes(content[: len(content) // 2])
    assert len(audio.load(tmp_path / "a.flac", RATE, max_seconds=1)) == RATE
    with pytest.raises(audio.BadAudio, match="truncated"):
        audio.load(tmp_path / "a.flac", RATE, max_seconds=2)


@pytest.mark.parametrize("rate", [8000, 11025, 16000, 22050, 44100, 48000])
def test_pieces_are_the_whole(tmp_path, rate):
    rng = np.random.default_rng(rate)
    soundfile.write(tmp_path / "a.flac", rng.uniform(-0.9, 0.9, (round(7.37 * rate), 2)), rate)
    pieces = list(audio.pieces(tmp_path / "a.flac", RATE, seconds=1.0))
    assert len(pieces) > 5 and max(map(len, pieces)) <= 2.1 * RATE
    np.testing.assert_allclose(np.concatenate(pieces), audio.load(tmp_path / "a.flac", RATE), atol=2e-6)


@pytest.mark.parametrize(("name", "codec"), [("a.m4a", "aac"), ("a.alaw", None), ("a.wav", None), ("a.mp3", "mp3")])
def test_pieces_of_every_decoder_are_the_whole(tmp_path, name, codec):
    samples, rate = tone(5.0, 8000), 8000
    if codec:
        encode(tmp_path / name, codec, rate, samples, {"aac": "mp4"}.get(codec))
    elif name == "a.alaw":
        (tmp_path / name).write_bytes((samples * 127).astype(np.int8).tobytes())
    else:
        soundfile.write(tmp_path / name, samples, rate, subtype="ALAW")
    pieces = list(audio.pieces(tmp_path / name, RATE, seconds=1.0))
    assert len(pieces) >= 3
    np.testing.assert_allclose(np.concatenate(pieces), audio.load(tmp_path / name, RATE), atol=1e-5)


def test_damage_is_found_piece_by_piece_too(tmp_path):
    soundfile.write(tmp_path / "a.wav", tone(5.0), RATE)
    (tmp_path / "a.wav").write_bytes((tmp_path / "a.wav").read_bytes()[:-5000])
    with pytest.raises(audio.BadAudio, match="truncated"):
        list(audio.pieces(tmp_path / "a.wav", RATE, seconds=1.0))
    (tmp_path / "b.wav").write_bytes(b"")
    with pytest.raises(audio.BadAudio, match="is empty"):
        list(audio.pieces(tmp_path / "b.wav", RATE))
    soundfile.write(tmp_path / "c.wav", np.full(100, np.nan), RATE, subtype="FLOAT")
    with pytest.raises(audio.BadAudio, match="not finite"):
        list(audio.pieces(tmp_path / "c.wav", RATE))
