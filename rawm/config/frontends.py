"""Front-ends: `config/frontends/*.yaml`."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from rawm.config.base import Model


class Signal(Model):
    """What all front-ends that compute short-time spectra have in common."""

    sample_rate: int = Field(16000, ge=8000, description="Hz; audio is resampled to it.")
    preemphasis: float = Field(0.0, ge=0, lt=1, description="a in x[t] - a x[t - 1], e.g. 0.97; 0 = none.")
    window: Literal["hamming", "hann", "blackman"] = Field("hamming", description="Analysis window.")
    window_ms: float = Field(20.0, gt=0, description="Analysis window in milliseconds.")
    hop_ms: float = Field(10.0, gt=0, description="Frame step in milliseconds.")
    n_fft: int = Field(512, ge=64, description="Points of the FFT.")
    f_min: float = Field(0.0, ge=0, description="Lowest frequency in Hz; the lowest filter's lower edge.")
    f_max: float | None = Field(None, gt=0, description="Highest frequency in Hz; null = half the sample rate.")
    deltas: int = Field(0, ge=0, le=2, description="Orders of time derivatives appended: 0, 1 or 2.")
    mean_normalisation: bool = Field(False, description="Subtract each coefficient's mean over the utterance.")
    pooling: Literal["none", "mean_std"] = Field(
        "none", description="none keeps frames (T, d); mean_std stores the mean and std over time (2 d)."
    )

    @model_validator(mode="after")
    def _possible(self) -> "Signal":
        if self.window_ms * self.sample_rate / 1000 > self.n_fft:
            raise ValueError(f"n_fft must be at least the window, {self.window_ms * self.sample_rate / 1000:g} samples")
        if self.f_max is not None and not self.f_min < self.f_max <= self.sample_rate / 2:
            raise ValueError("f_max must lie between f_min and half of sample_rate")
        if self.mean_normalisation and self.pooling == "mean_std":
            raise ValueError("mean_normalisation leaves no means for pooling mean_std; use one of the two")
        return self


class Cepstra(Signal):
    """Cepstral coefficients of a filter bank."""

    n_filters: int = Field(20, ge=2, description="Triangular filters between f_min and f_max.")
    n_coefficients: int = Field(20, ge=1, description="Cepstral coefficients kept, the zeroth included.")
    deltas: int = Field(2, ge=0, le=2, description="Orders of time derivatives appended: 0, 1 or 2.")

    @model_validator(mode="after")
    def _enough(self) -> "Cepstra":
        if self.n_coefficients > self.n_filters:
            raise ValueError(f"n_coefficients must be at most n_filters ({self.n_filters})")
        return self


class LFCC(Cepstra):
    """Linear-frequency cepstral coefficients, the front-end of the ASVspoof baselines."""

    type: Literal["lfcc"]
    energy: bool = Field(False, description="The logarithm of the frame's energy in place of the zeroth coefficient.")


class MFCC(Cepstra):
    """Mel-frequency cepstral coefficients."""

    type: Literal["mfcc"]


class LogMel(Signal):
    """Logarithms of the energies of mel filters."""

    type: Literal["logmel"]
    n_filters: int = Field(80, ge=2, description="Triangular filters, evenly spaced on the mel scale.")


class Spectrogram(Signal):
    """Logarithm of the power spectrum, one number for each bin of the FFT between f_min and f_max."""

    type: Literal["spectrogram"]


class Stored(Model):
    """Vectors or frames computed elsewhere, for corpora of features: nothing is computed, they are only looked up."""

    type: Literal["stored"]
    features: str = Field(description="Name of the feature set in the corpora's feature folders, e.g. moco_b0.")


FrontendFile = Annotated[LFCC | MFCC | LogMel | Spectrogram | Stored, Field(discriminator="type")]
