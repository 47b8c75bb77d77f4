"""Change the sample rate of a signal, at once or as it arrives.

Two resamplers share the work. torchaudio's keeps a filter for each step of the ratio in lowest terms: fast from 22,050
to 16,000 Hz (441 : 320), hopeless from 16,001 Hz, whose filters would need gigabytes. Where a term is above
640, soxr's takes over, which needs little memory for any ratio; 441 : 640, from 11,025 Hz, has the largest term of the
rates in use. In the band that both pass they agree to 1e-3.
"""

import math
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, Protocol

import numpy as np

_LARGEST_TERM = 640


def resample(samples: np.ndarray, source_rate: int, target_rate: int) -> np.ndarray:
    """(n,) float32 at `source_rate` Hz -> (ceil(n * target / source),) float32 at `target_rate` Hz."""
    if _terms(source_rate, target_rate)[2] > _LARGEST_TERM:
        return _by_soxr(samples, source_rate, target_rate)
    import torch

    with torch.no_grad():
        return _resampler(source_rate, target_rate)(torch.from_numpy(samples)).numpy()


def _terms(source: int, target: int) -> tuple[int, int, int]:
    """The ratio in lowest terms, and the larger of the two."""
    common = math.gcd(source, target)
    return source // common, target // common, max(source, target) // common


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


def _by_soxr(samples: np.ndarray, source: int, target: int) -> np.ndarray:
    stream = _SoxrStream(source, target)
    return np.concatenate([*stream.push(samples), stream.rest()])


class StreamResampler(Protocol):
    """Resample a signal that arrives in blocks, as `resample` would the whole."""

    def push(self, samples: np.ndarray) -> Iterator[np.ndarray]:
        """Add (n,) samples; yield what can be computed."""
        ...

    def rest(self) -> np.ndarray:
        """The end of the signal, (n,)."""
        ...


def stream_resampler(source: int, target: int, seconds: float) -> StreamResampler:
    """Make a resampler for a signal in blocks; `seconds` is about the length of what it yields."""
    if _terms(source, target)[2] > _LARGEST_TERM:
        return _SoxrStream(source, target)
    return _OverlappingStream(source, target, seconds)


class _SoxrStream:
    """soxr's own stream; gives the same values whatever the blocks."""

    def __init__(self, source: int, target: int):
        import soxr

        self._stream = soxr.ResampleStream(source, target, 1, dtype="float32", quality="VHQ")
        self._source, self._target = source, target
        self._read = self._written = 0

    def push(self, samples: np.ndarray) -> Iterator[np.ndarray]:
        computed = self._stream.resample_chunk(np.ascontiguousarray(samples, np.float32))
        self._read += len(samples)
        self._written += len(computed)
        if len(computed):
            yield computed

    def rest(self) -> np.ndarray:
        """The end; cut or filled with zeros to the length that `resample` promises."""
        computed = self._stream.resample_chunk(np.zeros(0, np.float32), last=True)
        wanted = -(-self._read * self._target // self._source) - self._written
        return np.pad(computed, (0, max(0, wanted - len(computed))))[: max(0, wanted)]


class _OverlappingStream:
    """Give each call of torchaudio's resampler more samples than are taken from it, on both sides.

    They are as many as its filter is wide. Blocks start at multiples of `_step`, where a sample of the input and one of
    the output are at the same time.
    """

    def __init__(self, source: int, target: int, seconds: float):
        self._source, self._target = source, target
        self._step, self._step_out, _ = _terms(source, target)
        self._margin = self._multiple(2 * 64 * max(1.0, source / target))
        self._size = max(self._margin, self._multiple(seconds * source))
        self._waiting, self._before = np.zeros(0, np.float32), 0  # samples at hand, and how many of them were given

    def _multiple(self, samples: float) -> int:
        return self._step * math.ceil(samples / self._step)

    def push(self, samples: np.ndarray) -> Iterator[np.ndarray]:
        self._waiting = np.concatenate([self._waiting, samples])
        while len(self._waiting) >= self._before + self._size + self._margin:
            end = self._before + self._size
            computed = resample(self._waiting[: end + self._margin], self._source, self._target)
            yield computed[self._outputs(self._before) : self._outputs(end)]
            self._waiting = self._waiting[end - self._margin :]
            self._before = self._margin

    def rest(self) -> np.ndarray:
        return resample(self._waiting, self._source, self._target)[self._outputs(self._before) :]

    def _outputs(self, samples: int) -> int:
        return samples // self._step * self._step_out
