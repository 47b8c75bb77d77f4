"""Front-ends: waveform -> frames (T, d) or one vector (d,). The interface is `frontend.FrontEnd`."""

from importlib import import_module
from typing import TYPE_CHECKING

from rawm.config.frontends import AudioFrontendSettings

if TYPE_CHECKING:
    from rawm.frontends.frontend import FrontEnd

#: `type` in config/frontends/*.yaml -> "module:class" (a `FrontEnd`), built from the file's settings.
FRONTENDS = {
    "lfcc": "rawm.frontends.lfcc:LFCC",
    "logmel": "rawm.frontends.logmel:LogMelSpectrum",
    "mfcc": "rawm.frontends.mfcc:MFCC",
    "ssl": "rawm.frontends.ssl:SSL",
    "spectrogram": "rawm.frontends.spectrogram:Spectrogram",
}


def build(settings: AudioFrontendSettings) -> "FrontEnd":
    """Build the front-end of a front-end file's settings.

    Raises:
        UserError: the weights of a neural front-end are missing, or do not fit its architecture.
    """
    module, name = FRONTENDS[settings.type].split(":")
    return getattr(import_module(module), name)(settings)
