"""Progress on stderr: a bar on a terminal, a line every fifth of the way elsewhere."""

import sys
import time
from types import TracebackType


class Progress:
    """Counts the steps of one corpus; use it with `with`."""

    def __init__(self, name: str, total: int):
        self.name, self.total, self.done = name, total, 0
        self.started = time.monotonic()
        self.bar = None

    def __enter__(self) -> "Progress":
        if sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
            from rich.progress import Progress as Bar

            columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
            self.bar = Bar(*columns, console=Console(stderr=True))
            self.bar.start()
            self.task = self.bar.add_task(self.name, total=self.total)
        return self

    def advance(self) -> None:
        """One more recording is done."""
        before, self.done = self.done, self.done + 1
        if self.bar:
            self.bar.advance(self.task)
        elif before * 5 // self.total < self.done * 5 // self.total:
            seconds = time.monotonic() - self.started
            print(f"{self.name}: {self.done} of {self.total} recordings, {seconds:.0f} s", file=sys.stderr, flush=True)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.bar:
            self.bar.stop()
