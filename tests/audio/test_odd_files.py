"""Files as other programs and accidents leave them: read right, or named in one sentence; never trusted."""

import os
import re
import shutil
import socket
import struct
import time
import tracemalloc

import numpy as np
import pytest
import soundfile
from support import sounds

from rawm import audio
from rawm.audio import formats

RATE = 16000


@pytest.mark.parametrize("name", sounds.PIPED)
def test_a_file_written_into_a_pipe_is_read_whole(tmp_path, name):
    """Kind: the length in the header is a placeholder, since the program did not know it.

    In the list: WAV with 7ffff000, 7fffffff and 0. Others: the placeholders of FFmpeg, GStreamer and ALSA, extensible
    WAV, AIFF of sox, AU and CAF, which have an official value for it; FLAC without a length has its own test.
    """
    path = sounds.piped(tmp_path, name)
    (tmp_path / "whole").mkdir()
    whole = sounds.write(tmp_path / "whole" / path.name)
    assert np.array_equal(audio.load(path, RATE), audio.load(whole, RATE))
    assert np.array_equal(np.concatenate(list(audio.pieces(path, RATE, 0.1))), audio.load(whole, RATE))
    assert audio.duration(path) == pytest.approx(0.8)


def test_a_recording_without_samples_is_none_although_text_follows(tmp_path):
    """A length of 0 means `until the end` only where what follows is no other chunk."""
    soundfile.write(tmp_path / "a.wav", np.zeros(0), RATE)
    content = (tmp_path / "a.wav").read_bytes()
    (tmp_path / "a.wav").write_bytes(content + b"LIST" + struct.pack("<I", 8) + b"INFOIART")
    for read in (lambda path: audio.load(path, RATE), audio.duration, audio.check):
        with pytest.raises(audio.BadAudio, match=r"a\.wav: holds no audio"):
            read(tmp_path / "a.wav")


#: Suffixes of containers in which a cut can be seen; the raw ones and those that are only a row of frames cannot tell.
TOLD = (*sounds.LIBSNDFILE, ".m4a", ".mov", ".3gp", ".mka", ".mkv", ".webm", ".wv")


@pytest.mark.parametrize("suffix", TOLD)
def test_half_a_file_is_refused(tmp_path, suffix):
    """Kind: the container says how much audio there should be, and the decoder returns what it finds.

    In the list: AIFF, CAF, W64 (beside WAV and FLAC). Others: extensible WAV, RF64, AU, NIST Sphere, Ogg with Vorbis
    and Opus, MP3 with a Xing header, MP4, Matroska and WebM, WavPack.
    """
    rate = 48000 if suffix in (".mkv", ".webm") else RATE
    path = sounds.cut(sounds.write(tmp_path / f"a{suffix}", rate, seconds=2.0))
    for read in (lambda path: audio.load(path, RATE), lambda path: list(audio.pieces(path, RATE)), audio.check):
        with pytest.raises(audio.BadAudio, match=r"is truncated|cannot be decoded|holds no audio"):
            read(path)


@pytest.mark.parametrize("suffix", [".wav", ".wave", ".rf64", ".w64", ".aiff", ".aifc", ".au", ".caf", ".sph", ".ogg"])
def test_a_file_that_lacks_its_last_bytes_is_refused_with_their_number(tmp_path, suffix):
    path = sounds.write(tmp_path / f"a{suffix}", seconds=2.0)
    whole = path.read_bytes()
    assert formats.missing_bytes(path) == 0
    path.write_bytes(whole[:-100])
    with pytest.raises(audio.BadAudio, match=r"is truncated: 100 bytes of its audio are missing; restore the file"):
        audio.load(path, RATE)
    path.write_bytes(whole)
    assert len(audio.load(path, RATE)) == 2 * RATE


def lying(folder, what):
    """A file of 0.8 s whose header claims what no memory holds."""
    if what.startswith("FLAC"):
        return sounds.lying_flac(folder / "a.flac", int(what.split()[1]))
    if what == "Ogg":
        path = sounds.write(folder / "a.ogg")
        content = bytearray(path.read_bytes())
        last = content.rindex(b"OggS")
        content[last + 6 : last + 14] = struct.pack("<q", 2**36)
        path.write_bytes(content)
        return path
    path = sounds.write(folder / "a.wav", seconds=120 if what == "slow WAV" else 0.8)
    position, value = {"fast WAV": (24, 4_000_000_000), "slow WAV": (24, 1), "big WAV": (40, 2**31 - 2**20)}[what]
    content = bytearray(path.read_bytes())
    content[position : position + 4] = struct.pack("<I", value)
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    ("what", "reason"),
    [
        ("FLAC 68719476735", "is truncated: 0.80 s of 4294967.30 s can be read"),
        ("FLAC 12800000", "is truncated: 0.80 s of 800.00 s can be read"),
        ("Ogg", "truncated|damaged|cannot be decoded|holds no audio"),
        ("fast WAV", "sample rate of .*; give a file with 1 to 768000 Hz|cannot be decoded"),
        (
            "slow WAV",
            r"lasts longer than 4\.7 h, the most that is held in memory at 16000 Hz; cut it into parts, or set",
        ),
        ("big WAV", r"is truncated: 21\d+ bytes of its audio are missing"),
    ],
)
def test_lies_about_length_cost_no_memory(tmp_path, what, reason):
    """Kind: the header decides how much is allocated.

    In the list: FLAC of 2^36 samples. Others: a FLAC a thousand times too long, an Ogg page with such a position, WAVs
    with a sample rate of 4 GHz, of 1 Hz (120 s of samples last 22 days), and with a length of 2 GB.
    """
    path = lying(tmp_path, what)
    tracemalloc.start()
    started = time.monotonic()
    try:
        with pytest.raises(audio.BadAudio, match=reason) as caught:
            audio.load(path, RATE)
        assert tracemalloc.get_traced_memory()[1] < 100e6 and time.monotonic() - started < 5
    finally:
        tracemalloc.stop()
    assert "\n" not in str(caught.value)


