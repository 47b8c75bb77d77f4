"""Sound files of every container, and the ways in which programs and accidents spoil them."""

import struct
from pathlib import Path

import av
import numpy as np
import soundfile

#: Suffix -> libsndfile's format and subtype.
LIBSNDFILE = {
    ".wav": ("WAV", "PCM_16"),
    ".wave": ("WAVEX", "PCM_16"),
    ".rf64": ("RF64", "PCM_16"),
    ".w64": ("W64", "PCM_16"),
    ".aif": ("AIFF", "PCM_16"),
    ".aiff": ("AIFF", "PCM_16"),
    ".aifc": ("AIFF", "ALAW"),
    ".au": ("AU", "PCM_16"),
    ".snd": ("AU", "PCM_16"),
    ".caf": ("CAF", "PCM_16"),
    ".sph": ("NIST", "PCM_16"),
    ".nist": ("NIST", "ULAW"),
    ".flac": ("FLAC", "PCM_16"),
    ".ogg": ("OGG", "VORBIS"),
    ".oga": ("OGG", "VORBIS"),
    ".opus": ("OGG", "OPUS"),
    ".mp3": ("MP3", "MPEG_LAYER_III"),
}
#: Suffix -> FFmpeg's codec and format.
FFMPEG = {
    ".m4a": ("aac", "mp4"),
    ".m4b": ("aac", "mp4"),
    ".mp4": ("aac", "mp4"),
    ".mov": ("aac", "mov"),
    ".3gp": ("aac", "3gp"),
    ".aac": ("aac", "adts"),
    ".amr": ("libopencore_amrnb", "amr"),
    ".mka": ("aac", "matroska"),
    ".mkv": ("libopus", "matroska"),
    ".webm": ("libopus", "webm"),
    ".weba": ("libopus", "webm"),
    ".mp2": ("mp2", "mp2"),
    ".wma": ("wmav2", "asf"),
    ".wv": ("wavpack", "wv"),
    ".g722": ("g722", "g722"),
    ".gsm": ("gsm", "gsm"),
    ".ulaw": ("pcm_mulaw", "mulaw"),
    ".alaw": ("pcm_alaw", "alaw"),
    ".sln": ("pcm_s16le", "s16le"),
    ".sln16": ("pcm_s16le", "s16le"),
}
#: Lengths that programs write which cannot know them: name -> suffix, bytes before it in the file, its bytes.
PIPED = {
    "piped_7ffff000": (".wav", b"data", struct.pack("<I", 0x7FFFF000)),  # sox, espeak-ng
    "piped_7fffffff": (".wav", b"data", struct.pack("<I", 0x7FFFFFFF)),  # ALSA
    "piped_0": (".wav", b"data", struct.pack("<I", 0)),
    "piped_ffffffff": (".wav", b"data", struct.pack("<I", 0xFFFFFFFF)),  # FFmpeg
    "piped_7fff0000": (".wav", b"data", struct.pack("<I", 0x7FFF0000)),  # GStreamer
    "piped_80000000": (".wav", b"data", struct.pack("<I", 0x80000000)),
    "piped_wavex": (".wave", b"data", struct.pack("<I", 0x7FFFF000)),
    "piped_wavex_0": (".wave", b"data", struct.pack("<I", 0)),
    "piped_aiff": (".aiff", b"SSND", struct.pack(">I", 0x7F000008)),  # sox
    "piped_au": (".au", b".snd\0\0\0\x18", struct.pack(">I", 0xFFFFFFFF)),
    "piped_caf": (".caf", b"data", struct.pack(">q", -1)),
}


def speech_like(seconds: float, rate: int, seed: int = 0) -> np.ndarray:
    """(n,) float32: a tone that comes and goes, in noise, so that no codec makes nothing of it."""
    t = np.arange(max(1, round(seconds * rate))) / rate
    noise = np.random.default_rng(seed).standard_normal(t.size)
    return (0.2 * np.sin(2 * np.pi * 150 * t) * (1 + np.sin(6 * np.pi * t)) + 0.02 * noise).astype(np.float32)


def write(path: Path, rate: int = 16000, seconds: float = 0.8, seed: int = 0) -> Path:
    """A sound file of the kind that its suffix says."""
    samples = speech_like(seconds, rate, seed)
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix in LIBSNDFILE:
        format, subtype = LIBSNDFILE[path.suffix]
        soundfile.write(path, samples, rate, format=format, subtype=subtype)
    else:
        encode(path, *FFMPEG[path.suffix], rate, samples)
    return path


def encode(path: Path, codec: str, format: str, rate: int, samples: np.ndarray) -> None:
    """Write a file by FFmpeg."""
    integers = (samples * 32767).astype(np.int16)
    channels = "stereo" if codec == "wmav2" else "mono"
    with av.open(str(path), "w", format=format) as container:
        stream = container.add_stream(codec, rate=rate, layout=channels)
        frame = av.AudioFrame.from_ndarray(integers[None], format="s16", layout="mono")
        frame.sample_rate = rate
        resampler = av.AudioResampler(stream.codec_context.format, channels, rate, stream.codec_context.frame_size)
        for piece in [*resampler.resample(frame), *resampler.resample(None), None]:
            container.mux(stream.encode(piece))


def patch(path: Path, after: bytes, new: bytes) -> Path:
    """Replace the bytes that follow `after` in a file."""
    content = bytearray(path.read_bytes())
    start = content.index(after) + len(after)
    content[start : start + len(new)] = new
    path.write_bytes(content)
    return path


def piped(folder: Path, name: str, **given) -> Path:
    """A file whose length is a placeholder, as a program leaves it that writes into a pipe; one of PIPED."""
    suffix, after, length = PIPED[name]
    return patch(write(folder / f"{name}{suffix}", **given), after, length)


def lying_flac(path: Path, samples: int, **given) -> Path:
    """A FLAC whose header claims a number of samples, at most 2^36 - 1."""
    content = bytearray(write(path, **given).read_bytes())
    content[21] = content[21] & 0xF0 | samples >> 32
    content[22:26] = struct.pack(">I", samples & 0xFFFFFFFF)
    path.write_bytes(content)
    return path


def cut(path: Path, share: float = 0.5) -> Path:
    """Keep the first part of a file."""
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    return path
