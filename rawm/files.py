"""Write files so that a reader never sees half of one."""

import errno
import hashlib
import json
import os
import stat
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rawm import checksums
from rawm.errors import UserError

#: Why nothing can be written, and what to do.
UNWRITABLE = {
    errno.ENOSPC: "no space is left on the disk; free some and run the same command again",
    errno.EDQUOT: "the quota on the disk is used up; free some space and run the same command again",
    errno.EFBIG: "the file would be larger than the system allows; raise the limit and run the same command again",
    errno.EROFS: "the disk is read-only; make it writable, or choose another folder",
    errno.EACCES: "permission is denied; give yourself the right, or choose another folder",
}


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    """Turn the errors of a disk that takes no more into a UserError that names the file."""
    try:
        yield
    except OSError as error:
        if error.errno not in UNWRITABLE or error.errno == errno.EACCES:  # the last may be about a file that is read
            raise
        raise UserError(f"{path}: {UNWRITABLE[error.errno]}") from None


@contextmanager
def atomic(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; rename it to `path` on success, remove it on failure.

    The temporary name keeps the suffix, since many writers choose their format by it. The file gets the permissions of
    the umask, even from writers that restrict it to its owner, since results are shared on a cluster.

    Raises:
        UserError: the disk is full or read-only.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.stem}.{uuid.uuid4().hex[:8]}{path.suffix}")
    with _writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            yield temporary
            temporary.chmod(0o666 & ~_umask())
            os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def write_text(path: str | Path, text: str) -> None:
    """Write UTF-8 text atomically."""
    with atomic(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: str | Path, value: object) -> None:
    """Write indented JSON with a checksum atomically; raises ValueError for NaN and infinities, which JSON lacks."""
    with atomic(path) as temporary:
        temporary.write_text(json.dumps(value, indent=2, allow_nan=False) + "\n", encoding="utf-8")
        checksums.seal(temporary)


def read_json(path: str | Path) -> Any:
    """Read what `write_json` wrote.

    Raises:
        UserError: the file was damaged after it was written.
        OSError, ValueError: it cannot be read, or is no JSON.
    """
    checksums.require_intact(path)
    content = json.loads(Path(path).read_text(encoding="utf-8"))
    checksums.drop(content)
    return content


def csv(rows: Sequence[dict[str, Any]]) -> str:
    """Format rows as comma-separated values with four decimals; None becomes an empty field."""
    import pandas as pd

    frame = pd.DataFrame(rows)
    columns = frame.select_dtypes("floating").columns
    frame[columns] = frame[columns].round(4) + 0.0  # + 0.0 turns -0.0 into 0.0
    return frame.to_csv(index=False, float_format="%.4f", lineterminator="\n")


def irregular(path: str | Path) -> str:
    """Say what something is that is no regular file; "" for a regular file, and where there is nothing.

    Ask before opening what a user names: opening a named pipe waits for ever, and a device has no end.
    """
    try:
        mode = os.stat(path).st_mode
    except (OSError, ValueError):
        return ""
    if stat.S_ISREG(mode):
        return ""
    kinds = {stat.S_IFDIR: "a folder", stat.S_IFIFO: "a named pipe", stat.S_IFSOCK: "a socket"}
    return f"is {kinds.get(stat.S_IFMT(mode), 'a device')}, not a regular file"


def require_regular(path: str | Path, remedy: str) -> None:
    """Raise UserError where something is that is no regular file (`irregular`), with what to do about it."""
    if problem := irregular(path):
        raise UserError(f"{printable(path)}: {problem}; {remedy}")


@contextmanager
def parquet_problems(path: str | Path, remedy: str) -> Iterator[None]:
    """Say what is wrong with a Parquet file: whatever pyarrow raises when it is opened or read becomes a UserError.

    Args:
        remedy: what to do about it.
    """
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise UserError(f"{path}: not a readable Parquet file ({reason[:200]}); {remedy}") from None


def end_future(folder: Path, left_out: Sequence[str] = ()) -> list[Path]:
    """Give files from the future the time of now, and return them: a clock was set back after they were written.

    Args:
        left_out: names of folders that are not looked into.
    """
    now, changed = time.time(), []
    for inside, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name not in left_out]
        for path in (Path(inside, name) for name in names):
            if not path.is_symlink() and path.stat().st_mtime > now + 1:
                os.utime(path, (now, now))
                changed.append(path)
    return changed


def is_utf8(path: str | Path) -> bool:
    """Whether a name is UTF-8, so that it can be printed and saved; Linux allows any bytes."""
    return not any("\ud800" <= char <= "\udfff" for char in str(path))


def printable(path: str | Path) -> str:
    r"""The path in one line that can be printed: bytes that are not UTF-8 become \xff, a line break \n."""
    return "".join(
        f"\\x{ord(char) - 0xDC00:02x}"
        if "\udc80" <= char <= "\udcff"
        else char.encode("unicode_escape").decode()
        if char < " " or not is_utf8(char)
        else char
        for char in str(path)
    )


def sha256(path: str | Path) -> str:
    """Hash a file's bytes; returns the hex digest."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
