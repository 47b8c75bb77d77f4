"""Refuse files of detectors whose header and tensors do not belong together, in one sentence."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter, ValidationError

from rawm import checksums
from rawm.config.detectors import DetectorFile
from rawm.errors import UserError

if TYPE_CHECKING:
    from torch import Tensor, nn


def require_description(path: Path, header: Mapping[str, str], tensors: "Mapping[str, Tensor]") -> None:
    """Raise UserError where a header does not describe a detector (`checkpoint.describe`) of these tensors."""
    try:
        shape = json.loads(header["shape"])
        size, pooled, classes = shape["n_features"], shape["pooled"], shape["classes"]
        TypeAdapter(DetectorFile).validate_json(header["detector"])
        described = _describes(size, pooled, classes, tensors["input_mean"].shape)
    except (KeyError, TypeError, ValueError, RecursionError, ValidationError):
        described = False
    if not described:
        raise UserError(f"{path}: its header does not describe the detector; {checksums.remedy(path)}")


def _describes(size: Any, pooled: Any, classes: Any, mean: tuple[int, ...]) -> bool:
    named = isinstance(classes, list) and classes and all(isinstance(name, str) for name in classes)
    return isinstance(size, int) and tuple(mean) == (size,) and isinstance(pooled, bool) and bool(named)


def require_weights(path: Path, build: "Callable[[], nn.Module]", tensors: "Mapping[str, Tensor]") -> None:
    """Raise UserError where a file has other tensors than the detector that its header describes.

    Args:
        build: makes that detector; layers of impossible sizes may raise torch's errors.
    """
    try:
        expected = {name: tensor.shape for name, tensor in build().state_dict().items()}
    except (RuntimeError, TypeError):
        expected = {}
    if expected != {name: tensor.shape for name, tensor in tensors.items()}:
        raise UserError(
            f"{path}: has other weights than the detector that its header describes; {checksums.remedy(path)}"
        )
