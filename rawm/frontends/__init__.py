"""Front-ends: waveform -> features.

A front-end is called with a waveform (n,) float32 in [-1, 1] at its `sample_rate` and returns frames (T, dim), or one
vector (dim,) where it is `pooled`, float32. It needs at least `min_samples` samples.
"""

from importlib import import_module
from typing import Any

#: `type` in config/frontends/*.yaml -> "module:class"; the class takes the file's settings.
FRONTENDS = {
    "lfcc": "rawm.frontends.lfcc:LFCC",
    "logmel": "rawm.frontends.logmel:LogMelSpectrum",
    "mfcc": "rawm.frontends.mfcc:MFCC",
    "ssl": "rawm.frontends.ssl:SSL",
    "spectrogram": "rawm.frontends.spectrogram:Spectrogram",
}


def build(settings: Any) -> Any:
    """The front-end of a front-end file's settings.

    Its attributes: dim, pooled, sample_rate, min_samples, max_seconds (of a file that are used; None = all) and
    batch_seconds. Where this is not 0, the front-end is neural: `many` takes so much audio at a time, and `to` moves it
    to a device.
    """
    module, name = FRONTENDS[settings.type].split(":")
    return getattr(import_module(module), name)(settings)
