"""Progress: a bar in a terminal, plain lines in a log file."""

import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sized
from typing import TypeVar

Item = TypeVar("Item")
_LEAST_S, _MOST_S = 2.0, 30.0  # seconds between two lines


def track(
    items: Iterable[Item], description: str, total: int | None = None, note: Callable[[], str] = str
) -> Iterator[Item]:
    """Yield the items, and show the progress on stderr.

    A terminal shows a bar. A log file gets lines: at each tenth of the items (at most every 2 s), after 30 s without a
    line, and at the end.

    Args:
        items: the items.
        description: the work, e.g. "features of open_en_tts train".
        total: number of items; by default the length of `items`, if it has one.
        note: returns a text that is shown after the numbers, e.g. a rate.
    """
    if total is None and isinstance(items, Sized):
        total = len(items)
    show = _bar if sys.stderr.isatty() else _lines
    return show(items, description, total, note)


def _bar(items: Iterable[Item], description: str, total: int | None, note: Callable[[], str]) -> Iterator[Item]:
    from rich import progress
    from rich.console import Console

    columns = (
        progress.TextColumn("{task.description}"),
        progress.BarColumn(),
        progress.MofNCompleteColumn(),
        progress.TimeElapsedColumn(),
        progress.TimeRemainingColumn(),
        progress.TextColumn("{task.fields[note]}"),
    )
    with progress.Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(description, total=total, note="")
        for item in items:
            yield item
            bar.update(task, advance=1, note=note())


def _lines(items: Iterable[Item], description: str, total: int | None, note: Callable[[], str]) -> Iterator[Item]:
    start = last = time.monotonic()
    done = last_tenth = 0
    for done, item in enumerate(items, start=1):
        yield item
        now = time.monotonic()
        tenth = 10 * done // total if total else 0
        pause = _LEAST_S if tenth > last_tenth else _MOST_S
        if now - last >= pause and done != total:
            last_tenth, last = tenth, now
            _line(description, done, total, now - start, note())
    _line(description, done, total, time.monotonic() - start, note())


def _line(description: str, done: int, total: int | None, seconds: float, note: str) -> None:
    count = f"{done}/{total}" if total else str(done)
    end = f", {note}" if note else ""
    print(f"{description}: {count}, {seconds:.1f} s{end}", file=sys.stderr, flush=True)
