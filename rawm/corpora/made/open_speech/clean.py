"""From a recording of a package to clean speech: trimmed, cut, at one level."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from scipy import signal

from rawm import audio

if TYPE_CHECKING:
    from av.container import InputContainer

RATE = 16000
_FRAME, _HOP = 320, 160  # 20 ms and 10 ms
_SILENT_DB = -55.0  # loudest frame of a file without speech, dB of full scale
_MARGIN = 800  # 50 ms, kept before and after the speech
_TONE_SHARE = 0.75  # of the energy in two spectral lines: tones have more, speech less


def read(path: Path) -> np.ndarray:
    """Decode a file to mono float64 in [-1, 1] at 16 kHz, shape (n,), without loading torch.

    Raises:
        BadAudio: no such file; empty, truncated or corrupt file; unknown format.
    """
    rate = audio.RAW_FORMATS[path.suffix][1] if path.suffix in audio.RAW_FORMATS else _rate_in_header(path)
    return resample(audio.load(path, rate).astype(np.float64), rate)


def _rate_in_header(path: Path) -> int:
    """Read the sample rate in Hz from the file's header; 16000 where libsndfile cannot read it."""
    import soundfile

    try:
        return soundfile.info(path).samplerate
    except (soundfile.LibsndfileError, TypeError):
        return RATE


def samples(container: "InputContainer") -> np.ndarray:
    """Decode all audio of an open PyAV container to mono float64 at 16 kHz, shape (n,)."""
    import av

    resampler = av.AudioResampler(format="fltp", layout="mono")
    frames = [part for frame in container.decode(audio=0) for part in resampler.resample(frame)]
    if not frames:
        return np.zeros(0)
    waveform = np.concatenate([frame.to_ndarray()[0] for frame in frames]).astype(np.float64)
    return resample(waveform, frames[0].sample_rate)


def resample(waveform: np.ndarray, rate: int, to: int = RATE) -> np.ndarray:
    """Change the sample rate by a polyphase filter; (n,) -> (ceil(n to / rate),)."""
    return waveform if rate == to or not len(waveform) else signal.resample_poly(waveform, to, rate)


def clean(waveform: np.ndarray, min_s: float, max_s: float, level_db: float, abrupt: bool = True) -> np.ndarray | None:
    """Trim, cut and level a recording at 16 kHz; None if it is silence, a tone, or too short.

    Args:
        abrupt: whether speech may start with the recording; if not, silence is put before and after it.
    """
    if not len(waveform) or frame_levels(waveform).max() < _SILENT_DB or is_tone(waveform):
        return None
    waveform = trim(waveform if abrupt else np.pad(waveform, _MARGIN))[: int(max_s * RATE)]
    return set_level(waveform, level_db) if len(waveform) >= min_s * RATE else None


def frame_levels(waveform: np.ndarray) -> np.ndarray:
    """Compute the level of each 20 ms frame, every 10 ms, in dB of full scale; shape (frames,)."""
    padded = np.pad(waveform, (0, max(0, _FRAME - len(waveform))))
    frames = np.lib.stride_tricks.sliding_window_view(padded, _FRAME)[::_HOP]
    return 10 * np.log10(np.mean(frames**2, axis=1) + 1e-12)


def trim(waveform: np.ndarray, below_db: float = 35.0) -> np.ndarray:
    """Keep 50 ms before the first and after the last frame within `below_db` of the loudest one."""
    levels = frame_levels(waveform)
    loud = np.flatnonzero(levels > levels.max() - below_db)
    return waveform[max(0, loud[0] * _HOP - _MARGIN) : loud[-1] * _HOP + _FRAME + _MARGIN]


def is_tone(waveform: np.ndarray) -> bool:
    """Whether two spectral lines hold most of the energy, as in beeps and dial tones (speech moves its pitch)."""
    raised = np.diff(waveform, prepend=0.0)  # so that the pitch of a monotonous voice is not taken for a line
    _, power = signal.welch(raised, RATE, nperseg=min(2048, len(raised)))
    total, lines = power.sum(), 0.0
    for _ in range(2):
        peak = int(power.argmax())
        line = slice(max(0, peak - 1), peak + 2)
        lines += power[line].sum()
        power[line] = 0
    return bool(lines > _TONE_SHARE * total)


def set_level(waveform: np.ndarray, level_db: float) -> np.ndarray:
    """Scale to a root mean square of `level_db` dB of full scale."""
    rms = np.sqrt(np.mean(waveform**2))
    return waveform * (10 ** (level_db / 20) / max(rms, 1e-9))
