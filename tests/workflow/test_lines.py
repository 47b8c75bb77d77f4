"""What `make run` prints where there is no terminal: a line per job, the time left, errors, and the closing lines."""

import logging
import os
import re
import shutil
import subprocess
from types import SimpleNamespace

import pytest
from snakemake_interface_logger_plugins.common import LogEvent
from snakemake_logger_plugin_lines import LogHandler
from snakemake_logger_plugin_lines.progress import Job, Progress, duration, time_left
from support.commands import ENVIRONMENT, ROOT, run, snakemake

from rawm.study import load_study

MAKE_RUN = ("make", "--old-file", ".venv/installed", "--file", str(ROOT / "Makefile"), "run", "STUDY=synthetic")


def test_every_job_is_a_line_with_counts(finished):
    study = load_study("synthetic", ROOT / "config")
    lines = (finished / "output").read_text().splitlines()
    jobs = [line for line in lines if line.startswith("[")]
    total = len(jobs)
    assert total == 3 + 3 + len(study.methods) * (3 + 1) + 5
    assert [line[: len("[ 1/23] ")] for line in jobs] == [f"[{n:>2}/{total}] " for n in range(1, total + 1)]
    assert all(re.search(r": \d+(\.\d)? (s|min)( \(about \d+ (s|min) left\))?$", line) for line in jobs)
    for method in study.methods:
        for task in (1, 2, 3):
            assert len([line for line in jobs if f"] train_task {method} seed 0 task {task}: " in line]) == 1
    first = next(number for number, line in enumerate(jobs) if "train_task" in line)
    assert [line for line in jobs if "left" in line] and "left" not in "".join([*jobs[:first], *jobs[-4:]])
    others = [line for line in lines if line not in jobs]
    assert len(others) <= 2 and others[-1].startswith("Jobs to run: 3 make_corpus, 3 extract_features, 9 train_task, ")


def test_make_run_ends_with_the_main_table_and_what_to_do_next(study):
    (study / "workflow").symlink_to(ROOT / "workflow")
    _, text = run(*MAKE_RUN, "CORES=1", folder=study)
    (study / "workflow").unlink()
    assert "Nothing to be done" in text
    summary = run("rawm", "summary", "--study", "synthetic", folder=study)[1]
    assert summary.startswith("Synthetic signals: EER in %, one seed") and summary in text
    assert "\nJoint " in summary and "results/synthetic/figures\n" in summary
    assert "make ui STUDY=synthetic" in summary
    assert "rawm detect FILE --model results/synthetic/model " in summary


@pytest.mark.parametrize("terminal, logger", [(True, "rich"), (False, "lines")])
def test_bars_are_for_terminals(terminal, logger, tmp_path):
    ours, of_make = os.openpty() if terminal else os.pipe()
    command = [*MAKE_RUN, "--dry-run"]
    text = subprocess.run(command, cwd=tmp_path, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=of_make, text=True)
    os.close(ours), os.close(of_make)
    assert f"snakemake --logger {logger} --cores all --config study=synthetic " in text.stdout


def test_a_failed_job_shows_its_command_and_the_end_of_its_log(finished, tmp_path):
    for name in ("config", ".snakemake", "results/corpora/synthetic_buzz", "results/manifests"):
        shutil.copytree(finished / name, tmp_path / name, copy_function=shutil.copy2)
    victim = min((tmp_path / "results/corpora/synthetic_buzz").glob("*.flac"))
    victim.write_bytes(victim.read_bytes()[:1500])
    target = "results/features/lfcc_stats/synthetic_buzz/train.safetensors"
    options = ("--cores", "1", "--logger", "lines", "--rerun-triggers", "input", "--", target)
    status, text = snakemake(tmp_path, *options, check=False)
    assert status == 1
    lines = text[text.index("Jobs to run") :].splitlines()
    log = "results/logs/extract_features/lfcc_stats/synthetic_buzz.log"
    assert lines[0] == "Jobs to run: 1 extract_features"
    assert re.fullmatch(r"\[0/1\] extract_features lfcc_stats synthetic_buzz: FAILED after [\d.]+ s", lines[1])
    assert lines[2].startswith("    rawm extract --frontend lfcc_stats --corpus synthetic_buzz")
    assert lines[3] == f"    {log}:"
    end = (tmp_path / log).read_text().splitlines()
    assert f"{victim.name}: is truncated or damaged" in end[-1]
    assert [line.strip() for line in lines[4:-2]] == [line.strip() for line in end]
    assert lines[-2:] == ["WorkflowError:", "At least one job did not complete successfully."]


