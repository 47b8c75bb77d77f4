"""Jobs that are killed between any two of their files: nothing half-made has a name, and the same command goes on."""

import os
import random
import shutil
import signal
import time

import pytest
from support import disturbed

pytestmark = pytest.mark.faults

RUN = ("--study", "synthetic", "--method", "rawm", "--seed", 0)
RAWM = "results/synthetic/runs/rawm/seed0"
FEATURES = "results/features/lfcc_stats/synthetic_buzz"
#: Job -> its command, what it makes, and before which of its files it is killed; after half of each file, too, where
#: they are few.
JOBS = {
    "corpora make": (("corpora", "make", "synthetic_buzz"), ["results/manifests/synthetic_buzz.parquet"], (40, 81)),
    "extract": (("extract", "--frontend", "lfcc_stats", "--corpus", "synthetic_buzz"), [FEATURES], (1, 2, 3)),
    "train": (("train", *RUN, "--task", 1), [f"{RAWM}/task1"], (1, 2, 3)),
    "train task 2": (("train", *RUN, "--task", 2), [f"{RAWM}/task2"], (1, 2, 3)),
    "evaluate": (("evaluate", *RUN), [f"{RAWM}/scores.parquet", f"{RAWM}/metrics.json"], (1, 2)),
    "intervals": (("intervals", "--study", "synthetic"), ["results/synthetic/intervals.json"], (1,)),
    "tables": (("tables", "--study", "synthetic"), ["results/synthetic/tables"], (1, 10)),
    "export": (("export", "--study", "synthetic"), ["results/synthetic/model"], (1, 2, 3)),
}


@pytest.fixture(scope="module")
def tree(undisturbed, tmp_path_factory):
    """A copy of the study, in which each test leaves everything as it was."""
    return disturbed.copy(undisturbed, tmp_path_factory.mktemp("killed") / "study")


def remove(tree, outputs):
    for path in (tree / name for name in outputs):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


@pytest.mark.parametrize("job", JOBS)
def test_a_job_killed_before_it_names_a_file(job, tree, undisturbed, jobs, fault):
    command, outputs, points = JOBS[job]
    for point in points:
        for half in (False,) if job in ("tables", "corpora make") else (False, True):
            remove(tree, outputs)
            assert jobs.run(tree, *command, kill=point, half=half)[0] == -signal.SIGKILL
            fault("SIGKILL between two files of a job")
            assert disturbed.differences(tree, undisturbed, all_there=False) == []
            status, said = jobs.run(tree, *command)
            assert status == 0, said
            assert disturbed.differences(tree, undisturbed) == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL, signal.SIGINT])
def test_a_job_stopped_at_any_moment(number, tree, undisturbed, jobs, fault):
    rng, stopped = random.Random(int(number)), 0
    for job in ("train", "evaluate", "extract"):
        command, outputs, _ = JOBS[job]
        for _ in range(2):
            remove(tree, outputs)
            process = jobs.start(tree, *command)
            time.sleep(rng.uniform(0.02, 0.3))
            os.kill(process, number)
            status, said = jobs.wait(process)
            assert status in (0, -number, 130, 1), said
            assert status == 0 or "Traceback" not in said, said  # it was done, and was stopped while Python ended
            stopped += status != 0
            assert disturbed.differences(tree, undisturbed, all_there=False) == []
            status, said = jobs.run(tree, *command)
            assert status == 0 and disturbed.differences(tree, undisturbed) == [], said
    assert stopped > 0
    fault(f"{number.name} of a job at any moment", stopped)


def test_two_of_a_job_at_once(tree, undisturbed, jobs, fault):
    for job in ("train", "evaluate", "extract"):
        command, outputs, _ = JOBS[job]
        remove(tree, outputs)
        both = [jobs.start(tree, *command) for _ in range(2)]
        assert [jobs.wait(process)[0] for process in both] == [0, 0]
        assert disturbed.differences(tree, undisturbed) == []
        fault("two of a job at once")
