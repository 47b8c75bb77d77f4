"""Counts and durations of a workflow's jobs, and the time that the remaining ones will take."""

import math
from collections import Counter
from dataclasses import dataclass


@dataclass(frozen=True)
class Job:
    """A job that was started.

    Attributes:
        name: rule and wildcards, for people.
        start: time in seconds.
    """

    rule: str
    name: str
    threads: int
    start: float


class Progress:
    """Which jobs are planned, run and finished."""

    def __init__(self) -> None:
        self.planned: Counter[str] = Counter()  # rule -> jobs
        self._finished: Counter[str] = Counter()  # rule -> jobs
        self._seconds: dict[str, float] = {}  # rule -> seconds of its finished jobs, times their threads
        self.running: dict[int, Job] = {}
        self._threads = 1  # the most that were busy at a time
        self._has_failed = False

    @property
    def total(self) -> int:
        return self.planned.total()

    @property
    def done(self) -> int:
        return self._finished.total()

    def plan(self, jobs_of_rule: dict[str, int]) -> None:
        self.planned = Counter(jobs_of_rule)

    def start(self, number: int, job: Job) -> None:
        self.running[number] = job
        self._threads = max(self._threads, sum(other.threads for other in self.running.values()))

    def finish(self, number: int, now: float) -> Job:
        job = self.running.pop(number)
        self._finished[job.rule] += 1
        self._seconds[job.rule] = self._seconds.get(job.rule, 0) + job.threads * (now - job.start)
        return job

    def fail(self, number: int) -> Job:
        self._has_failed = True
        return self.running.pop(number)

    def seconds_left(self, now: float) -> float | None:
        """Time until the last job ends, if as many threads stay busy as were busy at most.

        A job is taken to last as long as the mean finished one of its rule, or, where its rule has none, as the mean
        remaining job of the other rules.

        Returns:
            None at the end, while more than half of the remaining jobs are of rules that have finished none, and after
            a failure, since jobs that need the failed one will not run.
        """
        remaining = self.planned - self._finished
        known = {rule: jobs for rule, jobs in remaining.items() if rule in self._seconds}
        if self._has_failed or not known or 2 * sum(known.values()) < remaining.total():
            return None
        mean = {rule: self._seconds[rule] / self._finished[rule] for rule in known}
        work = sum(jobs * mean[rule] for rule, jobs in known.items()) * remaining.total() / sum(known.values())
        for job in self.running.values():
            work -= min(job.threads * (now - job.start), mean.get(job.rule, 0))
        return work / self._threads


def duration(seconds: float) -> str:
    """A duration, e.g. 2.4 s, 35 s, 12 min, 3.5 h."""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    if seconds < 99.5:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 99.5 * 60 else f"{seconds / 3600:.1f} h"


def time_left(seconds: float) -> str:
    """An estimate, e.g. about 40 s left: no finer than ten seconds."""
    return f"about {duration(10 * max(1, math.ceil(seconds / 10)))} left"
