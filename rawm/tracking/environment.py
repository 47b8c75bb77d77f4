"""Environment variables of mlflow, handling of tracking URIs, and a check that a server answers."""

import logging
import os
import ssl
import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from rawm.errors import UserError

TIMEOUT_S = 5
#: Read by mlflow; a variable that the user has set is left alone.
SETTINGS = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "MLFLOW_LOGGING_LEVEL": "WARNING",  # no lines about tables being made and migrated
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",  # the default blocks for four minutes on a server that is gone
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "30",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",  # workers for language-model jobs: 0.6 GB
    "GIT_PYTHON_REFRESH": "quiet",
}


def prepare() -> None:
    """Set mlflow's environment variables and silence the libraries that it calls."""
    for name, value in SETTINGS.items():
        os.environ.setdefault(name, value)
    for name in ("alembic", "mlflow.store.db.utils", "mlflow.tracking"):
        logging.getLogger(name).setLevel(logging.WARNING)


def is_http(uri: str) -> bool:
    """Whether a tracking URI is that of a running server."""
    return urlsplit(uri).scheme in ("http", "https")


def sqlite_path(uri: str) -> Path | None:
    """File of a sqlite store; None for other stores."""
    parts = urlsplit(uri)
    if not parts.scheme.startswith("sqlite") or not parts.path[1:]:
        return None
    return Path(parts.path[1:]).absolute()


def absolute(uri: str) -> str:
    """The URI with the full path of a sqlite file: mlflow keeps stores by their URI, wherever the process moves to."""
    path = sqlite_path(uri)
    if path is None:
        return uri
    parts = urlsplit(uri)
    return f"{parts.scheme}:///{path.as_posix()}" + (f"?{parts.query}" if parts.query else "")


def without_credentials(uri: str) -> str:
    """The URI without user and password, as browsers and urllib take it."""
    parts = urlsplit(uri)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def without_password(uri: str) -> str:
    """The URI as it may be shown and written down."""
    parts = urlsplit(uri)
    if not parts.password:
        return uri
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{parts.username}:***@{host}"))


SAFE = "the runs are safe in results/, run `rawm track` again later"


def unreachable(uri: str, reason: object) -> UserError:
    """The error for a server that does not answer."""
    return UserError(f"cannot reach MLflow at {without_password(uri)} ({reason}); {SAFE}")


def refused(uri: str, error: Exception) -> UserError:
    """The error for a server that refuses a request or stops answering."""
    reason = (str(error).strip() or type(error).__name__).splitlines()[0]
    if "Max retries exceeded" in reason:
        return unreachable(uri, "it stopped answering")
    short = reason if len(reason) <= 240 else reason[:239] + "…"
    return UserError(f"MLflow at {without_password(uri)} did not do it ({short}); {SAFE}")


def check_reachable(uri: str) -> None:
    """Check that a server answers, before mlflow is imported (seconds); raises UserError."""
    if not is_http(uri):
        return
    try:
        urllib.request.urlopen(without_credentials(uri).rstrip("/") + "/health", timeout=TIMEOUT_S).close()
    except urllib.error.HTTPError as error:
        error.close()  # it answers; whether it lets us in is seen later
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", error)
        if not isinstance(reason, ssl.SSLError):  # mlflow has its own settings for certificates
            raise unreachable(uri, reason) from None
