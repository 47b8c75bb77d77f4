"""SIGTERM at the worst moment: while Snakemake holds the lock that its handler takes."""

import subprocess

from support.commands import ENVIRONMENT, ROOT

SNAKEFILE = f"""
import os, signal
from snakemake.scheduling.job_scheduler import JobScheduler

finish = JobScheduler._finish_jobs  # runs inside the lock

def interrupted(self):
    JobScheduler._finish_jobs = finish
    os.kill(os.getpid(), signal.SIGTERM)
    finish(self)

JobScheduler._finish_jobs = interrupted

include: "{ROOT / "workflow/Snakefile"}"
"""


def test_snakemake_ends_when_it_is_terminated_while_it_holds_its_lock(tmp_path):
    (tmp_path / "config").symlink_to(ROOT / "config")
    (tmp_path / "Snakefile").write_text(SNAKEFILE)
    command = ["snakemake", "all", "--cores", "1", "--config", "study=synthetic"]
    done = subprocess.run(command, cwd=tmp_path, env=ENVIRONMENT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 1 and "Will exit after finishing" in done.stderr
