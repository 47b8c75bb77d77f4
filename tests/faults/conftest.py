"""Counting faults and hostile inputs, over all tests and workers, and the study that is disturbed."""

import shutil
from collections import Counter

import pytest
from filelock import FileLock
from support import disturbed
from support.jobs import Jobs


@pytest.fixture
def fault(record_property):
    """A function that says that a fault of some kind was injected, and how many times; it counts as survived where the
    test passes."""

    def injected(kind: str, times: int = 1) -> None:
        record_property("fault", (kind, times))

    return injected


def pytest_terminal_summary(terminalreporter):
    injected, survived, tried = Counter(), Counter(), []
    for outcome in ("passed", "failed"):
        for report in terminalreporter.stats.get(outcome, []):
            for name, value in getattr(report, "user_properties", []) if report.when == "call" else []:
                if name == "fault":
                    injected[value[0]] += value[1]
                    survived[value[0]] += value[1] * (outcome == "passed")
                elif name == "hostile":
                    tried.append(value)
    write = terminalreporter.write_line
    if injected:
        for kind in sorted(injected):
            write(f"{kind}: injected {injected[kind]}, survived {survived[kind]}")
        write(f"injected {injected.total()}, survived {survived.total()}")
    if tried:
        for one in sorted(tried, key=lambda one: one["kind"]):
            write(f"{one['kind']}: tried {one['tried']}, accepted {one['accepted']}, refused {one['refused']}")
        tracebacks, hangs = sum(one["tracebacks"] for one in tried), sum(one["hangs"] for one in tried)
        memory = max(one["memory"] for one in tried) / 1e9
        total = sum(one["tried"] for one in tried)
        write(f"hostile inputs tried {total}, tracebacks {tracebacks}, hangs {hangs}, peak memory {memory:.2f} GB")


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory, worker_id):
    """A folder in which the small study has run without a fault; it runs once for all workers of pytest-xdist."""
    shared = tmp_path_factory.getbasetemp()
    folder = (shared if worker_id == "master" else shared.parent) / "undisturbed"
    with FileLock(f"{folder}.lock"):
        if not (folder / "results/synthetic/tracking.json").is_file():
            shutil.rmtree(folder, ignore_errors=True)
            disturbed.configure(folder)
            disturbed.snakemake(folder)
    return folder


@pytest.fixture(scope="session")
def jobs():
    """A process that has the package loaded and forks for each command."""
    with Jobs() as started:
        yield started


@pytest.fixture
def copy(undisturbed, tmp_path):
    """A copy of the finished study, with the times of its files, at another place."""
    return disturbed.copy(undisturbed, tmp_path / "study")
