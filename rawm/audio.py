"""Decode audio of any kind to mono float32, and write FLAC.

Importing this module is cheap; soundfile, PyAV and torch are loaded when they are needed.
"""

import math
import struct
import sys
from collections.abc import Iterator
from functools import lru_cache
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from rawm import files
from rawm.errors import UserError

#: Suffix of headerless files -> (FFmpeg format, sample rate in Hz). These are Asterisk's names.
RAW_FORMATS = {
    ".g722": ("g722", 16000),
    ".gsm": ("gsm", 8000),
    ".ulaw": ("mulaw", 8000),
    ".alaw": ("alaw", 8000),
    ".sln": ("s16le", 8000),
    ".sln16": ("s16le", 16000),
}
SUFFIXES = frozenset({".wav", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".m4a", ".aac", ".wma", ".aiff", *RAW_FORMATS})
_UNKNOWN_LENGTH = 2**40  # libsndfile gives huge numbers of frames for headers without a length


class BadAudio(UserError):
    """Audio that cannot be used.

    Attributes:
        path: the file.
        reason: what is wrong with it, and what would be right.
    """

    def __init__(self, path: str | Path, reason: str):
        super().__init__(f"{path}: {reason}")
        self.path, self.reason = Path(path), reason


def load(path: str | Path, sample_rate: int, max_seconds: float | None = None) -> np.ndarray:
    """Decode a file to (n,) float32 in [-1, 1] at `sample_rate` Hz; channels are averaged.

    Resampling uses a windowed sinc (Kaiser window, 64 zero crossings). With `max_seconds` only the start of the file is
    decoded, so damage behind it goes unnoticed.

    Raises:
        BadAudio: no such file; empty, truncated or corrupt file; unknown format; samples that are not finite.
    """
    path = Path(path)
    samples, rate = _decode(path, max_seconds)
    if len(samples) == 0:
        raise BadAudio(path, "holds no audio; record or fetch it again")
    if samples.ndim == 2:
        samples = samples.mean(axis=1, dtype=np.float32)
    if not np.isfinite(samples).all():
        raise BadAudio(path, "holds samples that are not finite; decode it again from its source")
    return samples if rate == sample_rate else resample(samples, rate, sample_rate)


def resample(samples: np.ndarray, source_rate: int, target_rate: int) -> np.ndarray:
    """(n,) float32 at `source_rate` Hz -> (ceil(n * target / source),) float32 at `target_rate` Hz."""
    import torch

    with torch.no_grad():
        return _resampler(source_rate, target_rate)(torch.from_numpy(samples)).numpy()


@lru_cache(maxsize=8)
def _resampler(source_rate: int, target_rate: int) -> Any:
    from torchaudio.transforms import Resample

    return Resample(
        source_rate,
        target_rate,
        resampling_method="sinc_interp_kaiser",
        lowpass_filter_width=64,
        rolloff=0.9475937167399596,
        beta=14.769656459379492,
    )


def duration(path: str | Path) -> float:
    """Read the length in seconds from the file's header; headerless files, and those without a length, are decoded.

    Raises:
        BadAudio: as `load`.
    """
    import soundfile

    path = Path(path)
    _require_content(path)
    if path.suffix.lower() not in RAW_FORMATS:
        try:
            info = soundfile.info(path)
        except soundfile.LibsndfileError:
            info = None
        if info is not None and info.frames < _UNKNOWN_LENGTH:
            return info.frames / info.samplerate
    samples, rate = _decode(path)
    return len(samples) / rate


def pieces(path: str | Path, sample_rate: int, seconds: float = 30.0) -> Iterator[np.ndarray]:
    """Decode a file piece by piece; joined, the pieces are what `load` returns, but for rounding.

    Memory does not grow with the length of the file. Damage is found where it is met, after earlier pieces.

    Args:
        seconds: about the length of a piece.

    Yields:
        (n,) float32 at `sample_rate` Hz.

    Raises:
        BadAudio: as `load`.
    """
    path, resampler, total = Path(path), None, 0
    for block, rate in _blocks(path, seconds):
        mono = block.mean(axis=1, dtype=np.float32) if block.ndim == 2 else block
        if not np.isfinite(mono).all():
            raise BadAudio(path, "holds samples that are not finite; decode it again from its source")
        total += len(mono)
        if rate == sample_rate:
            yield mono
            continue
        resampler = resampler or _StreamResampler(rate, sample_rate, seconds)
        yield from resampler.push(mono)
    if total == 0:
        raise BadAudio(path, "holds no audio; record or fetch it again")
    if resampler is not None:
        yield resampler.rest()


class _StreamResampler:
    """Resample a signal that arrives in blocks, as `resample` would the whole.

    Each call of `resample` gets some samples more than it gives, on both sides; they are as many as its filter is wide.
    Blocks start at multiples of `_step`, where a sample of the input and one of the output are at the same time.
    """

    def __init__(self, source: int, target: int, seconds: float):
        self._source, self._target = source, target
        self._step = source // math.gcd(source, target)
        self._margin = self._multiple(2 * 64 * max(1.0, source / target))
        self._size = self._multiple(seconds * source)
        self._waiting, self._before = np.zeros(0, np.float32), 0  # samples at hand, and how many of them were given

    def _multiple(self, samples: float) -> int:
        return self._step * math.ceil(samples / self._step)

    def push(self, samples: np.ndarray) -> Iterator[np.ndarray]:
        """Add (n,) samples; yield what can be computed."""
        self._waiting = np.concatenate([self._waiting, samples])
        while len(self._waiting) >= self._before + self._size + self._margin:
            end = self._before + self._size
            computed = resample(self._waiting[: end + self._margin], self._source, self._target)
            yield computed[self._outputs(self._before) : self._outputs(end)]
            self._waiting = self._waiting[end - self._margin :]
            self._before = self._margin

    def rest(self) -> np.ndarray:
        """The end of the signal, (n,)."""
        return resample(self._waiting, self._source, self._target)[self._outputs(self._before) :]

    def _outputs(self, samples: int) -> int:
        return samples // self._step * (self._target // math.gcd(self._source, self._target))


