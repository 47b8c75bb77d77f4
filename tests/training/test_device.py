"""A device that is not there gives one sentence."""

import pytest
import torch

from rawm.errors import UserError
from rawm.training.task import choose_device

GPUS = torch.cuda.device_count()
UNKNOWN = ("banana", "", "cuda:", "cuda:-1", "cuda:x", "cuda:1e9", "cuda:²", "CUDA", "cpu:0", "meta")


@pytest.mark.parametrize("name", UNKNOWN)
def test_an_unknown_name_is_refused(name):
    with pytest.raises(UserError, match=r"is unknown; use auto, cpu, cuda, cuda:N or mps$"):
        choose_device(name)


@pytest.mark.parametrize("name", ["cuda:99", "cuda:999"] + ["cuda", "cuda:0"] * (GPUS == 0))
def test_a_gpu_that_is_not_there_is_refused(name):
    with pytest.raises(UserError, match=rf"^device {name}: torch finds .*, or auto$"):
        choose_device(name)


@pytest.mark.skipif(torch.backends.mps.is_available(), reason="there is an Apple GPU")
def test_an_apple_gpu_that_is_not_there_is_refused():
    with pytest.raises(UserError, match="torch finds no Apple GPU"):
        choose_device("mps")


def test_what_is_there_is_taken():
    assert choose_device("cpu").type == "cpu"
    assert choose_device("auto").type == ("cuda" if GPUS else "mps" if torch.backends.mps.is_available() else "cpu")
