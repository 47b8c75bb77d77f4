"""Give generated hostile files to a reader, one after another, in a process with limits.

`python -m support.hostile KIND COUNT FOLDER [FIRST]` prints what happened as JSON. A reader may accept a file or raise
UserError; whatever else it does is a failure, and the file is kept in FOLDER/failed.
"""

import faulthandler
import json
import os
import random
import resource
import shutil
import signal
import sys
import traceback
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

MEMORY = 2 << 30  # bytes above what the process has when its modules are loaded
SECONDS = 20  # of one file; on a busy machine a file of ordinary size may take one


class Target(NamedTuple):
    """A small valid file, how it is spoilt, and who reads it.

    Attributes:
        spoil: function of a random generator, the content, and contents of other targets.
        read: reads the file as a command does.
    """

    path: Path
    content: bytes
    spoil: Callable[[random.Random, bytes, list[bytes]], bytes]
    read: Callable[[Path], object]


def without_checksum(target: Target) -> Target:
    """The same file as one that others, or earlier versions, wrote: its reader looks at what it holds."""
    return target._replace(content=target.content.replace(b"checksum", b"checksxm").replace(b"crc32:", b"crc33:"))


def hostile(targets: list[Target], number: int) -> tuple[Target, bytes]:
    """The target and content of the file with this number."""
    rng = random.Random(number)
    target = rng.choice(targets)
    return target, target.spoil(rng, target.content, [other.content for other in targets])


def attempt(target: Target, content: bytes) -> str:
    """Let the reader have a file; "accepted", "refused", or what went wrong."""
    from rawm.errors import UserError

    target.path.write_bytes(content)
    signal.setitimer(signal.ITIMER_REAL, SECONDS)  # its default action ends the process, even inside C code
    try:
        target.read(target.path)
        return "accepted"
    except UserError as error:
        return "refused" if str(error).strip() else f"{type(error).__name__} without a sentence"
    except Exception:
        return traceback.format_exc()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        target.path.write_bytes(target.content)


def worker(targets: list[Target], first: int, last: int, report: int) -> None:
    """Try files one after another, and write a line about each to a pipe."""
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY, used + MEMORY))
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.dup2(null, 2)  # decoders print what they think of a file
    faulthandler.disable()  # of pytest; what ends the worker is reported by its parent
    with os.fdopen(report, "w") as pipe:
        for number in range(first, last):
            pipe.write(json.dumps([number, attempt(*hostile(targets, number))]) + "\n")
            pipe.flush()


def tried(targets: list[Target], folder: Path, first: int, last: int) -> dict:
    """Try files with workers that live until a file ends them; what happened, in numbers, and the failures."""
    result = {"tried": 0, "accepted": 0, "refused": 0, "hangs": 0, "memory": 0, "failures": []}
    while first < last:
        read, write = os.pipe()
        if (process := os.fork()) == 0:
            os.close(read)
            try:
                worker(targets, first, last, write)
            finally:
                os._exit(0)
        os.close(write)
        with os.fdopen(read) as pipe:
            for line in pipe:
                first, outcome = json.loads(line)
                record(result, targets, folder, first, outcome)
                first += 1
        _, status, used = os.wait4(process, 0)
        result["memory"] = max(result["memory"], used.ru_maxrss * 1024)
        if first < last:
            code = os.waitstatus_to_exitcode(status)
            record(result, targets, folder, first, "hang" if code == -signal.SIGALRM else f"ended with {code}")
            first += 1
    return result


def record(result: dict, targets: list[Target], folder: Path, number: int, outcome: str) -> None:
    result["tried"] += 1
    if outcome in ("accepted", "refused"):
        result[outcome] += 1
        return
    result["hangs"] += outcome == "hang"
    target, content = hostile(targets, number)
    kept = folder / "failed" / f"{number}_{target.path.name}"
    kept.parent.mkdir(exist_ok=True)
    kept.write_bytes(content)
    result["failures"].append([number, str(kept), outcome])


def main(kind: str, count: str, folder: str, first: str = "0") -> None:
    from support.hostile_readers import KINDS

    place = Path(folder).resolve()
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    os.chdir(place)
    targets = KINDS[kind](place)
    targets += 3 * [without_checksum(target) for target in targets if b"crc32:" in target.content]
    start = zlib.crc32(kind.encode()) + int(first)  # kinds do not share their seeds
    print(json.dumps(tried(targets, place, start, start + int(count))))


if __name__ == "__main__":
    main(*sys.argv[1:])