def save_flac(path: str | Path, samples: np.ndarray, sample_rate: int) -> None:
    """Write (n,) samples in [-1, 1] as 16 bit FLAC, atomically; louder samples are clipped."""
    import soundfile

    samples = np.asarray(samples)
    if samples.ndim != 1 or not np.isfinite(samples).all():
        raise ValueError(f"{path}: finite samples of shape (n,) are needed, not {samples.shape}")
    integers = np.clip(np.round(samples * 32768.0), -32768, 32767).astype(np.int16)
    with files.atomic(path) as temporary:
        soundfile.write(temporary, integers, sample_rate, format="FLAC", subtype="PCM_16")


def _require_content(path: Path) -> None:
    if not path.is_file():
        raise BadAudio(path, "no such file; correct the path or restore the file")
    if path.stat().st_size == 0:
        raise BadAudio(path, "is empty; restore the file")


def _decode(path: Path, max_seconds: float | None = None) -> tuple[np.ndarray, int]:
    """Decode a file to (n,) or (n, channels) float32; return the samples and their rate in Hz."""
    blocks = list(_blocks(path, max_seconds=max_seconds))
    if not blocks:
        raise BadAudio(path, "holds no audio; record or fetch it again")
    return np.concatenate([samples for samples, _ in blocks]) if len(blocks) > 1 else blocks[0][0], blocks[0][1]


def _blocks(
    path: Path, seconds: float | None = None, max_seconds: float | None = None
) -> Iterator[tuple[np.ndarray, int]]:
    """Decode a file block by block: (n,) or (n, channels) float32, and the rate in Hz.

    Args:
        seconds: of a block; None = as is quickest.
        max_seconds: of the file that are decoded; None = all.
    """
    import soundfile

    _require_content(path)
    if path.suffix.lower() in RAW_FORMATS:
        yield from _blocks_by_ffmpeg(path, max_seconds, *RAW_FORMATS[path.suffix.lower()])
        return
    try:
        file = soundfile.SoundFile(path)
    except soundfile.LibsndfileError as error:
        with open(path, "rb") as opened:
            is_flac = opened.read(4) == b"fLaC"
        if is_flac:  # FFmpeg would decode the rest of a damaged file without an error
            raise BadAudio(path, _damage_message(error)) from None
        yield from _blocks_by_ffmpeg(path, max_seconds)
        return
    with file:
        in_blocks = seconds is not None and file.format == "MP3"  # soundfile seeks after a read; in MP3 that fails
        if file.frames >= _UNKNOWN_LENGTH or in_blocks:  # libsndfile cannot read these
            yield from _blocks_by_ffmpeg(path, max_seconds)
        else:
            yield from _blocks_by_libsndfile(path, file, seconds, max_seconds)


def _damage_message(error: Any) -> str:
    reason = error.error_string.removeprefix("Error : ").rstrip(".")
    return f"is truncated or damaged ({reason}); restore the file"


def _blocks_by_libsndfile(
    path: Path, file: Any, seconds: float | None, max_seconds: float | None
) -> Iterator[tuple[np.ndarray, int]]:
    """Read an open sound file; libsndfile reads a truncated one without an error."""
    import soundfile

    wanted = min(file.frames, _limit(max_seconds, file.samplerate))
    size, found = wanted if seconds is None else math.ceil(seconds * file.samplerate), 0
    while found < wanted:
        try:
            samples = file.read(min(size, wanted - found), dtype="float32")
        except soundfile.LibsndfileError as error:
            raise BadAudio(path, _damage_message(error)) from None
        if not len(samples):
            readable, announced = found / file.samplerate, file.frames / file.samplerate
            raise BadAudio(path, f"is truncated: {readable:.2f} s of {announced:.2f} s can be read; restore the file")
        found += len(samples)
        yield samples, file.samplerate
    if file.format == "WAV" and (missing := _missing_wav_bytes(path)):
        raise BadAudio(path, f"is truncated: {missing} bytes of its audio are missing; restore the file")


def _limit(max_seconds: float | None, rate: int) -> int:
    """Most samples to decode."""
    return sys.maxsize if max_seconds is None else math.ceil(max_seconds * rate)


def _missing_wav_bytes(path: Path) -> int:
    """Count the bytes of a RIFF file's data chunk that the file lacks; 0 for streams of unknown length."""
    size = path.stat().st_size
    with open(path, "rb") as file:
        if file.read(4) != b"RIFF":
            return 0
        file.seek(12)
        while len(header := file.read(8)) == 8:
            name, length = struct.unpack("<4sI", header)
            if name == b"data":
                return 0 if length >= 0xFFFFF000 else max(0, file.tell() + length - size)
            file.seek(length + length % 2, 1)
    return 0


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
                rate = stream.rate  # some codecs know their rate only after decoding
                enough = found >= _limit(max_seconds, rate)
                if waiting and (frame is None or enough or sum(block.shape[1] for block in waiting) >= rate):
                    samples = np.concatenate(waiting, axis=1).T
                    yield samples[: len(samples) - max(0, found - _limit(max_seconds, rate))], rate
                    waiting = []
                if enough:
                    return
    except (av.error.FFmpegError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise BadAudio(path, f"cannot be decoded ({reason}); give a sound file") from None
