"""
Small jobs: one process that has torch loaded forks for each training, evaluation and other small job on this machine

A job takes a fraction of a second to start instead of several. Its command, log and outcome are the same, and the file
of its `benchmark` holds what the kernel counted for its process. On clusters, on GPUs and in environments of conda jobs
start as usual.
"""

import shutil
from importlib.util import find_spec
from pathlib import Path

from snakemake import benchmark
from snakemake.exceptions import WorkflowError

from rawm.cli import job_server

SMALL_JOBS = {}  # "usage": the folder in which the job server notes what each job has used


class BenchmarkTimer(benchmark.BenchmarkTimer):
    """Snakemake's measuring of a job's processes, and of the one that the job server forked for it."""

    def cancel(self):
        super().cancel()
        record, folder = self.bench_record, SMALL_JOBS.get("usage")
        used = folder and job_server.usage(folder, self.pid)
        if used:
            record.data_collected = True
            record.cpu_time, record.cpu_usage = used.cpu_s, 100 * used.cpu_s
            record.max_rss, record.io_in, record.io_out = used.memory_mb, used.read_mb, used.written_mb
            record.max_vms = record.max_uss = record.max_pss = None  # not counted


def start_job_server():
    """Start it where jobs run on this machine and in this environment."""
    own_environment = workflow.deployment_settings.deployment_method
    if shutil.which("rawm") is None and not own_environment:
        raise WorkflowError(
            "rawm is not installed in this environment: `pip install --editable .` in the clone, or let Snakemake make "
            "one for the jobs by --software-deployment-method conda"
        )
    here = find_spec("torch") and workflow.local_exec and not own_environment
    if here and workflow.is_main_process and not workflow.touch:
        SMALL_JOBS["usage"] = job_server.start()
        benchmark.BenchmarkTimer = BenchmarkTimer
