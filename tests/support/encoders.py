"""Small encoders with random weights, and how others name the weights of the same encoder."""

import argparse
import json
import re
from pathlib import Path

import torch
from safetensors.torch import save_file
from torchaudio.models import Wav2Vec2Model, wav2vec2_model, wavlm_model

#: Family -> what makes it different from the others.
FAMILIES = {
    "base": {"extractor_mode": "group_norm", "extractor_conv_bias": False, "encoder_layer_norm_first": False},
    "large": {"extractor_mode": "layer_norm", "extractor_conv_bias": True, "encoder_layer_norm_first": True},
    "wavlm_base": {"extractor_mode": "group_norm", "extractor_conv_bias": False, "encoder_layer_norm_first": False},
    "wavlm_large": {"extractor_mode": "layer_norm", "extractor_conv_bias": False, "encoder_layer_norm_first": True},
}
CONVOLUTIONS = [(16, 10, 5), *[(16, 3, 2)] * 4, *[(16, 2, 2)] * 2]
DIM, LAYERS, HEADS, HIDDEN = 24, 3, 4, 40


def encoder(family: str, seed: int = 0) -> Wav2Vec2Model:
    """An encoder whose every weight is random, norms and biases too."""
    torch.manual_seed(seed)
    model = (wavlm_model if family.startswith("wavlm") else wav2vec2_model)(
        **FAMILIES[family],
        extractor_conv_layer_config=CONVOLUTIONS,
        encoder_embed_dim=DIM,
        encoder_projection_dropout=0.1,
        encoder_pos_conv_kernel=16,
        encoder_pos_conv_groups=4,
        encoder_num_layers=LAYERS,
        encoder_num_heads=HEADS,
        encoder_attention_dropout=0.1,
        encoder_ff_interm_features=HIDDEN,
        encoder_ff_interm_dropout=0.1,
        encoder_dropout=0.1,
        encoder_layer_drop=0.1,
        aux_num_out=None,
        **({"encoder_num_buckets": 32, "encoder_max_distance": 80} if family.startswith("wavlm") else {}),
    )
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return model.eval()


def config(family: str, normalise: bool = False) -> dict:
    """The encoder in the keys of Hugging Face's config.json."""
    shape = FAMILIES[family]
    wavlm = {"model_type": "wavlm", "num_buckets": 32, "max_bucket_distance": 80}
    return {
        "feat_extract_norm": shape["extractor_mode"].removesuffix("_norm"),
        "conv_bias": shape["extractor_conv_bias"],
        "do_stable_layer_norm": shape["encoder_layer_norm_first"],
        "conv_dim": [c for c, _, _ in CONVOLUTIONS],
        "conv_kernel": [k for _, k, _ in CONVOLUTIONS],
        "conv_stride": [s for _, _, s in CONVOLUTIONS],
        "hidden_size": DIM,
        "num_hidden_layers": LAYERS,
        "num_attention_heads": HEADS,
        "intermediate_size": HIDDEN,
        "num_conv_pos_embeddings": 16,
        "num_conv_pos_embedding_groups": 4,
        "do_normalize": normalise,
        **(wavlm if family.startswith("wavlm") else {"model_type": "wav2vec2"}),
    }


def save_torchaudio(model: Wav2Vec2Model, family: str, folder: Path) -> Path:
    """A state dict, with the architecture beside it."""
    torch.save(model.state_dict(), folder / "encoder.pt")
    (folder / "encoder.json").write_text(json.dumps(config(family)))
    return folder / "encoder.pt"


def save_hugging_face(model: Wav2Vec2Model, family: str, folder: Path) -> Path:
    """A folder of transformers, as of a model for speech recognition."""
    kind = "wavlm" if family.startswith("wavlm") else "wav2vec2"
    state = {}
    for key, value in _split(model.state_dict()).items():
        key = key.replace("encoder.feature_projection.", "feature_projection.").replace(
            "encoder.transformer.", "encoder."
        )
        state[f"{kind}.{key}"] = value.contiguous()
    state |= {f"{kind}.masked_spec_embed": torch.zeros(DIM), "lm_head.weight": torch.zeros(5, DIM)}
    target = folder / "hugging_face"
    target.mkdir()
    save_file(state, target / "model.safetensors")
    values = config(family)
    (target / "preprocessor_config.json").write_text(json.dumps({"do_normalize": values.pop("do_normalize")}))
    (target / "config.json").write_text(json.dumps(values))
    return target


def save_fairseq(model: Wav2Vec2Model, family: str, folder: Path, legacy: bool = False) -> Path:
    """A checkpoint of fairseq, with its options as the old ones have them."""
    group = FAMILIES[family]["extractor_mode"] == "group_norm"
    names = [
        (r"(conv_layers\.\d+)\.conv\.", r"\1.0."),
        (r"(conv_layers\.\d+)\.layer_norm\.", r"\1.2." if group else r"\1.2.1."),
        (r"^encoder\.feature_projection\.layer_norm\.", "layer_norm."),
        (r"^encoder\.feature_projection\.projection\.", "post_extract_proj."),
        (r"^encoder\.transformer\.pos_conv_embed\.conv\.", "encoder.pos_conv.0."),
        (r"^encoder\.transformer\.", "encoder."),
        (r"parametrizations\.weight\.original0", "weight_g"),
        (r"parametrizations\.weight\.original1", "weight_v"),
        (r"(layers\.\d+)\.layer_norm\.", r"\1.self_attn_layer_norm."),
        (r"\.attention\.", ".self_attn."),
        (r"feed_forward\.intermediate_dense", "fc1"),
        (r"feed_forward\.output_dense", "fc2"),
        (r"gru_rel_pos_linear", "grep_linear"),
        (r"gru_rel_pos_const", "grep_a"),
        (r"rel_attn_embed", "relative_attention_bias"),
    ]
    state = {"mask_emb": torch.zeros(DIM), "final_proj.weight": torch.zeros(3, DIM), "quantizer.vars": torch.zeros(2)}
    for key, value in _split(model.state_dict()).items():
        for pattern, replacement in names:
            key = re.sub(pattern, replacement, key)
        state[key] = value.half().float()
    content = {"args": argparse.Namespace(arch="wav2vec2"), "model": state, "extra_state": {"epoch": 3}}
    torch.save(content, folder / "fairseq.pt", _use_new_zipfile_serialization=not legacy)
    (folder / "fairseq.json").write_text(json.dumps(config(family)))
    return folder / "fairseq.pt"


def _split(state: dict) -> dict:
    """WavLM's joint projections as three."""
    split = {}
    for key, value in state.items():
        if ".attention.attention.in_proj_" in key:
            before, kind = key.split("attention.in_proj_")
            for name, part in zip("qkv", value.chunk(3), strict=True):
                split[f"{before}{name}_proj.{kind}"] = part
        else:
            split[key.replace(".attention.attention.out_proj.", ".attention.out_proj.")] = value
    return split
