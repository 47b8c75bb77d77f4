"""Find the recordings that a user names, and score them; bad ones do not stop the others."""

import sys
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from glob import glob, has_magic
from pathlib import Path

import torch

from rawm.audio import SUFFIXES, BadAudio
from rawm.detection.detector import Detector, Scored
from rawm.errors import UserError

_AHEAD = 4  # files a thread may be ahead of the one that is reported next


def find(names: Sequence[str], lists: Sequence[Path] = ()) -> list[Path]:
    """Files that a user names.

    Args:
        names: files; folders, searched for sound files at any depth; patterns such as "calls/*.wav"; or "-", which
            reads such names from standard input, one a line.
        lists: text files with a path a line, relative to the working directory.

    Returns:
        each file once, in the order in which it was named; those of a folder and a pattern sorted.

    Raises:
        UserError: a folder without sound files, a pattern that matches nothing, or no file at all. A file that does not
            exist is reported when it is read.
    """
    found: dict[Path, None] = {}
    for name in _expanded(names, lists):
        path = Path(name)
        if path.is_dir():
            inside = sorted(file for file in path.rglob("*") if file.suffix.lower() in SUFFIXES and not file.is_dir())
            if not inside:
                raise UserError(f"{path}: holds no sound files ({', '.join(sorted(SUFFIXES))})")
            found |= dict.fromkeys(inside)
        elif has_magic(name) and not path.exists():
            matches = sorted(glob(name, recursive=True))
            if not matches:
                raise UserError(f"{name}: matches no file")
            found |= dict.fromkeys(Path(match) for match in matches if not Path(match).is_dir())
        else:
            found[path] = None
    if not found:
        raise UserError("no recordings; name files, folders or patterns, or - for paths on standard input")
    return list(found)


def _expanded(names: Iterable[str], lists: Iterable[Path]) -> Iterator[str]:
    for name in names:
        if name == "-":
            yield from filter(None, (line.rstrip("\r\n") for line in sys.stdin))
        else:
            yield name
    for file in lists:
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
