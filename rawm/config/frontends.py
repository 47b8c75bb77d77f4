"""Front-ends: `config/frontends/*.yaml`."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from rawm.config.base import Model
from rawm.config.labels import Label


class Signal(Model):
    """Keys of all front-ends that compute short-time spectra."""

    sample_rate: int = Field(16000, ge=8000, description="Sample rate in Hz; audio is resampled to it.")
    preemphasis: float = Field(
        0.0, ge=0, lt=1, description="Coefficient a of the pre-emphasis x[t] - a x[t - 1], e.g. 0.97; 0 = none."
    )
    window: Literal["hamming", "hann", "blackman"] = Field("hamming", description="Analysis window.")
    window_ms: float = Field(20.0, gt=0, description="Length of the analysis window in milliseconds.")
    hop_ms: float = Field(10.0, gt=0, description="Frame step in milliseconds.")
    n_fft: int = Field(512, ge=64, description="Points of the FFT.")
    f_min: float = Field(0.0, ge=0, description="Lowest frequency in Hz: the lower edge of the lowest filter.")
    f_max: float | None = Field(None, gt=0, description="Highest frequency in Hz; null = half the sample rate.")
    deltas: int = Field(
        0, ge=0, le=2, description="Time derivatives to append: 0 = none, 1 = first, 2 = first and second."
    )
    mean_normalisation: bool = Field(False, description="Subtract each coefficient's mean over the utterance.")
    pooling: Literal["none", "mean_std"] = Field(
        "none", description="none = frames (T, d); mean_std = mean and standard deviation over time (2 d)."
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
    deltas: int = Field(
        2, ge=0, le=2, description="Time derivatives to append: 0 = none, 1 = first, 2 = first and second."
    )

    @model_validator(mode="after")
    def _enough(self) -> "Cepstra":
        if self.n_coefficients > self.n_filters:
            raise ValueError(f"n_coefficients must be at most n_filters ({self.n_filters})")
        return self


class LFCC(Cepstra):
    """Linear-frequency cepstral coefficients, the front-end of the ASVspoof baselines."""

    type: Literal["lfcc"]
    energy: bool = Field(False, description="Replace the zeroth coefficient by the log energy of the frame.")


class MFCC(Cepstra):
    """Mel-frequency cepstral coefficients."""

    type: Literal["mfcc"]


class LogMel(Signal):
    """Log energies of mel filters."""

    type: Literal["logmel"]
    n_filters: int = Field(80, ge=2, description="Triangular filters, evenly spaced on the mel scale.")


class Spectrogram(Signal):
    """Log power spectrum: one number per FFT bin between f_min and f_max."""

    type: Literal["spectrogram"]


class SSL(Model):
    """Hidden states of a self-supervised speech encoder, every 20 ms."""

    type: Literal["ssl"]
    model: Literal[
        "wav2vec2_base",
        "wav2vec2_large",
        "wav2vec2_large_lv60k",
        "wav2vec2_xlsr53",
        "xlsr_300m",
        "xlsr_1b",
        "xlsr_2b",
        "hubert_base",
        "hubert_large",
        "hubert_xlarge",
        "wavlm_base",
        "wavlm_base_plus",
        "wavlm_large",
        "custom",
    ] = Field(description="Architecture; custom = as in the config.json beside the weights.")
    weights: str | None = Field(
        None,
        description="File (state dict of torchaudio or checkpoint of fairseq) or Hugging Face folder; ~ and "
        "${VARIABLES} are expanded. null = fetch torchaudio's weights once.",
    )
    layers: list[int] = Field(
        [-1],
        min_length=1,
        description="Hidden states to average: 0 = input of the Transformer, n = its n-th layer, -1 = its last layer.",
    )
    layer_weights: list[float] | None = Field(
        None, description="Weights of the layers in the average, divided by their sum; null = equal weights."
    )
    pooling: Literal["none", "mean", "mean_std"] = Field(
        "none", description="none = frames (T, d); mean (d) or mean_std (2 d) over time."
    )
    max_seconds: float | None = Field(
        None, ge=0.1, description="Seconds from the start of a file that are used; null = all."
    )
    batch_seconds: float = Field(60.0, gt=0, description="Seconds of audio per batch; more needs more memory.")
    precision: Literal["float32", "bfloat16", "float16"] = Field(
        "float32", description="Precision of matrix products; bfloat16 and float16 are faster on GPUs."
    )

    @model_validator(mode="after")
    def _consistent(self) -> "SSL":
        if len(set(self.layers)) < len(self.layers):
            raise ValueError("layers names one twice; name each once")
        if self.layer_weights is not None and len(self.layer_weights) != len(self.layers):
            raise ValueError(f"layer_weights needs {len(self.layers)} numbers, one for each of layers")
        if self.layer_weights is not None and not sum(self.layer_weights):
            raise ValueError("layer_weights must not add up to 0")
        if self.model == "custom" and self.weights is None:
            raise ValueError("model custom needs weights, the file or folder of the encoder")
        return self


class Stored(Model):
    """Features computed elsewhere, for corpora of features. They are read, not computed."""

    type: Literal["stored"]
    features: Label = Field(description="Name of the feature set in the feature folders of the corpora, e.g. moco_b0.")


AudioFrontendSettings = LFCC | MFCC | LogMel | Spectrogram | SSL
FrontendSettings = AudioFrontendSettings | Stored
FrontendFile = Annotated[FrontendSettings, Field(discriminator="type")]
