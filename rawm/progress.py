"""Progress: a bar in a terminal, plain lines in a log file."""

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

Item = TypeVar("Item")
_LEAST_S, _MOST_S = 2.0, 30.0  # between two lines


def track(
    items: Iterable[Item], description: str, total: int | None = None, note: Callable[[], str] = str
) -> Iterator[Item]:
    """Yield the items while showing on stderr how far we are.

    In a terminal this is a bar. Elsewhere it is lines: at each tenth of the way (but not more often than every 2 s),
    whenever 30 s have passed without one, and at the end.

    Args:
        items: what to go through.
        description: what is being done, e.g. "features of open_en_tts train".
        total: number of items; taken from `items` where it has a length.
        note: gives a text that is shown behind the numbers, e.g. a rate.
    """
    if total is None and hasattr(items, "__len__"):
        total = len(items)
    return (_bar if sys.stderr.isatty() else _lines)(items, description, total, note)


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
    with progress.Progress(*columns, console=Console(stderr=True)) as shown:
        task = shown.add_task(description, total=total, note="")
        for item in items:
            yield item
            shown.update(task, advance=1, note=note())


def _lines(items: Iterable[Item], description: str, total: int | None, note: Callable[[], str]) -> Iterator[Item]:
    start = last = time.monotonic()
    done = shown = 0
    for done, item in enumerate(items, start=1):
        yield item
        now = time.monotonic()
        tenth = 10 * done // total if total else 0
        pause = _LEAST_S if tenth > shown else _MOST_S
        if now - last >= pause and done != total:
            shown, last = tenth, now
            _line(description, done, total, now - start, note())
    _line(description, done, total, time.monotonic() - start, note())


def _line(description: str, done: int, total: int | None, seconds: float, note: str) -> None:
    of, more = f"/{total}" if total else "", f", {note}" if note else ""
    print(f"{description}: {done}{of}, {seconds:.1f} s{more}", file=sys.stderr, flush=True)
