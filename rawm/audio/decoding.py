"""Decode a file block by block: what a header claims decides neither memory nor time."""

import math
import os
import sys
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from rawm import files
from rawm.audio import formats
from rawm.errors import UserError

MAX_RATE = 768_000  # Hz
_BLOCK = 2**22  # samples of all channels that are decoded together at most
_UNKNOWN_LENGTH = 2**40  # libsndfile gives huge numbers of frames for headers without a length
#: FFmpeg's containers whose header holds the true duration; that of others is an estimate.
_TIMED = ("mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm", "asf")


class BadAudio(UserError):
    """Audio that cannot be used.

    Attributes:
        path: the file.
        reason: what is wrong with it, and what would be right.
    """

    def __init__(self, path: str | Path, reason: str):
        super().__init__(f"{files.printable(path)}: {reason}")
        self.path, self.reason = Path(path), reason


def mono_blocks(
    path: Path, seconds: float | None = None, max_seconds: float | None = None
) -> Iterator[tuple[np.ndarray, int]]:
    """Decode a file to blocks of (n,) float32, n > 0, and their rate in Hz; channels are averaged.

    Args:
        seconds: of a block at most; None = as is quickest.
        max_seconds: of the file that are decoded; None = all.

    Raises:
        BadAudio: no such file, or no regular one; empty, truncated or corrupt; unknown format; no audio in it; samples
            that are not finite; a sample rate outside of 1 to 768,000 Hz.
    """
    require_content(path)
    found = 0
    for samples, rate in _blocks(path, seconds, max_seconds):
        if not 1 <= rate <= MAX_RATE:
            raise BadAudio(path, f"has a sample rate of {rate} Hz; give a file with 1 to {MAX_RATE} Hz")
        mono = samples.mean(axis=1, dtype=np.float32) if samples.ndim == 2 else samples
        if not np.isfinite(mono).all():
            raise BadAudio(path, "holds samples that are not finite; decode it again from its source")
        found += len(mono)
        if len(mono):
            yield mono, rate
    if missing := formats.missing_bytes(path):
        raise BadAudio(path, f"is truncated: {missing} bytes of its audio are missing; restore the file")
    if found == 0:
        raise BadAudio(path, "holds no audio; record or fetch it again")


def require_content(path: Path) -> None:
    """Refuse what is not a regular file with content, before it is opened: a named pipe would wait for ever.

    Raises:
        BadAudio: says what it is.
    """
    try:
        size = os.stat(path).st_size
    except (OSError, ValueError):  # also a name that is too long, or holds a NUL character
        raise BadAudio(path, "no such file; correct the path or restore the file") from None
    if problem := files.irregular(path):
        raise BadAudio(path, f"{problem}; name a sound file")
    if not files.is_utf8(path):
        raise BadAudio(path, "has a name that is not UTF-8; rename the file, or its folder")
    if size == 0:
        raise BadAudio(path, "is empty; restore the file")


def _blocks(path: Path, seconds: float | None, max_seconds: float | None) -> Iterator[tuple[np.ndarray, int]]:
    """(n,) or (n, channels) float32, and the rate in Hz."""
    import soundfile

    if path.suffix.lower() in formats.RAW_FORMATS:
        yield from _blocks_by_ffmpeg(path, max_seconds, *formats.RAW_FORMATS[path.suffix.lower()])
        return
    try:
        file = _sequential(path)
    except soundfile.LibsndfileError as error:
        with open(path, "rb") as opened:
            is_flac = opened.read(4) == b"fLaC"
        if is_flac:  # FFmpeg would decode the rest of a damaged file without an error
            raise BadAudio(path, _damage_message(error)) from None
        yield from _blocks_by_ffmpeg(path, max_seconds)
        return
    with file:
        if file.frames == 0 and formats.has_no_length(path):
            yield from _blocks_by_ffmpeg(path, max_seconds)
        else:
            yield from _blocks_by_libsndfile(path, file, seconds, max_seconds)


def _sequential(path: Path) -> Any:
    """Open a file for reading from start to end: soundfile seeks after each read, which changes what MP3 gives."""
    import soundfile

    class Sequential(soundfile.SoundFile):
        def seekable(self) -> bool:
            return False

    return Sequential(path)


def _damage_message(error: Any) -> str:
    reason = error.error_string.removeprefix("Error : ").rstrip(".")
    return f"is truncated or damaged ({reason}); restore the file"


def _blocks_by_libsndfile(
    path: Path, file: Any, seconds: float | None, max_seconds: float | None
) -> Iterator[tuple[np.ndarray, int]]:
    """Read an open sound file; libsndfile reads a truncated one without an error."""
    import soundfile

    rate, announced = file.samplerate, file.frames
    wanted, found = min(announced, _limit(max_seconds, rate)), 0
    size = max(1, _BLOCK // file.channels)
    if seconds is not None:
        size = min(size, math.ceil(seconds * rate))
    while found < wanted:
        try:
            samples = file.read(min(size, wanted - found), dtype="float32")
        except soundfile.LibsndfileError as error:
            raise BadAudio(path, _damage_message(error)) from None
        if not len(samples) and announced >= _UNKNOWN_LENGTH:
            return
        if not len(samples):
            raise BadAudio(
                path, f"is truncated: {found / rate:.2f} s of {announced / rate:.2f} s can be read; restore the file"
            )
        found += len(samples)
        yield samples, rate


def _limit(max_seconds: float | None, rate: int) -> int:
    """Most samples to decode."""
    return sys.maxsize if max_seconds is None else math.ceil(max_seconds * rate)


def _blocks_by_ffmpeg(
    path: Path, max_seconds: float | None, format: str | None = None, rate: int | None = None
) -> Iterator[tuple[np.ndarray, int]]:
    """Decode with FFmpeg, a second or so at a time; headerless files need `format` and `rate`."""
    import av.error

    options = {"sample_rate": str(rate)} if format in ("mulaw", "alaw", "s16le") else {}
    found, waiting = 0, []
    try:
        with av.open(str(path), format=format, options=options) as container:
            if not container.streams.audio:
                raise BadAudio(path, "holds no audio stream; give an audio file")
            stream = container.streams.audio[0]
            resampler = av.AudioResampler(format="fltp")
            for frame in chain(container.decode(stream), [None]):
                for block in resampler.resample(frame):
                    waiting.append(block.to_ndarray())
                    found += block.samples
                rate = stream.rate or 0  # some codecs know their rate only after decoding
                enough = found >= _limit(max_seconds, rate)
                samples_waiting = sum(block.size for block in waiting)
                if waiting and (frame is None or enough or samples_waiting >= min(rate * len(waiting[0]), _BLOCK)):
                    samples = np.concatenate(waiting, axis=1).T
                    yield samples[: len(samples) - max(0, found - _limit(max_seconds, rate))], rate
                    waiting = []
                if enough:
                    return
            announced = _announced_seconds(container, stream)
    except (av.error.FFmpegError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise BadAudio(path, f"cannot be decoded ({reason}); give a sound file") from None
    if rate and found / rate < 0.99 * announced - 0.25:  # encoders pad by some frames
        raise BadAudio(path, f"is truncated: {found / rate:.2f} s of {announced:.2f} s can be read; restore the file")


def _announced_seconds(container: Any, stream: Any) -> float:
    """Duration of the audio in a container's header; 0 where it is not known for certain."""
    if container.format.name not in _TIMED:
        return 0.0
    if stream.duration is not None:
        return float(stream.duration * stream.time_base)
    is_audio_alone = len(container.streams) == 1
    return container.duration / 1e6 if container.duration and is_audio_alone else 0.0
