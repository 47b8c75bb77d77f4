"""
Snakemake logger for files and CI: one line per finished job with counts and the time left, and errors in full.

`make run` uses it where there is no terminal: `snakemake --logger lines`. It is installed with the package.
"""

import logging
import sys
from pathlib import Path

from snakemake_interface_logger_plugins.base import LogHandlerBase
from snakemake_interface_logger_plugins.common import LogEvent

from snakemake_logger_plugin_lines.progress import Job, Progress, duration, time_left

TARGETS = ("all", "paper")  # rules that do nothing but ask for files
LOG_LINES = 20  # of the log of a failed job
# What Snakemake says after the error of a job, without anything new.
SAID_BEFORE = ("RuleException:\nCalledProcessError in file", "Exiting because a job execution failed")


class LogHandler(LogHandlerBase):
    """Print Snakemake's events as lines."""

    writes_to_stream = True
    writes_to_file = False
    has_filter = True
    has_formatter = True
    needs_rulegraph = False

    def __post_init__(self) -> None:
        self.stream = sys.stdout if self.common_settings.stdout else sys.stderr
        self.progress = Progress()

    def emit(self, record: logging.LogRecord) -> None:
        """Print what a record says, if it is one of those that are shown."""
        try:
            text = self._text(record)
            if text:
                print(text, file=self.stream, flush=True)
        except Exception:
            self.handleError(record)

    def _text(self, record: logging.LogRecord) -> str:
        match getattr(record, "event", None):
            case LogEvent.RUN_INFO:
                return self._planned(record.stats)
            case LogEvent.JOB_INFO if record.rule_name not in TARGETS:
                job = Job(record.rule_name, _name(record), record.threads, record.created)
                self.progress.start(record.jobid, job)
            case LogEvent.JOB_FINISHED if record.job_id in self.progress.running:
                return self._finished(record)
            case LogEvent.JOB_ERROR:
                return self._failed(record)
            case LogEvent.ERROR | None:
                return _message(record)
        return ""

    def _planned(self, jobs_of_rule: dict[str, int]) -> str:
        self.progress.plan({rule: jobs for rule, jobs in jobs_of_rule.items() if rule not in (*TARGETS, "total")})
        return "Jobs to run: " + ", ".join(f"{n} {rule}" for rule, n in self.progress.planned.items())

    def _finished(self, record: logging.LogRecord) -> str:
        job = self.progress.finish(record.job_id, record.created)
        left = self.progress.seconds_left(record.created)
        line = f"{self._count()} {job.name}: {duration(record.created - job.start)}"
        return line if left is None else f"{line} ({time_left(left)})"

    def _failed(self, record: logging.LogRecord) -> str:
        job = self.progress.fail(record.jobid)
        lines = [f"{self._count()} {job.name}: FAILED after {duration(record.created - job.start)}"]
        details = [record.rule_msg, record.shellcmd, *(f"{key}: {value}" for key, value in record.aux.items())]
        lines += [f"    {detail}" for detail in details if detail]
        for path in record.log:
            lines += _end_of_log(path)
        return "\n".join(lines)

    def _count(self) -> str:
        total = str(self.progress.total)
        return f"[{self.progress.done:>{len(total)}}/{total}]"


def _name(record: logging.LogRecord) -> str:
    """Rule and wildcards of a job, e.g. train_task rawm seed 0 task 2; without the study, which is always the same."""
    wildcards = {key: str(value) for key, value in record.wildcards.items() if key != "study"}
    return " ".join(
        [record.rule_name, *(f"{key} {value}" if value.isdigit() else value for key, value in wildcards.items())]
    )


def _message(record: logging.LogRecord) -> str:
    """Warnings and errors, and that there is nothing to be done."""
    text = record.getMessage()
    if record.levelno >= logging.WARNING:
        return "" if text.startswith(SAID_BEFORE) else text
    return text if text.startswith("Nothing to be done") else ""


def _end_of_log(path: str) -> list[str]:
    try:
        lines = Path(path).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError as error:
        return [f"    {path}: {error.strerror}"]
    return [f"    {path}:" if lines else f"    {path}: empty", *(f"        {line}" for line in lines[-LOG_LINES:])]
