"""Hidden states of self-supervised speech encoders."""

from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import layer_norm
from torch.nn.utils.rnn import pad_sequence

from rawm.config.frontends import SSL as Settings
from rawm.errors import UserError
from rawm.frontends.ssl_encoders import load


class SSL:
    """A weighted mean of hidden states of wav2vec 2.0, XLS-R, HuBERT or WavLM, per frame of 20 ms or pooled over time.

    Hidden state 0 is the input of the first Transformer layer, n the output of the n-th; the last one is taken after
    the encoder's final normalisation, as fairseq's features and Hugging Face's `last_hidden_state` are. The waveform is
    normalised to mean 0 and variance 1 for models that were trained on normalised waveforms.

    The convolutions run on one utterance at a time: they gain nothing from batches, and the group norm of base models
    would include the padding. The Transformer runs on padded batches with the padding masked. So the features of an
    utterance do not depend on its batch, except for rounding.

    Shapes: waveform (n,) at 16 kHz -> (T, d), T = 1 + (n - 400) // 320; pooled (d,) or (2 d,).

    Source: Baevski et al. 2020 (wav2vec 2.0), Babu et al. 2022 (XLS-R), Hsu et al. 2021 (HuBERT), Chen et al. 2022
    (WavLM); the modules are torchaudio's.

    Deviations: `torchaudio`'s `extract_features` leaves the final normalisation out of the last state of large models.
    """

    sample_rate: int = 16000

    def __init__(self, settings: Settings):
        encoder, self._normalise = load(settings)
        self._encoder: Any = encoder  # Any: torchaudio declares its parts as plain modules
        self.settings = settings
        self._device = torch.device("cpu")
        transformer = self._encoder.encoder.transformer
        self._weights = _layer_weights(settings, len(transformer.layers))
        self.pooled = settings.pooling != "none"
        self.dim: int = transformer.layer_norm.normalized_shape[0] * (2 if settings.pooling == "mean_std" else 1)
        self.batch_seconds, self.max_seconds = settings.batch_seconds, settings.max_seconds
        self.min_samples: int = 1
        for block in reversed(self._encoder.feature_extractor.conv_layers):
            self.min_samples = (self.min_samples - 1) * block.stride + block.kernel_size

    def to(self, device: str | torch.device) -> "SSL":
        """Compute on a device from now on."""
        self._device = torch.device(device)
        self._encoder.to(self._device)
        return self

    def __call__(self, waveform: Tensor) -> Tensor:
        """Features of one waveform (n,) float32, n >= min_samples."""
        return self.many([waveform])[0]

    @torch.inference_mode()
    def many(self, waveforms: list[Tensor]) -> list[Tensor]:
        """Features of each waveform, float32 on the CPU."""
        for waveform in waveforms:
            if waveform.dim() != 1 or len(waveform) < self.min_samples:
                raise ValueError(f"a waveform of at least ({self.min_samples},) is needed, not {tuple(waveform.shape)}")
        dtype = getattr(torch, self.settings.precision)
        with torch.autocast(self._device.type, dtype, enabled=dtype != torch.float32):
            frames = [self._convolve(waveform.to(self._device)) for waveform in waveforms]
            lengths = torch.tensor([len(x) for x in frames], device=self._device)
            states = self._transform(pad_sequence(frames, batch_first=True), lengths)
        states = [state[: len(x)].float() for state, x in zip(states, frames, strict=True)]
        if self.pooled:
            return list(torch.stack([self._pool(state) for state in states]).cpu())
        return [state.cpu() for state in states]

    def _convolve(self, waveform: Tensor) -> Tensor:
        """Convolve one waveform: (n,) -> (T, channels)."""
        if self._normalise:
            waveform = layer_norm(waveform, waveform.shape)
        return self._encoder.feature_extractor(waveform[None], None)[0][0]

    def _transform(self, x: Tensor, lengths: Tensor) -> Tensor:
        """Run the Transformer: padded (N, T, channels), lengths (N,) -> weighted mean of hidden states (N, T, d)."""
        encoder, transformer = self._encoder.encoder, self._encoder.encoder.transformer
        padding = torch.arange(x.shape[1], device=x.device) >= lengths[:, None]
        x = encoder.feature_projection(x).masked_fill(padding[..., None], 0.0)
        if not bool(padding.any()):
            masks = {}
        elif hasattr(transformer.layers[0].attention, "rel_attn_embed"):  # WavLM
            masks = {
                "key_padding_mask": torch.zeros_like(padding, dtype=torch.float32).masked_fill(padding, -torch.inf)
            }
        else:
            masks = {"attention_mask": (~padding)[:, None, None, :].expand(-1, 1, x.shape[1], -1)}
        x = x + transformer.pos_conv_embed(x)
        if transformer.layer_norm_first:  # torchaudio's name for post-norm layers
            x = transformer.layer_norm(x)
        total = self._weights.get(0, 0.0) * x
        position_bias = None
        for number, layer in enumerate(transformer.layers[: max(self._weights)], start=1):
            x, position_bias = layer(x, position_bias=position_bias, **masks)
            if number in self._weights:
                last = number == len(transformer.layers) and not transformer.layer_norm_first
                total = total + self._weights[number] * (transformer.layer_norm(x) if last else x)
        return total

    def _pool(self, state: Tensor) -> Tensor:
        if self.settings.pooling == "mean":
            return state.mean(0)
        return torch.cat([state.mean(0), state.std(0, correction=0)])


def _layer_weights(settings: Settings, depth: int) -> dict[int, float]:
    """Hidden state (0 to depth) -> its weight; the weights add up to 1."""
    weights = [1.0] * len(settings.layers) if settings.layer_weights is None else settings.layer_weights
    chosen: dict[int, float] = {}
    for layer, weight in zip(settings.layers, weights, strict=True):
        state = layer + depth + 1 if layer < 0 else layer
        if not 0 <= state <= depth or state in chosen:
            raise UserError(f"layers: {layer}: {settings.model} has {depth} layers; name each of 0 to {depth} once")
        chosen[state] = weight / sum(weights)
    return chosen
