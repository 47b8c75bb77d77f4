"""Augmentations: `config/augmentations/*.yaml`, how copies of training utterances are changed."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from rawm.config.base import Model
from rawm.config.open_speech import Channel

Part = Literal["convolutive", "impulsive", "stationary"]
Interval = tuple[float, float]


class Effect(Model):
    """Keys of every effect."""

    probability: float = Field(
        1.0,
        gt=0,
        le=1,
        description="Chance that a copy has the effect; with `apply: one`, its share of the copies.",
    )

    @model_validator(mode="after")
    def _rising(self) -> "Effect":
        for key, value in self:
            if isinstance(value, tuple) and value[0] > value[1]:
                raise ValueError(f"{key} is {list(value)}; give the smaller number first")
        return self


class RawBoost(Effect):
    """RawBoost (Tak et al., ICASSP 2022): noise as telephony adds it, made by filters; values of the released code."""

    type: Literal["rawboost"]
    parts: list[Part] = Field(
        ["convolutive", "impulsive"],
        min_length=1,
        description="convolutive = linear and non-linear convolutive noise, impulsive = signal-dependent, stationary = "
        "signal-independent additive noise.",
    )
    combine: Literal["series", "parallel"] = Field(
        "series", description="series = each part works on the result of the one before; parallel = their sum."
    )
    orders: int = Field(5, ge=1, le=9, description="Powers of the signal in convolutive noise; 1 = linear only.")
    bands: int = Field(5, ge=1, description="Notches of each filter.")
    centre_hz: Interval = Field((20.0, 8000.0), description="Centres of the notches in Hz.")
    width_hz: Interval = Field((100.0, 1000.0), description="Widths of the notches in Hz.")
    taps: tuple[int, int] = Field((10, 100), description="Coefficients of the filter of one notch.")
    gain_db: Interval = Field((0.0, 0.0), description="Gain of the filters in dB.")
    non_linear_loss_db: Interval = Field(
        (5.0, 20.0), description="What is subtracted from both ends of `gain_db` for powers above the first."
    )
    impulses_percent: float = Field(10.0, gt=0, le=100, description="Most samples that impulsive noise changes, in %.")
    impulse_gain: float = Field(2.0, gt=0, description="Largest change of such a sample, relative to it.")
    snr_db: Interval = Field((10.0, 40.0), description="Signal-to-noise ratio of stationary noise in dB.")

    @model_validator(mode="after")
    def _once(self) -> "RawBoost":
        if len(set(self.parts)) < len(self.parts):
            raise ValueError("parts names one twice; give each once")
        return self


class Noise(Effect):
    """Coloured noise: its power falls or rises with frequency."""

    type: Literal["noise"]
    colours: list[Literal["white", "pink", "brown", "blue", "violet"]] = Field(
        ["white", "pink", "brown"], min_length=1, description="Colours; each copy has one."
    )
    snr_db: Interval = Field((0.0, 20.0), description="Signal-to-noise ratio in dB.")


class Babble(Effect):
    """Several voices of the same corpus at once, from other training utterances."""

    type: Literal["babble"]
    talkers: tuple[int, int] = Field((3, 7), description="Least and most voices.")
    snr_db: Interval = Field((13.0, 20.0), description="Signal-to-noise ratio in dB.")

    @model_validator(mode="after")
    def _some(self) -> "Babble":
        if self.talkers[0] < 1:
            raise ValueError("talkers must be 1 or more")
        return self


class Codec(Effect):
    """Channels with a codec, as corpora of open speech have them."""

    type: Literal["codec"]
    channels: list[Channel] = Field(
        [
            Channel(codec="mulaw"),
            Channel(codec="g722"),
            Channel(codec="amr"),
            Channel(codec="opus"),
            Channel(codec="mp3"),
        ],
        min_length=1,
        description="Channels; each copy goes through one.",
    )


class Reverberation(Effect):
    """Box-shaped rooms, simulated by the image source method."""

    type: Literal["reverberation"]
    rt60_s: Interval = Field((0.15, 0.4), description="Reverberation time in s, at most 0.6.")
    size_m: Interval = Field((3.0, 8.0), description="Length and width of a room in m; its height is 2.5 to 4 m.")
    distance_m: Interval = Field((0.5, 3.0), description="From mouth to microphone in m, where the room allows it.")
    rooms: int = Field(30, ge=1, le=1000, description="Simulated rooms; each copy is heard in one.")

    @model_validator(mode="after")
    def _possible(self) -> "Reverberation":
        if not 0.1 <= self.rt60_s[0] <= self.rt60_s[1] <= 0.6:
            raise ValueError(f"rt60_s is {list(self.rt60_s)}; give two numbers from 0.1 to 0.6")
        if self.size_m[0] < 2 or self.distance_m[0] <= 0:
            raise ValueError("size_m must be 2 or larger, and distance_m larger than 0")
        return self


class AugmentationFile(Model):
    """How changed copies of training utterances are made."""

    title: str = Field("", description="Shown in MLflow; empty = the file's name.")
    copies: int = Field(1, ge=1, le=100, description="Changed copies of each training utterance, beside the original.")
    seed: int = Field(0, ge=0, description="Another seed makes other copies.")
    apply: Literal["all", "one"] = Field(
        "all", description="all = each effect by its chance, in the order of the file; one = one of them."
    )
    effects: list[Annotated[RawBoost | Noise | Babble | Codec | Reverberation, Field(discriminator="type")]] = Field(
        min_length=1, description="Effects on the waveform."
    )
