"""Read the architecture of an encoder from a config.json with Hugging Face's keys."""

import json
from pathlib import Path
from typing import Any, NamedTuple

from torch import nn
from torchaudio.models import wav2vec2_model, wavlm_model

from rawm.errors import UserError

#: torchaudio's argument -> Hugging Face's key.
_KEYS = {
    "extractor_conv_bias": "conv_bias",
    "encoder_embed_dim": "hidden_size",
    "encoder_pos_conv_kernel": "num_conv_pos_embeddings",
    "encoder_pos_conv_groups": "num_conv_pos_embedding_groups",
    "encoder_num_layers": "num_hidden_layers",
    "encoder_num_heads": "num_attention_heads",
    "encoder_ff_interm_features": "intermediate_size",
    "encoder_layer_norm_first": "do_stable_layer_norm",
}
_WAVLM_KEYS = {"encoder_num_buckets": "num_buckets", "encoder_max_distance": "max_bucket_distance"}
_DROPOUTS = (
    "encoder_projection_dropout",
    "encoder_attention_dropout",
    "encoder_ff_interm_dropout",
    "encoder_dropout",
    "encoder_layer_drop",
)
#: Keys whose other values are not supported -> the supported value.
_SUPPORTED = {
    "add_adapter": False,
    "conv_pos_batch_norm": False,
    "feat_extract_activation": "gelu",
    "feat_proj_layer_norm": True,
    "hidden_act": "gelu",
}


class Architecture(NamedTuple):
    """Architecture of an encoder.

    Attributes:
        wavlm: WavLM; else wav2vec 2.0 or HuBERT.
        arguments: of torchaudio's function that builds it.
        normalise: whether its waveforms have mean 0 and variance 1.
    """

    wavlm: bool
    arguments: dict[str, Any]
    normalise: bool

    def build(self) -> nn.Module:
        """Build the encoder with random weights."""
        return (wavlm_model if self.wavlm else wav2vec2_model)(**self.arguments)


def read(weights: Path) -> Architecture:
    """Read the architecture of a Hugging Face folder, or of x.pt with an x.json beside it that has the same keys.

    Waveforms are normalised if `do_normalize` of preprocessor_config.json, or of the file itself, is true; without this
    key, if every convolution has a layer norm.

    Raises:
        UserError: the file is missing, or a key is missing or not supported.
    """
    path = weights / "config.json" if weights.is_dir() else weights.with_suffix(".json")
    config = _json(path)
    wavlm = config.get("model_type") == "wavlm"
    keys = {**_KEYS, **(_WAVLM_KEYS if wavlm else {})}
    needed = ["feat_extract_norm", "conv_dim", "conv_kernel", "conv_stride", *keys.values()]
    if missing := [key for key in needed if key not in config]:
        raise UserError(f"{path}: has no {', '.join(missing)}; give the config.json of the encoder")
    for key, supported in _SUPPORTED.items():
        if config.get(key, supported) != supported:
            raise UserError(f"{path}: {key} is {config[key]!r}; only {supported!r} is supported")
    layers = zip(config["conv_dim"], config["conv_kernel"], config["conv_stride"], strict=True)
    arguments = {
        "extractor_mode": f"{config['feat_extract_norm']}_norm",
        "extractor_conv_layer_config": list(layers),
        "aux_num_out": None,
        **{argument: config[key] for argument, key in keys.items()},
        **dict.fromkeys(_DROPOUTS, 0.0),
    }
    preprocessor = path.with_name("preprocessor_config.json")
    preprocessing = _json(preprocessor) if weights.is_dir() and preprocessor.is_file() else config
    return Architecture(wavlm, arguments, preprocessing.get("do_normalize", config["feat_extract_norm"] == "layer"))


def _json(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise UserError(
            f"{path}: no such file; describe the encoder in it, with the keys of Hugging Face's config.json"
        )
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise UserError(f"{path}: is not JSON ({error})") from None
