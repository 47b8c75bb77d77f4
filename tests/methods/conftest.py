"""Problems this small are solved fastest by one thread, whatever else the machine does."""

import pytest
import torch


@pytest.fixture(scope="session", autouse=True)
def one_thread():
    """Restore torch's own number of threads afterwards."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
