"""Front-ends and detectors: `config/frontends/*.yaml` and `config/detectors/*.yaml`."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from rawm.config.base import Model


class LFCC(Model):
    """Linear-frequency cepstral coefficients, the front-end of the ASVspoof baselines."""

    type: Literal["lfcc"]
    sample_rate: int = Field(16000, ge=8000, description="Hz; audio is resampled to it.")
    n_filters: int = Field(20, ge=2, description="Triangular filters, linearly spaced from f_min to f_max.")
    n_coefficients: int = Field(20, ge=1, description="Cepstral coefficients kept, the zeroth included.")
    window_ms: float = Field(20.0, gt=0, description="Analysis window in milliseconds.")
    hop_ms: float = Field(10.0, gt=0, description="Frame step in milliseconds.")
    n_fft: int = Field(512, ge=64, description="Points of the FFT.")
    f_min: float = Field(0.0, ge=0, description="Lowest filter edge in Hz.")
    f_max: float | None = Field(None, gt=0, description="Highest filter edge in Hz; null = half the sample rate.")
    deltas: int = Field(2, ge=0, le=2, description="Orders of time derivatives appended: 0, 1 or 2.")
    pooling: Literal["none", "mean_std"] = Field(
        "none", description="none keeps frames (T, d); mean_std stores the mean and std over time (2 d)."
    )

    @model_validator(mode="after")
    def _consistent(self) -> "LFCC":
        if self.n_coefficients > self.n_filters:
            raise ValueError(f"n_coefficients must be at most n_filters ({self.n_filters})")
        if self.window_ms * self.sample_rate / 1000 > self.n_fft:
            raise ValueError(f"n_fft must be at least the window, {self.window_ms * self.sample_rate / 1000:g} samples")
        if self.f_max is not None and not self.f_min < self.f_max <= self.sample_rate / 2:
            raise ValueError("f_max must lie between f_min and half of sample_rate")
        return self


class Stored(Model):
    """Vectors or frames computed elsewhere, for corpora of features: nothing is computed, they are only looked up."""

    type: Literal["stored"]
    features: str = Field(description="Name of the feature set in the corpora's feature folders, e.g. moco_b0.")


class MLP(Model):
    """Multi-layer perceptron on pooled features; frame features are pooled to mean and std over time first."""

    type: Literal["mlp"]
    hidden: list[int] = Field([512, 512, 512, 512], description="Widths of the hidden layers; [] is a linear detector.")


FrontendFile = Annotated[LFCC | Stored, Field(discriminator="type")]
DetectorFile = MLP
Split = Annotated[str, Field(pattern=r"^(train|dev|eval)$")]
