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
    "train_task": "results/synthetic/logs/train_task/rawm_seed0_task2.log",
    "evaluate_run": "results/synthetic/logs/evaluate_run/rawm_seed0.log",
    "draw_figures": "results/synthetic/logs/draw_figures.log",
    "log_to_mlflow": "results/synthetic/logs/log_to_mlflow.log",
}
#: For each run: when and who is killed, and by what. `everything` is what a power failure leaves; before
#: it a second run is tried in the folder.
RUNS = (
    [("make_corpus", "snakemake", signal.SIGKILL)],
    [("extract_features", "rawm extract", signal.SIGKILL)],
    [("train_task", "job server", signal.SIGKILL), ("evaluate_run", "snakemake", signal.SIGTERM)],
    [("draw_figures", "snakemake", signal.SIGINT)],
    [("log_to_mlflow", "rawm track", signal.SIGKILL)],
    [("log_to_mlflow", "everything", signal.SIGKILL)],
)


def start(folder, variables):
    """Start Snakemake in a process group of its own, as a shell does."""
    command = ["snakemake", "--snakefile", str(ROOT / "workflow/Snakefile"), "--config", "study=synthetic"]
    options = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "start_new_session": True}
    return subprocess.Popen([*command, "--cores", "2"], cwd=folder, env=ENVIRONMENT | variables, **options)


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


def disturb(folder, process, variables, moment, who, number):
    """Wait until a job of a rule starts, and kill."""
    while not (folder / LOGS[moment]).exists():
        assert process.poll() is None, moment
        time.sleep(0.01)
    while not (victims := chosen(folder, who, process)):
        assert process.poll() is None, who
        time.sleep(0.01)
    if who == "everything":
        for victim in victims:
            os.kill(victim, signal.SIGSTOP)
        status, said = disturbed.snakemake(folder, check=False, **variables)
        assert status == 1 and "LockException" in said and "--unlock" in said, said
    for victim in victims:
        os.kill(victim, number)


def run_and_kill(folder, variables, kills):
    """Run the workflow, and kill at moments, the last of which ends it."""
    for moment, _, _ in kills:
        (folder / LOGS[moment]).unlink(missing_ok=True)
    process = start(folder, variables)
    try:
        for moment, who, number in kills:
            disturb(folder, process, variables, moment, who, number)
        assert process.wait(timeout=600) != 0
        while disturbed.processes(folder):
            time.sleep(0.05)  # what was running when Snakemake was killed goes on to its end
    finally:
        for left in disturbed.processes(folder):
            os.kill(left, signal.SIGKILL)


def test_a_run_in_an_odd_place_that_is_killed_again_and_again(tmp_path, undisturbed, fault):
    bare = disturbed.configure(tmp_path / "Zwei Wörter, ünd 'Zeichen' 日本")
    nowhere = str(tmp_path / "nowhere")
    variables = {"HOME": nowhere, "TMPDIR": nowhere, "LANG": "C", "LC_ALL": "POSIX", "XDG_CACHE_HOME": nowhere}
    for kind in ("folder with blanks and letters", "no HOME", "no TMPDIR", "LC_ALL=POSIX", "two workflows at once"):
        fault(kind)
    for kills in RUNS:
        run_and_kill(bare, variables, kills)
        for _, who, number in kills:
            fault(f"{number.name} of {who}")
        assert disturbed.differences(bare, undisturbed, all_there=False) == []
        locked = bool(list(bare.glob(".snakemake/locks/*")))
        assert locked == (number == signal.SIGKILL and who in ("snakemake", "everything"))
        if locked:
            disturbed.snakemake(bare, "--unlock", **variables)
    disturbed.snakemake(bare, **variables)
    disturbed.assert_as_undisturbed(bare, undisturbed)
