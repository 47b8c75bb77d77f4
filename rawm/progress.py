"""Progress: a bar in a terminal, plain lines in a log file."""

import sys
import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

Item = TypeVar("Item")
_SECONDS = 30.0


def track(items: Iterable[Item], description: str, total: int | None = None) -> Iterator[Item]:
    """Yield the items while showing on stderr how far we are.

    In a terminal this is a bar; elsewhere a line each tenth of the way, or every 30 s when that comes first.

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
    shown = 0
    for done, item in enumerate(items, start=1):
        yield item
        now = time.monotonic()
        tenth = 10 * done // total if total else 0
        if tenth > shown or now - last >= _SECONDS:
            shown, last = tenth, now
            of = f"/{total}" if total else ""
            print(f"{description}: {done}{of}, {now - start:.1f} s", file=sys.stderr, flush=True)
