"""Bounds on waiting: for a call, and for another upload; and a clean end on SIGTERM."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from rawm.errors import UserError

PROBE_S = 10  # a first sign of life
CALL_S = 60  # one call of mlflow, with its retries
BYTES_PER_S = 100_000  # an upload slower than this counts as dead
DOWNLOAD_S = 600
CLEANING_S = 10  # removing what an upload that failed has left
OTHER_UPLOAD_S = 60  # without a sign of life from it
TERMINATED = 128 + signal.SIGTERM


class TooSlow(BaseException):
    """A call took longer than its limit. It is no Exception, so that no library catches it and tries again."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"no answer within {seconds:.0f} s")


@contextmanager
def limit(seconds: float) -> Iterator[None]:
    """Raise TooSlow where the block takes longer. Only the main thread has signals; in others there is no limit."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def expire(number: int, frame: Any) -> None:
        raise TooSlow(seconds)

    previous = signal.signal(signal.SIGALRM, expire)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)


class Limited:
    """An object each of whose methods has `CALL_S` seconds; `unlimited` is the object itself."""

    def __init__(self, unlimited: Any) -> None:
        self.unlimited = unlimited

    def __getattr__(self, name: str) -> Any:
        method = getattr(self.unlimited, name)

        def limited(*args: Any, **options: Any) -> Any:
            with limit(CALL_S):
                return method(*args, **options)

        return limited


@contextmanager
def stoppable() -> Iterator[None]:
    """Turn SIGTERM into an exit that runs every `finally`."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(number: int, frame: Any) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # a second one must not cut the cleaning short
        raise SystemExit(TERMINATED)

    previous = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, previous)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock of a store, for one upload at a time.

    Waits for another upload as long as that one shows signs of life (`alive`).

    Raises:
        UserError: the other one shows none for a minute.
        OSError: the file cannot be made.
    """
    open(path, "a").close()  # FileLock tries for ever where it cannot make its file
    lock = FileLock(path)
    sign, since = 0, time.monotonic()
    while True:
        try:
            lock.acquire(timeout=1)
            break
        except Timeout:
            if (last := path.stat().st_mtime_ns) != sign:
                sign, since = last, time.monotonic()
            elif time.monotonic() - since > OTHER_UPLOAD_S:
                message = f"another upload holds the store and has done nothing for {OTHER_UPLOAD_S} s"
                raise UserError(f"{path}: {message}; stop it and run `rawm track` again") from None
    try:
        alive(path)
        yield
    finally:
        lock.release()


def alive(path: Path) -> None:
    """Show those who wait for a lock that its holder gets on."""
    os.utime(path)
