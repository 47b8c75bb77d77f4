"""Checks of tensors and of their files, which others wrote: nothing is allocated that a file only claims to hold."""

import os
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

from rawm import files
from rawm.errors import UserError

if TYPE_CHECKING:
    from torch import Tensor


def require_file(path: Path) -> None:
    """Raise UserError where there is no regular file, or an archive that claims more bytes than it has.

    torch writes archives without compression and checks their entries; a compressed one could unpack to any size.
    """
    shown = repr(str(path)[:200])[1:-1]
    try:
        size = os.stat(path).st_size
    except FileNotFoundError:
        raise UserError(f"{shown}: no such file") from None
    except (OSError, ValueError) as error:  # a name with NUL, or too long
        raise UserError(f"{shown}: no such file ({getattr(error, 'strerror', error)})") from None
    if problem := files.irregular(path):
        raise UserError(f"{shown}: {problem}; name a file")
    if (claimed := _unpacked(path)) > size:
        raise UserError(f"{shown}: is compressed, {size} bytes that claim to be {claimed}; save it with torch.save")


def _unpacked(path: Path) -> int:
    """Bytes that the members of an archive claim to have; 0 of other files."""
    try:
        with zipfile.ZipFile(path) as archive:
            return sum(member.file_size for member in archive.infolist())
    except Exception:  # no archive, or a damaged one, for which zipfile has errors of many kinds
        return 0


def problem(tensor: "Tensor") -> str:
    """Say what a tensor is that does not hold one real number in memory for each element; "" for all others."""
    if tensor.is_nested:
        return "a nested tensor; save one tensor of one size"
    if str(tensor.layout) != "torch.strided":
        return "a sparse tensor; save tensor.to_dense()"
    if tensor.is_quantized:
        return "a quantised tensor; save tensor.dequantize()"
    if tensor.is_meta:
        return "a tensor on the device meta, which has no values; save the computed one"
    if tensor.is_complex():
        return "complex numbers; save real ones, e.g. torch.view_as_real(tensor).flatten(-2)"
    if str(tensor.dtype).removeprefix("torch.").startswith(("bool", "bits")):
        return f"values of type {tensor.dtype}; save numbers"
    needed, stored = tensor.numel() * tensor.element_size(), tensor.untyped_storage().nbytes()
    if needed > stored:
        return f"an expanded tensor, {stored} bytes that stand for {needed}; save tensor.contiguous()"
    return ""