def test_of_a_file_that_lies_the_start_can_be_read_and_the_duration_cannot(tmp_path):
    path = sounds.lying_flac(tmp_path / "lies_about_length.flac", 2**36 - 1)
    assert len(audio.load(path, RATE, max_seconds=0.5)) == RATE // 2
    with pytest.raises(audio.BadAudio, match="is truncated"):
        audio.duration(path)
    slow = lying(tmp_path, "slow WAV")
    assert audio.load(slow, RATE, max_seconds=2).shape == (2 * RATE,)
    assert len(next(audio.pieces(slow, RATE))) < 2**24


IRREGULAR = {
    "named_pipe": "is a named pipe, not a regular file; name a sound file",
    "socket": "is a socket, not a regular file; name a sound file",
    "device": "is a device, not a regular file; name a sound file",
    "link_to_pipe": "is a named pipe, not a regular file; name a sound file",
    "folder": "is a folder, not a regular file; name a sound file",
    "broken_link": "no such file",
    "loop_of_links": "no such file",
    "not_utf8": r"\\xef\\xf0\.wav: has a name that is not UTF-8; rename the file, or its folder",
    "nul": "no such file",
    "long_name": "no such file",
}


def irregular(folder, kind):
    path = folder / "a.wav"
    if kind == "named_pipe":
        os.mkfifo(path)
    elif kind == "socket":
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(str(path))
    elif kind == "device":
        path.symlink_to("/dev/zero")
    elif kind == "link_to_pipe":
        os.mkfifo(folder / "pipe")
        path.symlink_to("pipe")
    elif kind == "folder":
        path.mkdir()
    elif kind == "not_utf8":
        path = folder / os.fsdecode(b"\xef\xf0.wav")
        shutil.copy(sounds.write(folder / "b.wav"), path)
    elif kind == "nul":
        path = folder / "a\0.wav"
    elif kind == "long_name":
        path = folder / ("a" * 5000 + ".wav")
    else:
        path.symlink_to("gone.wav" if kind == "broken_link" else "a.wav")
    return path


@pytest.mark.parametrize("kind", IRREGULAR)
def test_what_is_no_regular_file_is_refused_before_it_is_opened(tmp_path, monkeypatch, no_waiting, kind):
    """Kind: opening waits for ever, never ends, or fails in a library that has no sentence for it.

    In the list: named pipe, device, socket. Others: a link to a pipe, a folder called like a file, broken and circular
    links, names that are not UTF-8, hold a NUL or have 5,000 characters.
    """
    monkeypatch.chdir(tmp_path)  # the path of a socket is at most 107 bytes long
    path = irregular(tmp_path if kind != "socket" else tmp_path.relative_to(tmp_path), kind)
    for read in (lambda p: audio.load(p, RATE), lambda p: list(audio.pieces(p, RATE)), audio.duration, audio.check):
        with pytest.raises(audio.BadAudio, match=IRREGULAR[kind]) as caught:
            read(path)
        assert str(caught.value).isprintable()


@pytest.mark.parametrize("suffix", sorted(formats.SUFFIXES - {".gsm", ".wma"}))  # no encoder for these two
def test_every_suffix_that_counts_as_a_recording_is_decoded(tmp_path, suffix):
    """Kind: listing and decoding disagree.

    In the list: aif, au, caf, w64, sph, mp4, webm. Others: all that are listed.
    """
    rate = {".amr": 8000, ".ulaw": 8000, ".alaw": 8000, ".sln": 8000}.get(suffix, RATE)
    rate = 48000 if re.fullmatch(r"\.mkv|\.web[am]", suffix) else rate
    path = sounds.write(tmp_path / f"a{suffix}", rate)
    loaded = audio.load(path, RATE)
    assert len(loaded) == pytest.approx(0.8 * RATE, rel=0.2)
    assert audio.duration(path) == pytest.approx(len(loaded) / RATE, abs=0.02)
    power = np.abs(np.fft.rfft(loaded, RATE)) ** 2
    assert 140 < power.argmax() < 160  # the tone of 150 Hz
