"""Disks that are full at any stage, that are read-only, and files that may not grow."""

import errno
import os
import subprocess
from contextlib import contextmanager

import pytest
from support import disturbed

pytestmark = pytest.mark.faults

RUN = ("--study", "synthetic", "--method", "rawm", "--seed", 0)
#: Bytes that are free when the workflow starts again: where it finds the disk full.
SPARE = (0, 2_000_000)
#: Jobs that write, and the most bytes that their files may have.
LIMITED = {
    ("corpora", "make", "synthetic_buzz"): 5_000,
    ("extract", "--frontend", "lfcc_stats", "--corpus", "synthetic_buzz"): 2_000,
    ("train", *RUN, "--task", 2): 2_000,
    ("evaluate", *RUN): 1_000,
    ("intervals", "--study", "synthetic"): 500,
    ("tables", "--study", "synthetic"): 200,
    ("export", "--study", "synthetic"): 1_000,
}


@contextmanager
def mounted(folder, *options):
    """A mount that is gone afterwards."""
    if os.geteuid() or subprocess.run(["mount", *options, str(folder)], capture_output=True).returncode:
        pytest.skip("only root can mount")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)  # a file may still be mapped


def fill(path, spare):
    """Leave so many bytes of a disk free."""
    with open(path, "wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(1 << 20))
        except OSError as error:
            assert error.errno == errno.ENOSPC
        file.truncate(max(0, file.tell() - spare))


def test_a_disk_that_is_full_again_and_again(tmp_path, undisturbed, fault):
    (place := tmp_path / "disk").mkdir()
    with mounted(place, "-t", "tmpfs", "-o", "size=60m", "tmpfs"):
        folder, filler = disturbed.configure(place / "study"), place / "filler"
        for spare in SPARE:
            fill(filler, spare)
            status, said = disturbed.snakemake(folder, check=False)
            filler.unlink()
            if status:
                fault("disk full")
            ours = [line for line in said.splitlines() if "rawm: " in line]
            assert all("no space is left on the disk" in line or "is safe" in line for line in ours), ours
            assert disturbed.differences(folder, undisturbed, all_there=False) == []
            if list((folder / ".snakemake/locks").glob("*")):
                disturbed.snakemake(folder, "--unlock")
        disturbed.snakemake(folder)
        disturbed.assert_as_undisturbed(folder, undisturbed)


def test_files_that_may_not_grow(copy, undisturbed, jobs, fault):
    for command, most in LIMITED.items():
        status, said = jobs.run(copy, *command, file_size=most)
        assert status == 1 and "Traceback" not in said, said
        assert "larger than the system allows" in said, said
        fault("file that may not grow")
        assert disturbed.differences(copy, undisturbed) == []
        status, said = jobs.run(copy, *command)
        assert status == 0, said
        assert disturbed.differences(copy, undisturbed) == []


def test_results_on_a_read_only_disk(copy, undisturbed, jobs, fault):
    results = copy / "results"
    with mounted(results, "--bind", str(results)):
        subprocess.run(["mount", "-o", "remount,ro,bind", str(results)], check=True)
        for command in LIMITED:
            status, said = jobs.run(copy, *command)
            assert status == 1 and "Traceback" not in said and "the disk is read-only" in said, said
            fault("read-only disk")
    for command in LIMITED:
        status, said = jobs.run(copy, *command)
        assert status == 0, said
    assert disturbed.differences(copy, undisturbed) == []
