"""Read tensors from .npy, .pt and .pth files, without running any code in them."""

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import torch

from rawm.errors import UserError


def load(path: Path) -> Any:
    """Read an array from a .npy file, or tensors in lists and dictionaries from a .pt or .pth file.

    Raises:
        UserError: the file is missing, of another kind, damaged, or holds more than tensors and plain values.
    """
    try:
        if path.suffix == ".npy":
            return np.load(path, allow_pickle=False)
        if path.suffix in (".pt", ".pth"):
            return torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise UserError(f"{path}: no such file") from None
    except (OSError, ValueError, EOFError, RuntimeError, pickle.UnpicklingError):
        raise UserError(f"{path}: cannot be read as tensors alone; it is damaged, or holds other objects too") from None
    raise UserError(f"{path}: unknown kind of file; .npy, .pt or .pth is needed")


def array(value: Any, path: Path) -> np.ndarray:
    """Convert a tensor or array of numbers to float32; raises UserError for other values."""
    if isinstance(value, torch.Tensor):
        value = value.detach().to(torch.float32).numpy()
    if not isinstance(value, np.ndarray) or value.dtype.kind not in "fiu":
        raise UserError(f"{path}: holds a {type(value).__name__}; one tensor of numbers is needed")
    return value.astype(np.float32)
