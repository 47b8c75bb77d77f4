"""Fixtures of several tests."""

import pytest


@pytest.fixture(scope="module")
def one_thread():
    """One thread for torch: it solves small problems fastest, whatever else the machine does."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
