"""Detectors: `config/detectors/*.yaml`.

`frames_only`: the detector cannot take one vector per utterance. `parts`: names of its layers and groups of layers.
"""

from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from rawm.config.base import Model


class DetectorBase(Model):
    """Keys of every detector."""

    standardisation: Literal["frozen", "floored", "clipped", "per_task"] = Field(
        "frozen",
        description="Input standardisation: frozen = by mean and deviation of the first task's training features; "
        "floored = frozen, with deviations of at least 5 % of their median; clipped = frozen, then limited to five "
        "deviations; per_task = by those of the task that was learned last.",
    )


class MLP(DetectorBase):
    """Multi-layer perceptron on pooled features. Frames are pooled to mean and standard deviation over time first."""

    frames_only: ClassVar[bool] = False
    parts: ClassVar[tuple[str, ...]] = ("hidden", "output")
    type: Literal["mlp"]
    hidden: list[int] = Field([512, 512, 512, 512], description="Widths of the hidden layers; [] is a linear detector.")


class SCNN(DetectorBase):
    """Self-attention convolutional network on frames: the back-end of the RAWM and RWM papers."""

    frames_only: ClassVar[bool] = True
    parts: ClassVar[tuple[str, ...]] = ("projection", "convolutions", "attention", "hidden", "output")
    type: Literal["scnn"]
    projection: int = Field(256, ge=1, description="Size to which each frame is projected first.")
    channels: int = Field(
        80, ge=1, description="Channels of the three convolutions; also the width of the hidden layer."
    )
    kernel: int = Field(5, ge=1, description="Width of a convolution in frames; an odd number.")

    @model_validator(mode="after")
    def _odd(self) -> "SCNN":
        if self.kernel % 2 == 0:
            raise ValueError(f"kernel must be odd, e.g. {self.kernel + 1}")
        return self


class LCNN(DetectorBase):
    """Light CNN with LSTM layers on frames, as images of time and feature: the ASVspoof 2021 baseline."""

    frames_only: ClassVar[bool] = True
    parts: ClassVar[tuple[str, ...]] = ("convolutions", "recurrent", "embedding", "output")
    type: Literal["lcnn"]
    channels: int = Field(
        32,
        ge=2,
        multiple_of=2,
        description="Channels after the first convolution; later layers have 1, 1.5 or 2 times as many.",
    )
    recurrent_layers: int = Field(2, ge=0, description="Bidirectional LSTM layers after the convolutions.")
    embedding: int = Field(64, ge=1, description="Size of the embedding.")
    dropout: float = Field(0.7, ge=0, lt=1, description="Share of the convolutions' outputs dropped in training.")


class AASIST(DetectorBase):
    """Back-end of AASIST: graph attention over the spectral and temporal parts of frames."""

    frames_only: ClassVar[bool] = True
    parts: ClassVar[tuple[str, ...]] = (
        "projection",
        "first_norm",
        "blocks",
        "last_norm",
        "attention",
        "attention_norm",
        "positions",
        "of_features",
        "of_frames",
        "pool_features",
        "pool_frames",
        "branches",
        "output",
    )
    type: Literal["aasist"]
    projection: int = Field(128, ge=3, description="Size to which each frame is projected first.")
    channels: list[int] = Field(
        [32, 64], min_length=2, max_length=2, description="Channels of the first two and of the last four blocks."
    )
    graph: list[int] = Field(
        [64, 32],
        min_length=2,
        max_length=2,
        description="Size of a node in the spectral and temporal graphs, and in the joined graph.",
    )
    keep: list[int] = Field(
        [50, 50, 50],
        min_length=3,
        max_length=3,
        description="Percentage of nodes kept by pooling in the spectral, temporal and joined graph.",
    )
    temperatures: list[float] = Field(
        [2.0, 100.0],
        min_length=2,
        max_length=2,
        description="Attention temperatures in the spectral and temporal graphs, and in the joined graph.",
    )
    dropout: float = Field(0.5, ge=0, lt=1, description="Share of the embedding dropped in training.")
    graph_dropout: float = Field(0.2, ge=0, lt=1, description="Share of the graphs' inputs dropped in training.")


DetectorFile = Annotated[MLP | SCNN | LCNN | AASIST, Field(discriminator="type")]
