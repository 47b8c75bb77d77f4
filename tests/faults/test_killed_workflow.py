"""Whole runs that are killed at one moment after another: a plain rerun ends as if nothing had happened."""

import os
import signal
import subprocess
import time

import pytest
from support import disturbed
from support.commands import ENVIRONMENT, ROOT

pytestmark = pytest.mark.faults

LOGS = {
    "make_corpus": "results/logs/make_corpus/synthetic_buzz.log",
    "extract_features": "results/logs/extract_features/lfcc_stats/synthetic_quantised.log",
    "train_task": "results/synthetic/logs/train_task/rawm_seed0_task1.log",
    "train_task 2": "results/synthetic/logs/train_task/finetune_seed0_task2.log",
    "evaluate_run": "results/synthetic/logs/evaluate_run/rawm_seed0.log",
    "draw_figures": "results/synthetic/logs/draw_figures.log",
    "log_to_mlflow": "results/synthetic/logs/log_to_mlflow.log",
}
#: When and who is killed, and by what. `everything` is what a power failure leaves.
KILLS = (
    ("make_corpus", "snakemake", signal.SIGKILL),
    ("extract_features", "rawm extract", signal.SIGKILL),
    ("train_task", "everything", signal.SIGKILL),
    ("train_task 2", "snakemake", signal.SIGTERM),
    ("evaluate_run", "job server", signal.SIGKILL),
    ("draw_figures", "snakemake", signal.SIGINT),
    ("log_to_mlflow", "rawm track", signal.SIGKILL),
    ("log_to_mlflow", "rawm track", signal.SIGTERM),
    ("log_to_mlflow", "everything", signal.SIGKILL),
)


def start(folder):
    """Start Snakemake in a process group of its own, as a shell does."""
    command = ["snakemake", "--snakefile", str(ROOT / "workflow/Snakefile"), "--config", "study=synthetic"]
    options = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "start_new_session": True}
    return subprocess.Popen([*command, "--cores", "2"], cwd=folder, env=ENVIRONMENT, **options)


def chosen(folder, who, process):
    """Process ids of those who are killed; of a command that the job server runs, its client."""
    if who == "snakemake":
        return [process.pid]
    if who == "job server":
        return [number for number, line in disturbed.processes(folder).items() if "job_server.serve" in line][:1]
    if who == "everything":
        return list(disturbed.processes(folder))
    verb = f"/{who} "
    return [number for number, line in disturbed.processes(folder).items() if verb in line and "/bin/bash" not in line]


def second_is_refused(folder):
    """A second run in the folder says that the first is running, and what to do after a kill."""
    status, said = disturbed.snakemake(folder, check=False)
    assert status == 1 and "LockException" in said and "--unlock" in said


def killed(folder, moment, who, number, meanwhile=lambda folder: None):
    """Run the workflow until a job of a rule starts, and kill; whether somebody was there to be killed."""
    log = folder / LOGS[moment]
    log.unlink(missing_ok=True)
    process = start(folder)
    try:
        while not log.exists() and process.poll() is None:
            time.sleep(0.01)
        while not (victims := chosen(folder, who, process)) and process.poll() is None:
            time.sleep(0.01)
        meanwhile(folder)
        for victim in victims:
            os.kill(victim, number)
        status = process.wait(timeout=600)
        while any("snakemake" not in line for line in disturbed.processes(folder).values()):
            time.sleep(0.05)  # what was running when Snakemake was killed goes on to its end
    finally:
        for left in disturbed.processes(folder):
            os.kill(left, signal.SIGKILL)
    assert status != 0 or who == "job server"
    return bool(victims)


def test_a_run_that_is_killed_again_and_again(bare, undisturbed, fault):
    for moment, who, number in KILLS:
        if moment == "draw_figures":
            assert killed(bare, moment, who, number, second_is_refused)
            fault("two workflows at once")
        else:
            assert killed(bare, moment, who, number)
        fault(f"{number.name} of {who}")
        assert disturbed.differences(bare, undisturbed, all_there=False) == []
        locked = bool(list(bare.glob(".snakemake/locks/*")))
        assert locked == (number == signal.SIGKILL and who in ("snakemake", "everything"))
        if locked:
            disturbed.snakemake(bare, "--unlock")
    disturbed.snakemake(bare)
    disturbed.assert_as_undisturbed(bare, undisturbed)
