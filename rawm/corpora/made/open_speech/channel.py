"""The channel of a corpus: the same band limit and codec for genuine and fake speech.

Without it a detector would learn the codec of the recordings instead of the traces of a synthesiser.
"""

import io

import numpy as np
from scipy import ndimage, signal

from rawm.config.open_speech import Channel
from rawm.corpora.made.open_speech.clean import RATE, resample, samples

#: codec -> (PyAV encoder, container, sample rate in Hz, usual bit/s)
CODECS = {
    "g722": ("g722", "g722", 16000, 64000),
    "mulaw": ("pcm_mulaw", "wav", 8000, 64000),
    "opus": ("libopus", "ogg", 16000, 24000),
    "mp3": ("libmp3lame", "mp3", 16000, 32000),
    "amr": ("libopencore_amrnb", "amr", 8000, 12200),
}
#: codec -> samples at 16 kHz by which decoded speech lags behind, beyond what the container corrects
DELAYS = {"g722": 22, "mulaw": 0, "opus": 0, "mp3": 0, "amr": 75}
_PAD = 1600  # 0.1 s of silence before and after, so that a codec's start and end fall outside the utterance


def transmit(waveform: np.ndarray, channel: Channel, band_hz: float | None = None, seed: int = 0) -> np.ndarray:
    """Send speech at 16 kHz through the channel; shape, length and timing stay.

    Args:
        waveform: (n,) float in [-1, 1].
        channel: settings of the channel.
        band_hz: upper band edge of the recording; None = the channel's.
        seed: seed of the line noise.
    """
    high = channel.high_hz if band_hz is None else min(channel.high_hz, band_hz)
    if channel.crest_db is not None:
        waveform = limit_peaks(waveform, channel.crest_db)
    line = np.pad(waveform, _PAD)
    if channel.noise_db is not None:
        line = line + np.random.default_rng(seed).normal(scale=10 ** (channel.noise_db / 20), size=len(line))
    limited = band_limit(line, channel.low_hz, high)
    if channel.codec != "none":
        limited = code(limited, channel.codec, channel.bit_rate)
    return limited[_PAD : _PAD + len(waveform)]


def band_limit(waveform: np.ndarray, low_hz: float, high_hz: float) -> np.ndarray:
    """Band-pass at 16 kHz without delay: Butterworth run both ways, so that the edges are down by 6 dB."""
    high_pass = signal.butter(2, low_hz, "highpass", fs=RATE, output="sos")
    low_pass = signal.butter(8, high_hz, "lowpass", fs=RATE, output="sos")
    return signal.sosfiltfilt(low_pass, signal.sosfiltfilt(high_pass, waveform))


def limit_peaks(waveform: np.ndarray, crest_db: float) -> np.ndarray:
    """Lower the gain around samples more than `crest_db` above the root mean square; the root mean square is kept."""
    rms = np.sqrt(np.mean(waveform**2))
    highest = rms * 10 ** (crest_db / 20)
    for _ in range(4):  # restoring the energy lifts the peaks again, less each time
        peaks = ndimage.maximum_filter1d(np.abs(waveform), 321)
        waveform = waveform * ndimage.uniform_filter1d(np.minimum(1.0, highest / np.maximum(peaks, 1e-9)), 161)
        waveform = waveform * (rms / np.sqrt(np.mean(waveform**2)))
    return waveform


def code(waveform: np.ndarray, codec: str, bit_rate: int | None = None) -> np.ndarray:
    """Encode and decode (n,) float at 16 kHz with a codec of CODECS, without its delay; returns (n,)."""
    encoder, container, rate, usual = CODECS[codec]
    encoded = _encode(resample(waveform, RATE, rate), encoder, container, rate, usual if bit_rate is None else bit_rate)
    decoded = _decode(encoded, container)[DELAYS[codec] :]
    return np.pad(decoded, (0, max(0, len(waveform) - len(decoded))))[: len(waveform)]


def _encode(waveform: np.ndarray, encoder: str, container: str, rate: int, bit_rate: int) -> io.BytesIO:
    import av

    pcm = np.round(np.clip(waveform, -1, 1) * 32767).astype(np.int16)
    buffer = io.BytesIO()
    with av.open(buffer, "w", format=container) as output:
        options = {"compression_level": "3"} if encoder == "libopus" else {}  # effort; 10 takes twice as long
        stream = output.add_stream(encoder, rate=rate, layout="mono", options=options)
        assert isinstance(stream, av.AudioStream)
        stream.bit_rate = bit_rate
        frame = av.AudioFrame.from_ndarray(pcm[None], format="s16", layout="mono")
        frame.sample_rate = rate
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            output.mux(packet)
    buffer.seek(0)
    return buffer


def _decode(encoded: io.BytesIO, container: str) -> np.ndarray:
    import av

    with av.open(encoded, "r", format=container) as source:
        return samples(source)
