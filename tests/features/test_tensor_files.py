"""Feature files of others: tensors that are no plain numbers in memory, and files that lie.

Kinds, with other members than those of the first reports:
    tensors that stand for more than they hold: expanded (also windows that overlap), sparse (also CSR), quantised (also
        per channel), on the device meta, nested (also jagged), complex (also conjugated), boolean;
    headers that claim more than the file has: .npy of 10^12 rows (also Fortran order, also cut off), archives that are
        compressed, a storage with other numbers than its entry;
    names that are no files: a named pipe, a folder, a device, a name with NUL, one of 5,000 characters.
"""

import os
import resource
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch

from rawm.errors import UserError
from rawm.features.tensor_files import array, load

pytestmark = pytest.mark.filterwarnings("ignore")  # torch warns that some kinds of tensors are new

STRANGE = {
    "expanded": (lambda: torch.zeros(1).expand(100_000, 100_000), "4 bytes that stand for 40000000000"),
    "windows": (lambda: torch.zeros(100).as_strided((50, 50), (1, 1)), "an expanded tensor, 400 bytes"),
    "sparse": (lambda: torch.sparse_coo_tensor([[0], [0]], [1.0], (10**6, 10**6)), "a sparse tensor"),
    "sparse_csr": (lambda: torch.eye(4).to_sparse_csr(), "a sparse tensor"),
    "quantised": (lambda: torch.quantize_per_tensor(torch.ones(4), 0.1, 0, torch.qint8), "a quantised tensor"),
    "quantised_rows": (
        lambda: torch.quantize_per_channel(torch.ones(2, 4), torch.ones(2), torch.zeros(2), 0, torch.qint8),
        "a quantised tensor",
    ),
    "meta": (lambda: torch.empty(10**9, 10**3, device="meta"), "which has no values"),
    "nested": (lambda: torch.nested.nested_tensor([torch.zeros(2), torch.zeros(3)]), "a nested tensor"),
    "jagged": (
        lambda: torch.nested.nested_tensor([torch.zeros(2), torch.zeros(3)], layout=torch.jagged),
        "a nested tensor",
    ),
    "complex": (lambda: torch.ones(3, dtype=torch.complex64), "complex numbers"),
    "conjugated": (lambda: torch.ones(3, dtype=torch.complex64).conj(), "complex numbers"),
    "boolean": (lambda: torch.ones(3, dtype=torch.bool), r"torch\.bool"),
}


@pytest.mark.parametrize("kind", STRANGE)
@pytest.mark.parametrize("zipped", [True, False])
def test_tensors_that_do_not_hold_their_numbers_are_refused(tmp_path, kind, zipped):
    if kind == "nested" and not zipped:
        pytest.skip("torch reads the sizes of its own old format wrongly")
    make, message = STRANGE[kind]
    path = tmp_path / "x.pt"
    torch.save(make(), path, _use_new_zipfile_serialization=zipped)
    with pytest.raises(UserError, match=rf"x\.pt: holds .*{message}"):
        array(load(path), path)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float16, torch.bfloat16, torch.int32])
def test_transposed_views_parameters_and_other_types_of_numbers_are_read(tmp_path, dtype):
    values = torch.arange(12).reshape(3, 4).to(dtype)
    torch.save(values.T, tmp_path / "x.pt")
    torch.save(torch.nn.Parameter(values.float()), tmp_path / "y.pth")
    expected = np.arange(12, dtype=np.float32).reshape(3, 4)
    np.testing.assert_array_equal(array(load(tmp_path / "x.pt"), tmp_path), expected.T)
    np.testing.assert_array_equal(array(load(tmp_path / "y.pth"), tmp_path), expected)


def test_arrays_in_either_order_and_empty_ones_are_read(tmp_path):
    expected = np.arange(12, dtype=np.float32).reshape(3, 4)
    for values in (expected, np.asfortranarray(expected), np.zeros((0, 5))):
        np.save(tmp_path / "x.npy", values)
        read = array(load(tmp_path / "x.npy"), tmp_path)
        np.testing.assert_array_equal(read, values)
        assert type(read) is np.ndarray and read.flags.writeable


@pytest.mark.parametrize("values", [np.ones(3, np.complex64), np.ones(3, bool), np.array(["a"]), np.zeros(2, "f4,i4")])
def test_arrays_of_other_than_real_numbers_are_refused(tmp_path, values):
    np.save(tmp_path / "x.npy", values)
    with pytest.raises(UserError, match=r"x\.npy: holds an array of .*; one tensor of numbers is needed"):
        array(load(tmp_path / "x.npy"), tmp_path / "x.npy")


@pytest.mark.parametrize("shape", [(10**12, 8), (10**6, 10**6), (2,), (10**30, 8)])
@pytest.mark.parametrize("fortran", [False, True])
def test_a_header_that_claims_more_than_the_file_has_allocates_nothing(tmp_path, shape, fortran):
    with open(tmp_path / "x.npy", "wb") as file:
        np.lib.format.write_array_header_1_0(file, {"descr": "<f4", "fortran_order": fortran, "shape": shape})
        file.write(b"1234")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(UserError, match=r"x\.npy: cannot be read as tensors alone; it is damaged"):
        load(tmp_path / "x.npy")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000  # kB


def rewritten(path, mode, change):
    """The file's archive written again, its pickle changed."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", mode) as archive:
        for name, content in members.items():
            archive.writestr(name, change(content) if name.endswith("data.pkl") else content)


def test_archives_that_unpack_to_more_or_claim_more_are_refused(tmp_path):
    path = tmp_path / "x.pt"
    torch.save(torch.zeros(1_000_000), path)
    rewritten(path, zipfile.ZIP_DEFLATED, bytes)
    with pytest.raises(UserError, match=r"x\.pt: is compressed, \d{4} bytes that claim to be 400\d{4}; save it with"):
        load(path)
    torch.save(torch.zeros(1000), path)
    many = (2 * 10**9).to_bytes(4, "little")
    rewritten(path, zipfile.ZIP_STORED, lambda content: content.replace(b"M\xe8\x03", b"J" + many))
    with pytest.raises(UserError, match=r"x\.pt: cannot be read as tensors alone; it is damaged"):
        load(path)


def test_what_is_no_regular_file_is_refused_and_not_opened(tmp_path):
    os.mkfifo(tmp_path / "pipe.npy")
    (tmp_path / "folder.npy").mkdir()
    (tmp_path / "device.npy").symlink_to("/dev/zero")
    for name, kind in (("pipe", "a named pipe"), ("folder", "a folder"), ("device", "a device")):
        with pytest.raises(UserError, match=rf"{name}\.npy: is {kind}, not a regular file"):
            load(tmp_path / f"{name}.npy")


@pytest.mark.parametrize("name", ["none", "a\0b", "a" * 5000, "b/" * 2500 + "c"])
def test_names_that_no_file_can_have_give_one_short_sentence(tmp_path, name):
    with pytest.raises(UserError, match="no such file") as raised:
        load(tmp_path / Path(f"{name}.npy"))
    assert len(str(raised.value)) < 300 and "\0" not in str(raised.value)
