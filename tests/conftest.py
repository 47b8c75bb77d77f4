"""Fixtures of several tests, and the order in which files run."""

import os
import signal

os.environ.setdefault(
    "OMP_NUM_THREADS", "1"
)  # before torch is imported: small problems, and two workers share two cores

import hypothesis
import pytest

if (
    signal.getsignal(signal.SIGINT) is signal.SIG_IGN
):  # in the background of a shell; commands of tests would inherit it
    signal.signal(signal.SIGINT, signal.default_int_handler)

# No limit on the time of an example, since machines differ and are busy.
hypothesis.settings.register_profile(
    "rawm",
    deadline=None,
    suppress_health_check=[hypothesis.HealthCheck.too_slow, hypothesis.HealthCheck.data_too_large],
)
hypothesis.settings.load_profile("rawm")

#: Files that take longest start first, so that both workers end at about the same time.
LONGEST = (
    "faults/test_killed_workflow.py",
    "faults/test_hostile_inputs.py",
    "faults/test_disks.py",
    "faults/test_changed_trees.py",
    "faults/test_killed_jobs.py",
    "faults/test_damaged_files.py",
    "workflow/test_paper_studies.py",
    "workflow/test_real_speech.py",
    "workflow/test_workflow.py",
    "workflow/test_staleness.py",
    "docs/test_commands.py",
    "workflow/test_frontends.py",
    "tracking/test_tracking.py",
    "tracking/test_stores.py",
    "tracking/test_servers.py",
    "features/test_extract_interrupted.py",
    "methods/test_every_method.py",
    "corpora/made/test_open_speech_apt.py",
    "tracking/test_ui.py",
    "methods/test_permuted_digits.py",
)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items):
    def place(item):
        file = item.path.as_posix()
        return next((number for number, name in enumerate(LONGEST) if file.endswith(f"tests/{name}")), len(LONGEST))

    items.sort(key=place)


@pytest.fixture
def no_waiting():
    """Stop a test that waits, e.g. for somebody to write into a named pipe."""

    def stop(*_):
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(20)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.fixture(scope="module")
def one_thread():
    """One thread for torch: it solves small problems fastest, whatever else the machine does."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
