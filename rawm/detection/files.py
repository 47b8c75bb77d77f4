"""Find the recordings that a user names, and score them; bad ones do not stop the others."""

import os
import re
import sys
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from glob import escape, glob, has_magic
from pathlib import Path

import torch

from rawm.audio import SUFFIXES, BadAudio
from rawm.corpora.recordings import unread
from rawm.detection.detector import Detector, Scored
from rawm.errors import UserError
from rawm.files import require_regular

_AHEAD = 4  # files a thread may be ahead of the one that is reported next


def find(names: Sequence[str], lists: Sequence[Path] = ()) -> list[Path]:
    """Files that a user names.

    Args:
        names: files; folders, searched for sound files at any depth; patterns such as "calls/*.wav"; or "-", which
            reads such names from standard input, one a line.
        lists: text files with a path a line, relative to the working directory.

    Returns:
        each file once, in the order in which it was named; those of a folder and a pattern sorted. A folder is entered
        once, whatever links lead to it, and its hidden files are left out (`._a.wav`, which archives made on a Mac
        hold). A link to a file is a file of its own, since its name may be that of a trial.

    Raises:
        UserError: a folder without sound files or that cannot be read, a pattern that matches nothing, or no file at
            all. A file that does not exist is reported when it is read.
    """
    found: dict[tuple[str, str], Path] = {}  # real path of the folder, name
    for name in _expanded(names, lists):
        path = Path(name)
        if os.path.isdir(path):
            matches = sorted(_inside(path))
            if not matches:
                raise UserError(f"{path}: holds no sound files ({', '.join(sorted(SUFFIXES))})")
            for sentence in unread(path, (os.path.relpath(where, path) for where, _ in _folders(path))):
                print(f"warning: {sentence}", file=sys.stderr)
        elif has_magic(name) and not os.path.exists(path):
            matches = sorted(Path(match) for match in _matches(name) if not os.path.isdir(match))
            if not matches:
                raise UserError(f"{name}: matches no file")
        else:
            matches = [path]
        for match in matches:
            found.setdefault((_real(match.parent), match.name), match)
    if not found:
        raise UserError("no recordings; name files, folders or patterns, or - for paths on standard input")
    return list(found.values())


def _real(folder: Path) -> str:
    try:
        return os.path.realpath(folder)
    except ValueError:  # a NUL in the name, as from `find -print0`; the file is reported when it is read
        return str(folder)


def _inside(folder: Path) -> Iterator[Path]:
    """Yield the sound files under a folder, to any depth."""
    for where, names in _folders(folder):
        yield from (
            Path(where, name) for name in names if Path(name).suffix.lower() in SUFFIXES and not name.startswith(".")
        )


def _matches(pattern: str) -> Iterator[str]:
    """Yield what a pattern matches; glob's own search for ** would follow links that lead back again and again."""
    top, *below = re.split(r"(?<![^/])\*\*(?:/|$)", pattern, maxsplit=1)
    if not below:
        yield from glob(pattern)
        return
    for start in glob(top) if has_magic(top) else [top or "."]:
        for where, _ in _folders(Path(start)):
            yield from _matches(os.path.join(escape(where), below[0] or "*"))


def _folders(top: Path) -> Iterator[tuple[str, list[str]]]:
    """Yield each folder at and under another once, whatever links lead to it, and the names of its files."""

    def refuse(error: OSError) -> None:
        if not isinstance(error, FileNotFoundError | NotADirectoryError):  # what a pattern only supposes
            raise UserError(f"{error.filename}: cannot be read ({error.strerror}); correct its permissions")

    entered: set[str] = set()  # real paths
    for where, folders, names in os.walk(top, onerror=refuse, followlinks=True):
        if (real := os.path.realpath(where)) in entered:
            folders.clear()
            continue
        entered.add(real)
        folders.sort(key=lambda name: os.path.islink(os.path.join(where, name)))
        yield where, names


def _expanded(names: Iterable[str], lists: Iterable[Path]) -> Iterator[str]:
    for name in names:
        if name == "-":
            yield from filter(None, (line.rstrip("\r\n") for line in sys.stdin))
        else:
            yield name
    for file in lists:
        require_regular(file, "name a text file, or - for paths on standard input")
        try:
            yield from filter(None, file.read_text(encoding="utf-8-sig").splitlines())
        except (OSError, UnicodeDecodeError) as error:
            raise UserError(f"{file}: not readable as a list of paths ({error})") from None


def score(detector: Detector, paths: Sequence[Path], threads: int, **options) -> Iterator[Scored | BadAudio]:
    """Score files, several at a time, in the order of `paths`.

    Args:
        threads: files decoded and scored at a time.
        options: of `Detector.analyse_file`.

    Yields:
        the scores of a file, or why it has none.
    """

    def analyse(path: Path) -> Scored | BadAudio:
        try:
            return detector.analyse_file(path, **options)
        except BadAudio as error:
            return error

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    pool = ThreadPoolExecutor(threads, initializer=torch.set_num_threads, initargs=(1,))
    running: deque[Future[Scored | BadAudio]] = deque()
    try:
        for path in paths:
            running.append(pool.submit(analyse, path))
            if len(running) > _AHEAD * threads:
                yield running.popleft().result()
        while running:
            yield running.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)
        torch.set_num_threads(before)
