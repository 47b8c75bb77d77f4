"""Decode audio of any kind to mono float32, and write FLAC.

Importing this package is cheap; soundfile, PyAV, torch and soxr are loaded when they are needed.
"""

import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from rawm import files
from rawm.audio.decoding import BadAudio, mono_blocks, require_content
from rawm.audio.formats import RAW_FORMATS, SUFFIXES
from rawm.audio.resampling import resample, stream_resampler

__all__ = [
    "RAW_FORMATS",
    "SUFFIXES",
    "BadAudio",
    "check",
    "duration",
    "load",
    "pieces",
    "resample",
    "save_flac",
]

_MOST_SAMPLES = 2**28  # that are held in memory as a whole, 1 GiB: 4.7 hours at 16 kHz, 1.6 at 48 kHz
_LEAST_BYTES = 100  # of a second of audio; a header that claims more seconds is not believed


def load(path: str | Path, sample_rate: int, max_seconds: float | None = None) -> np.ndarray:
    """Decode a file to (n,) float32 in [-1, 1] at `sample_rate` Hz; channels are averaged.

    Resampling uses a windowed sinc (`resampling`). With `max_seconds` only the start of the file is decoded, so damage
    behind it may go unnoticed.

    Raises:
        BadAudio: as `decoding.mono_blocks`; or more audio than memory should hold, where `pieces` is right.
    """
    path, blocks, rate, found = Path(path), [], sample_rate, 0
    for block, rate in mono_blocks(path, max_seconds=max_seconds):
        blocks.append(block)
        found += len(block)
        if max(found, found * sample_rate // rate) > _MOST_SAMPLES:
            hours, highest = _MOST_SAMPLES / max(rate, sample_rate) / 3600, max(rate, sample_rate)
            reason = f"lasts longer than {hours:.1f} h, the most that is held in memory at {highest} Hz"
            raise BadAudio(path, f"{reason}; cut it into parts, or set `max_seconds` in its corpus file")
    samples = np.concatenate(blocks) if len(blocks) > 1 else blocks[0]
    return samples if rate == sample_rate else resample(samples, rate, sample_rate)


def pieces(path: str | Path, sample_rate: int, seconds: float = 30.0) -> Iterator[np.ndarray]:
    """Decode a file piece by piece; joined, the pieces are what `load` returns, but for rounding.

    Memory does not grow with the length of the file. Damage is found where it is met, after earlier pieces.

    Args:
        seconds: about the length of a piece.

    Yields:
        (n,) float32 at `sample_rate` Hz.

    Raises:
        BadAudio: as `decoding.mono_blocks`.
    """
    resampler = None
    for block, rate in mono_blocks(Path(path), seconds):
        if rate == sample_rate:
            yield block
            continue
        resampler = resampler or stream_resampler(rate, sample_rate, seconds)
        yield from resampler.push(block)
    if resampler is not None:
        yield resampler.rest()


def check(path: str | Path) -> None:
    """Decode a whole file and keep nothing of it.

    Raises:
        BadAudio: as `decoding.mono_blocks`.
    """
    for _ in mono_blocks(Path(path)):
        pass


def duration(path: str | Path) -> float:
    """Read the length in seconds, more than 0, from the file's header.

    Files without a header, without a length in it, or with one that their bytes cannot hold are decoded.

    Raises:
        BadAudio: as `decoding.mono_blocks`.
    """
    import soundfile

    path = Path(path)
    require_content(path)
    if path.suffix.lower() not in RAW_FORMATS:
        try:
            info = soundfile.info(path)
        except soundfile.LibsndfileError:
            info = None
        if info is not None and 0 < info.frames * _LEAST_BYTES <= path.stat().st_size * info.samplerate:
            return info.frames / info.samplerate
    lengths = [(len(block), rate) for block, rate in mono_blocks(path)]
    return sum(length for length, _ in lengths) / lengths[0][1]


def save_flac(path: str | Path, samples: np.ndarray, sample_rate: int) -> None:
    """Write (n,) samples in [-1, 1] as 16 bit FLAC, atomically; louder samples are clipped."""
    import soundfile

    samples = np.asarray(samples)
    if samples.ndim != 1 or not np.isfinite(samples).all():
        raise ValueError(f"{path}: finite samples of shape (n,) are needed, not {samples.shape}")
    integers = np.clip(np.round(samples * 32768.0), -32768, 32767).astype(np.int16)
    content = io.BytesIO()  # libsndfile does not say that a disk is full
    soundfile.write(content, integers, sample_rate, format="FLAC", subtype="PCM_16")
    with files.atomic(path) as temporary:
        temporary.write_bytes(content.getbuffer())
