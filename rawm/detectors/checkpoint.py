"""Save and load detectors and methods' memories: safetensors with a readable header."""

import json
from pathlib import Path
from typing import Any

import torch
from pydantic import TypeAdapter
from safetensors import safe_open
from safetensors.torch import save as serialise
from torch import Tensor

from rawm import checksums
from rawm.config.detectors import DetectorFile
from rawm.detectors import build, fitting
from rawm.detectors.detector import Detector
from rawm.detectors.random_features import RandomFeatures
from rawm.errors import UserError
from rawm.files import atomic


def save(path: Path, tensors: dict[str, Tensor], header: dict[str, str]) -> None:
    """Write tensors and a header of strings atomically; the same content gives the same bytes."""
    contiguous = {name: tensor.detach().cpu().contiguous() for name, tensor in sorted(tensors.items())}
    data = serialise(contiguous, metadata=header)
    # safetensors writes the header's entries in random order: sort them.
    end = 8 + int.from_bytes(data[:8], "little")
    content = json.loads(data[8:end])
    content["__metadata__"] = dict(sorted(header.items()))
    text = json.dumps(content, separators=(",", ":"), sort_keys=True).encode()
    text += b" " * (-len(text) % 8)
    with atomic(path) as temporary:
        temporary.write_bytes(len(text).to_bytes(8, "little") + text + data[end:])
        checksums.seal(temporary)


def load(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Return tensors and header; raises UserError if the file is missing or damaged."""
    checksums.require_intact(path)
    try:
        with safe_open(path, framework="pt") as file:
            return {name: file.get_tensor(name) for name in file.keys()}, file.metadata() or {}  # noqa: SIM118
    except FileNotFoundError:
        raise UserError(f"{path}: no such file; train this task first") from None
    except Exception as error:
        raise UserError(f"{path}: not a readable safetensors file ({error}); {checksums.remedy(path)}") from None


def describe(settings: Any, n_features: int, pooled: bool, classes: tuple[str, ...]) -> dict[str, str]:
    """The header entries that `load_detector` needs to build the detector."""
    shape = {"n_features": n_features, "pooled": pooled, "classes": list(classes)}
    return {"detector": settings.model_dump_json(), "shape": json.dumps(shape)}


def save_detector(path: Path, detector: Detector, header: dict[str, str]) -> None:
    """Write weights and input standardisation; `header` must contain the entries of `describe`."""
    save(path, detector.state_dict(), header)


def load_detector(path: Path) -> tuple[Detector, dict[str, str]]:
    """Build the detector that a file describes, load its weights (on the CPU), and return it with the header.

    Raises:
        UserError: the file is missing or damaged, or header and tensors do not belong together.
    """
    tensors, header = load(path)
    fitting.require_description(path, header, tensors)
    # On the device meta, which takes no memory for what the header only claims.
    fitting.require_weights(path, lambda: _built(header, tensors, "meta"), tensors)
    detector = _built(header, tensors, "cpu")
    detector.load_state_dict(tensors)
    return detector, header


def _built(header: dict[str, str], tensors: dict[str, Tensor], device: str) -> Detector:
    """The detector that a header describes, with random weights."""
    shape = json.loads(header["shape"])
    settings = TypeAdapter(DetectorFile).validate_json(header["detector"])
    with torch.random.fork_rng(devices=[]), torch.device(device):
        detector = build(settings, shape["n_features"], shape["pooled"], len(shape["classes"]))
        if all(name.startswith("output.") for name in tensors if name in dict(detector.named_parameters())):
            detector.remove_body()
        if "output.projection" in tensors:
            detector.output = RandomFeatures(tensors["output.projection"], len(shape["classes"]))
    return detector
