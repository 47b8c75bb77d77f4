"""Decode audio of any kind to mono float32, and write FLAC.

Importing this module is cheap; soundfile, PyAV and torch are loaded when they are needed.
"""

import math
import struct
import sys
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
    import soundfile

    _require_content(path)
    if path.suffix.lower() in RAW_FORMATS:
        return _decode_av(path, max_seconds, *RAW_FORMATS[path.suffix.lower()])
    try:
        file = soundfile.SoundFile(path)
    except soundfile.LibsndfileError as error:
        with open(path, "rb") as opened:
            is_flac = opened.read(4) == b"fLaC"
        if is_flac:  # FFmpeg would decode the rest of a damaged file without an error
            raise BadAudio(path, _damage_message(error)) from None
        return _decode_av(path, max_seconds)
    with file:
        if file.frames >= _UNKNOWN_LENGTH:  # libsndfile cannot read these
            return _decode_av(path, max_seconds)
        try:
            return _read(path, file, max_seconds), file.samplerate
        except soundfile.LibsndfileError as error:
            raise BadAudio(path, _damage_message(error)) from None


def _damage_message(error: Any) -> str:
    reason = error.error_string.removeprefix("Error : ").rstrip(".")
    return f"is truncated or damaged ({reason}); restore the file"


def _read(path: Path, file: Any, max_seconds: float | None) -> np.ndarray:
    """Read the samples of an open sound file; libsndfile reads a truncated file without an error."""
    wanted = min(file.frames, _limit(max_seconds, file.samplerate))
    samples = file.read(wanted, dtype="float32")
    if len(samples) < wanted:
        readable, announced = len(samples) / file.samplerate, file.frames / file.samplerate
        raise BadAudio(path, f"is truncated: {readable:.2f} s of {announced:.2f} s can be read; restore the file")
    if file.format == "WAV" and (missing := _missing_wav_bytes(path)):
        raise BadAudio(path, f"is truncated: {missing} bytes of its audio are missing; restore the file")
    return samples


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


def _decode_av(
    path: Path, max_seconds: float | None, format: str | None = None, rate: int | None = None
) -> tuple[np.ndarray, int]:
    """Decode with FFmpeg; headerless files need `format` and `rate`."""
    import av.error

    options = {"sample_rate": str(rate)} if format in ("mulaw", "alaw", "s16le") else {}
    try:
        with av.open(str(path), format=format, options=options) as container:
            if not container.streams.audio:
                raise BadAudio(path, "holds no audio stream; give an audio file")
            stream = container.streams.audio[0]
            resampler = av.AudioResampler(format="fltp")
            blocks, length = [], 0
            for frame in chain(container.decode(stream), [None]):
                for block in resampler.resample(frame):
                    blocks.append(block.to_ndarray())
                    length += block.samples
                if length >= _limit(max_seconds, stream.rate):
                    break
            rate = stream.rate  # some codecs know their rate only after decoding
    except (av.error.FFmpegError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise BadAudio(path, f"cannot be decoded ({reason}); give a sound file") from None
    if not blocks:
        raise BadAudio(path, "holds no audio; record or fetch it again")
    return np.concatenate(blocks, axis=1).T[: _limit(max_seconds, rate)], rate
