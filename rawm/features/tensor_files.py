"""Read tensors from .npy, .pt and .pth files, without running any code in them."""

from pathlib import Path
from typing import Any

import numpy as np
import torch

from rawm import tensors
from rawm.errors import UserError


def load(path: Path) -> Any:
    """Read an array from a .npy file, or tensors in lists and dictionaries from a .pt or .pth file.

    Arrays are memory-mapped, so a header that claims more numbers than the file has costs nothing.

    Raises:
        UserError: the file is missing, no regular file, of another kind, damaged, or holds more than tensors and plain
            values.
    """
    if path.suffix not in (".npy", ".pt", ".pth"):
        raise UserError(f"{path}: unknown kind of file; .npy, .pt or .pth is needed")
    tensors.require_file(path)
    try:
        if path.suffix == ".npy":
            return np.load(path, allow_pickle=False, mmap_mode="r")
        return torch.load(path, map_location="cpu", weights_only=True)
    except Exception:  # numpy and torch raise errors of many kinds on damaged files
        raise UserError(f"{path}: cannot be read as tensors alone; it is damaged, or holds other objects too") from None


def array(value: Any, path: Path) -> np.ndarray:
    """Convert a tensor or array of numbers to float32; raises UserError for other values.

    Refused: tensors that are sparse, quantised, nested, expanded, complex, boolean or on the device meta; arrays of
    other than integers and real numbers.
    """
    if isinstance(value, torch.Tensor):
        if problem := tensors.problem(value):
            raise UserError(f"{path}: holds {problem}")
        value = value.detach().to(torch.float32).numpy()
    if not isinstance(value, np.ndarray) or value.dtype.kind not in "fiu":
        reason = f"an array of {value.dtype}" if isinstance(value, np.ndarray) else f"a {type(value).__name__}"
        raise UserError(f"{path}: holds {reason}; one tensor of numbers is needed")
    return np.asarray(value).astype(np.float32)
