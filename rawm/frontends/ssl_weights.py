"""Read the weights of encoders from files of torchaudio, Hugging Face and fairseq, under torchaudio's names."""

import pickle
import re
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from rawm.errors import UserError

#: Objects of other packages that fairseq's checkpoints hold beside the weights.
_BYSTANDERS = ("argparse.Namespace", "fairseq.data.dictionary.Dictionary")

_TRANSFORMER = "encoder.transformer."
_HUGGING_FACE = [
    (r"^encoder\.", _TRANSFORMER),
    (r"^feature_projection\.", "encoder.feature_projection."),
]
_FAIRSEQ = [
    (r"(conv_layers\.\d+)\.0\.", r"\1.conv."),
    (r"(conv_layers\.\d+)\.2\.(1\.)?", r"\1.layer_norm."),
    (r"^post_extract_proj\.", "encoder.feature_projection.projection."),
    (r"^layer_norm\.", "encoder.feature_projection.layer_norm."),
    (r"^encoder\.(?!feature_projection)", _TRANSFORMER),
    (r"\.pos_conv\.0\.", ".pos_conv_embed.conv."),
    (r"\.self_attn_layer_norm\.", ".layer_norm."),
    (r"\.self_attn\.", ".attention."),
    (r"\.fc1\.", ".feed_forward.intermediate_dense."),
    (r"\.fc2\.", ".feed_forward.output_dense."),
    (r"\.grep_linear\.", ".gru_rel_pos_linear."),
    (r"\.grep_a$", ".gru_rel_pos_const"),
    (r"\.relative_attention_bias\.", ".rel_attn_embed."),
]
_WEIGHT_NORM = [
    (r"\.weight_g$", ".parametrizations.weight.original0"),
    (r"\.weight_v$", ".parametrizations.weight.original1"),
]


class _Bystander:
    """Stands in for an object that is not needed, so that none of its own code runs."""

    def __init__(self, *args: Any, **kwargs: Any):
        pass

    def __setstate__(self, state: Any) -> None:
        pass


def read(path: Path) -> dict[str, Tensor]:
    """Read an encoder's weights in float32, under torchaudio's names; other tensors of the file are left out.

    Args:
        path: file, or Hugging Face folder.

    Raises:
        UserError: the file is of another kind, damaged, or holds no such encoder.
    """
    state = _folder(path) if path.is_dir() else _file(path)
    first = re.compile(r"^(.*?)feature_extractor\.conv_layers\.0\.(conv|0)\.weight$")
    match = next(filter(None, map(first.match, state)), None)
    if match is None:
        raise UserError(f"{path}: holds no encoder of torchaudio, Hugging Face or fairseq")
    prefix = match.group(1)
    state = {key.removeprefix(prefix): value for key, value in state.items() if key.startswith(prefix)}
    if match.group(2) == "0":
        state = _renamed(state, _FAIRSEQ)
    elif not any(key.startswith(_TRANSFORMER) for key in state):
        state = _renamed(state, _HUGGING_FACE)
    own = ("feature_extractor.", "encoder.feature_projection.", _TRANSFORMER)
    state = {key: value.float() for key, value in state.items() if key.startswith(own)}
    return _joined_projections(_renamed(state, _WEIGHT_NORM))


def _renamed(state: dict[str, Tensor], rules: list[tuple[str, str]]) -> dict[str, Tensor]:
    renamed = {}
    for key, value in state.items():
        for pattern, replacement in rules:
            key = re.sub(pattern, replacement, key)
        renamed[key] = value
    return renamed


def _joined_projections(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Join WavLM's query, key and value projections to one matrix, as torchaudio has them."""
    for constant in [key for key in state if key.endswith(".gru_rel_pos_const")]:
        attention = constant.removesuffix("gru_rel_pos_const")
        for kind in ("weight", "bias"):
            projections = [f"{attention}{name}_proj.{kind}" for name in "qkv"]
            if all(name in state for name in projections):
                state[f"{attention}attention.in_proj_{kind}"] = torch.cat([state.pop(name) for name in projections])
                state[f"{attention}attention.out_proj.{kind}"] = state.pop(f"{attention}out_proj.{kind}")
    return state


def _folder(path: Path) -> dict[str, Tensor]:
    """Read the weights of a Hugging Face folder, which may be in several files."""
    parts = sorted(path.glob("model*.safetensors")) or sorted(path.glob("pytorch_model*.bin"))
    if not parts:
        raise UserError(f"{path}: has no model.safetensors; put the files of the Hugging Face model there")
    return {key: value for part in parts for key, value in _file(part).items()}


def _file(path: Path) -> dict[str, Tensor]:
    """Read the tensors of a file by name."""
    if path.suffix == ".safetensors":
        from safetensors import SafetensorError
        from safetensors.torch import load_file

        try:
            return load_file(path)
        except SafetensorError as error:
            raise UserError(f"{path}: is not a readable safetensors file ({error})") from None
    try:
        with torch.serialization.safe_globals([(_Bystander, name) for name in _bystanders(path)]):
            content = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, EOFError, RuntimeError, ValueError, pickle.UnpicklingError) as error:
        raise UserError(f"{path}: cannot be read as weights ({str(error).splitlines()[0]})") from None
    for key in ("model", "state_dict"):
        content = content[key] if isinstance(content, dict) and isinstance(content.get(key), dict) else content
    if not isinstance(content, dict):
        return {}
    return {key: value for key, value in content.items() if isinstance(value, Tensor)}


def _bystanders(path: Path) -> list[str]:
    """Return the names of the classes in a file that are not torch's."""
    try:
        return torch.serialization.get_unsafe_globals_in_checkpoint(path)
    except ValueError:  # files older than torch 1.6
        return list(_BYSTANDERS)