def test_the_time_left_is_the_mean_of_the_rule_on_all_threads():
    progress = Progress()
    progress.plan({"train": 10, "evaluate": 3})
    progress.start(1, Job("train", "", threads=1, start=0))
    progress.start(2, Job("train", "", threads=1, start=0))
    progress.finish(1, 4)
    assert progress.seconds_left(4) == (12 * 4 - 4) / 2  # 12 jobs of 4 s, 4 s of which have passed, two at a time
    progress.finish(2, 8)
    assert progress.seconds_left(8) == 11 * 6 / 2
    progress.start(3, Job("evaluate", "", threads=4, start=8))
    progress.finish(3, 10)
    assert progress.seconds_left(10) == (8 * 6 + 2 * 2 * 4) / 4


def test_no_time_left_before_it_means_anything_after_a_failure_and_at_the_end():
    progress = Progress()
    progress.plan({"make": 2, "train": 3})
    for number, rule in enumerate(["make", "make", "train", "train", "train"]):
        progress.start(number, Job(rule, "", 1, 0))
    progress.finish(0, 1)
    assert progress.seconds_left(1) is None  # 3 of the remaining 4 jobs are of a rule that has finished none
    progress.finish(1, 1)
    progress.finish(2, 5)
    assert progress.seconds_left(5) is not None
    progress.finish(3, 5)
    progress.fail(4)
    assert progress.seconds_left(5) is None
    progress = Progress()
    progress.plan({"train": 1})
    progress.start(0, Job("train", "", 1, 0))
    progress.finish(0, 3)
    assert progress.seconds_left(3) is None


def test_durations_are_short():
    texts = [duration(seconds) for seconds in (0.04, 9.94, 9.96, 99, 100, 5939, 5971)]
    assert texts == ["0.0 s", "9.9 s", "10 s", "99 s", "2 min", "99 min", "1.7 h"]
    assert [time_left(seconds) for seconds in (0, 31, 240)] == [
        "about 10 s left",
        "about 40 s left",
        "about 4 min left",
    ]


def test_warnings_and_errors_are_printed_once_and_news_of_snakemake_is_not(capsys):
    handler = LogHandler(SimpleNamespace(stdout=False), None)

    def say(level, text, **more):
        handler.emit(logging.makeLogRecord({"levelno": level, "msg": text} | more))

    say(logging.INFO, "Building DAG of jobs...")
    say(logging.INFO, None, event=LogEvent.PROGRESS, done=1, total=2)
    say(logging.ERROR, "RuleException:\nCalledProcessError in file x", event=LogEvent.ERROR)
    say(logging.ERROR, "Exiting because a job execution failed. Look above for error messages")
    assert capsys.readouterr().err == ""
    say(logging.WARNING, "a warning")
    say(logging.ERROR, "MissingOutputException in rule a", event=LogEvent.ERROR)
    say(logging.INFO, "Nothing to be done (all requested files are present and up to date).")
    assert capsys.readouterr().err.splitlines() == [
        "a warning",
        "MissingOutputException in rule a",
        "Nothing to be done (all requested files are present and up to date).",
    ]


def test_the_log_of_a_failed_job_is_cut_and_may_be_missing(tmp_path, capsys):
    log = tmp_path / "job.log"
    log.write_text("".join(f"line {number}\n" for number in range(1, 31)))
    handler = LogHandler(SimpleNamespace(stdout=False), None)
    job = {"event": LogEvent.JOB_INFO, "rule_name": "train", "jobid": 1, "threads": 1, "created": 0.0}
    handler.emit(logging.makeLogRecord(job | {"wildcards": {"study": "a", "method": "rawm", "seed": "0"}}))
    error = {"event": LogEvent.JOB_ERROR, "jobid": 1, "created": 7.0, "rule_msg": None, "shellcmd": "false"}
    logs = [str(log), str(tmp_path / "other.log")]
    handler.emit(logging.makeLogRecord(error | {"aux": {"external_jobid": 12}, "log": logs}))
    lines = capsys.readouterr().err.splitlines()
    assert lines[:4] == [
        "[0/0] train rawm seed 0: FAILED after 7.0 s",
        "    false",
        "    external_jobid: 12",
        f"    {log}:",
    ]
    assert lines[4:-1] == [f"        line {number}" for number in range(11, 31)]
    assert lines[-1] == f"    {logs[1]}: No such file or directory"
