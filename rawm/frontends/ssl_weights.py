"""Read the weights of encoders from files of torchaudio, Hugging Face and fairseq, under torchaudio's names."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from rawm import tensors
from rawm.errors import UserError

#: Objects of other packages that fairseq's checkpoints hold beside the weights.
_BYSTANDERS = ("argparse.Namespace", "fairseq.data.dictionary.Dictionary")

#: Entries of checkpoints that hold the model; others may hold copies of it, e.g. averaged ones.
_MODELS = ("model.", "state_dict.", "model_state_dict.", "net.")
_DEPTH = 8  # most containers around a tensor

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

    The encoder may be part of a model, and the weights in dictionaries and lists of a checkpoint, to any depth.

    Args:
        path: file, or Hugging Face folder.

    Raises:
        UserError: the file is of another kind, damaged, or holds no such encoder, or not as plain tensors.
    """
    state = _folder(path) if path.is_dir() else _file(path)
    first = re.compile(r"^(.*?)feature_extractor\.conv_layers\.0\.(conv|0)\.weight$")
    matches = filter(None, map(first.match, state))
    match = min(matches, key=lambda match: not match.group(1).startswith(_MODELS), default=None)
    if match is None:
        problem = "holds no encoder of torchaudio, Hugging Face or fairseq"
        reason = "" if path.is_dir() else _refused_problem(path)
        raise UserError(f"{path}: {problem} ({reason})" if reason else f"{path}: {problem}")
    prefix = match.group(1)
    state = {key.removeprefix(prefix): value for key, value in state.items() if key.startswith(prefix)}
    if match.group(2) == "0":
        state = _renamed(state, _FAIRSEQ)
    elif not any(key.startswith(_TRANSFORMER) for key in state):
        state = _renamed(state, _HUGGING_FACE)
    own = ("feature_extractor.", "encoder.feature_projection.", _TRANSFORMER)
    state = {key: value for key, value in state.items() if key.startswith(own)}
    if strange := [f"{path}: {key}: holds {p}" for key, value in state.items() if (p := tensors.problem(value))]:
        raise UserError(strange[0])
    state = {key: value.float() for key, value in state.items()}
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
    """Read the tensors of a file by name; those in containers have the names of these in front."""
    tensors.require_file(path)
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
    except Exception as error:  # torch raises errors of many kinds on damaged files
        reason = _refused_problem(path, str(error)) or (str(error).splitlines() or [type(error).__name__])[0]
        raise UserError(f"{path}: cannot be read as weights ({reason})") from None
    return dict(_named(content, "", _DEPTH))


def _refused_problem(path: Path, error: str = "") -> str:
    """Say which objects of a file are not read, with the error of reading it, and how to save it again; "" if none."""
    try:
        names = set(_bystanders(path)) - set(_BYSTANDERS)
    except Exception:
        names = set()
    names |= set(re.findall(r"GLOBAL ([\w.]+)", error))
    if not names:
        return ""
    classes = ", ".join(sorted(names)[:3])
    return f"it holds objects of {classes}, which are not read; save dict(model.state_dict()) with torch.save"


def _named(content: Any, prefix: str, depth: int) -> Iterator[tuple[str, Tensor]]:
    """Yield the tensors in dictionaries and lists, and in lists of (name, tensor), with their names."""
    if isinstance(content, dict):
        entries = [(str(key), value) for key, value in content.items()]
    elif isinstance(content, list | tuple):
        pairs = all(isinstance(one, list | tuple) and len(one) == 2 and isinstance(one[0], str) for one in content)
        entries = list(content) if pairs else [(str(number), one) for number, one in enumerate(content)]
    else:
        return
    for name, value in entries:
        if isinstance(value, Tensor):
            yield prefix + name, value
        elif depth:
            yield from _named(value, f"{prefix}{name}.", depth - 1)


def _bystanders(path: Path) -> list[str]:
    """Return the names of the classes in a file that are not torch's."""
    try:
        return torch.serialization.get_unsafe_globals_in_checkpoint(path)
    except ValueError:  # files older than torch 1.6
        return list(_BYSTANDERS)
