"""Tracking URIs: which are allowed, the file of a sqlite store, and passwords kept out of sight."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import unquote, urlsplit, urlunsplit

from rawm import files
from rawm.errors import UserError

SERVERS = ("http", "https")
DATABASES = ("postgresql", "mysql", "mssql")
RIGHT = "give a file (sqlite:///mlflow.db), a server (http://HOST:5000) or a database (postgresql://USER@HOST/NAME)"
CREDENTIALS = ("MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD")
#: What may hold a secret in a URI or a sentence: user:PASSWORD@, TOKEN@ of a server, and values of a query.
SECRETS = (
    (re.compile(r"(://[^\s:@/]*):\S*@"), r"\1:***@"),
    (re.compile(r"(https?://)[^\s:@/'\"]+@"), r"\1***@"),
    (re.compile(r"([?&;]\w*(?:password|passwd|pwd|token|secret|key)=)[^\s&;'\"]+", re.IGNORECASE), r"\1***"),
)


def without_password(text: str) -> str:
    """A URI, or a sentence with URIs, as it may be shown and written down."""
    for pattern, replacement in SECRETS:
        text = pattern.sub(replacement, text)
    return text


def without_credentials(uri: str) -> str:
    """The URI without user and password, as browsers and urllib take it."""
    parts = urlsplit(uri)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def check(uri: str) -> None:
    """Raise UserError unless MLflow can keep runs at this tracking URI; opens and creates nothing."""
    if problem := _problem(uri):
        shown = re.sub(r"(://[^:@/]*):.*@", r"\1:***@", uri, flags=re.DOTALL)  # whatever a password holds
        raise UserError(f"tracking URI {without_password(shown)!r}: {problem}")


def _problem(uri: str) -> str:
    kind = _kind(uri)
    if kind == "sqlite":
        return _sqlite_problem(uri)
    if kind in (*SERVERS, *DATABASES):
        return _network_problem(uri, kind)
    if kind == "file" or (not kind and uri.startswith((".", "/", "~"))):
        return f"is a folder, in which MLflow no longer keeps runs; {RIGHT}"
    return f"is no address of MLflow; {RIGHT}"


def _kind(uri: str) -> str:
    """The scheme without the driver: `postgresql` of postgresql+psycopg://..."""
    scheme = re.match(r"([A-Za-z][A-Za-z0-9]*)(\+\w+)?:", uri)
    return scheme[1].lower() if scheme else ""


def _sqlite_problem(uri: str) -> str:
    _, _, rest = uri.partition(":")
    name = rest if rest.startswith("///") else rest.removeprefix("//")
    if not name.strip("/") or ":memory:" in rest or "mode=memory" in rest:
        return "is a database in memory, which keeps nothing; give a file, e.g. sqlite:///mlflow.db"
    if not rest.startswith("///") or rest.startswith("///file:"):
        return f"three slashes and the file's path come after `sqlite:`; give sqlite:///{name.removeprefix('///file:')}"
    path = sqlite_path(uri)
    if path.is_dir():
        return f"is a folder; give a file, e.g. sqlite:///{path / 'mlflow.db'}"
    if problem := files.irregular(path):
        return f"{problem}; give another file, e.g. sqlite:///{path.with_name('mlflow.db')}"
    if not path.parent.is_dir():
        return f"there is no folder {path.parent}; make it first, or give another file"
    if "?" in str(path):
        return f"a sqlite URI cannot name a file in the folder {path.parent}, for its question mark; give another file"
    return ""


def _network_problem(uri: str, kind: str) -> str:
    try:
        parts = urlsplit(uri)
        if parts.port == 0:
            return "port 0 is none"
    except ValueError:  # its text may hold a part of the password
        return f"its host or port is not well formed; {RIGHT}"
    if "://" not in uri or re.search(r"[\s\x00-\x1f]", uri):
        return f"is not well formed; {RIGHT}"
    if kind in SERVERS and not parts.hostname:
        return f"names no host; {RIGHT}"
    return ""


def is_http(uri: str) -> bool:
    """Whether a tracking URI is that of a running server."""
    return _kind(uri) in SERVERS


def sqlite_path(uri: str) -> Path | None:
    """File of a sqlite store; None for other stores."""
    if _kind(uri) != "sqlite":
        return None
    return Path(uri.partition(":///")[2].partition("?")[0]).absolute()


def absolute(uri: str) -> str:
    """The URI with the full path of a sqlite file: mlflow keeps stores by their URI, wherever the process moves to."""
    path = sqlite_path(uri)
    if path is None:
        return uri
    scheme, query = uri.partition(":")[0], uri.partition("?")[2]
    return f"{scheme}:///{path.as_posix()}" + (f"?{query}" if query else "")


@contextmanager
def signed_in(uri: str) -> Iterator[str]:
    """Yield the URI that mlflow gets. A server's user and password go through the environment instead.

    mlflow puts its URI into messages and follows redirects with it; a password that it does not know cannot leak.
    """
    parts = urlsplit(uri) if is_http(uri) else None
    if parts is None or not parts.password:
        yield absolute(uri)
        return
    before = {name: os.environ.get(name) for name in CREDENTIALS}
    os.environ |= dict(zip(CREDENTIALS, (unquote(parts.username or ""), unquote(parts.password)), strict=True))
    try:
        yield without_credentials(uri)
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
