"""Progress: a bar in a terminal, plain lines in a log file."""

import sys
import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

Item = TypeVar("Item")
_LEAST_S, _MOST_S = 2.0, 30.0  # between two lines


def track(items: Iterable[Item], description: str, total: int | None = None) -> Iterator[Item]:
    """Yield the items while showing on stderr how far we are.

    In a terminal this is a bar. Elsewhere it is lines: at each tenth of the way (but not more often than every 2 s),
    whenever 30 s have passed without one, and at the end.

    Args:
        items: what to go through.
        description: what is being done, e.g. "features of open_en_tts train".
        total: number of items; taken from `items` where it has a length.
    """
    if total is None and hasattr(items, "__len__"):
        total = len(items)
    return _bar(items, description, total) if sys.stderr.isatty() else _lines(items, description, total)


def _bar(items: Iterable[Item], description: str, total: int | None) -> Iterator[Item]:
    from rich import progress
    from rich.console import Console

    columns = (
        progress.TextColumn("{task.description}"),
        progress.BarColumn(),
        progress.MofNCompleteColumn(),
        progress.TimeElapsedColumn(),
        progress.TimeRemainingColumn(),
    )
    with progress.Progress(*columns, console=Console(stderr=True)) as shown:
        yield from shown.track(items, total=total, description=description)


def _lines(items: Iterable[Item], description: str, total: int | None) -> Iterator[Item]:
    start = last = time.monotonic()
    done = shown = 0
    for done, item in enumerate(items, start=1):
        yield item
        now = time.monotonic()
        tenth = 10 * done // total if total else 0
        pause = _LEAST_S if tenth > shown else _MOST_S
        if now - last >= pause and done != total:
            shown, last = tenth, now
            _line(description, done, total, now - start)
    _line(description, done, total, time.monotonic() - start)


def _line(description: str, done: int, total: int | None, seconds: float) -> None:
    of = f"/{total}" if total else ""
    print(f"{description}: {done}{of}, {seconds:.1f} s", file=sys.stderr, flush=True)
