"""Environment variables of mlflow, its errors in one sentence, and a check that a server answers."""

import http.client
import logging
import os
import ssl
import urllib.error
import urllib.request

from rawm.errors import UserError
from rawm.tracking import limits, uris

MAX_REASON = 240  # characters
SAFE = "the runs are safe in results/, run `rawm track` again later"
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
    logging.getLogger("urllib3").setLevel(logging.ERROR)  # a line for each retry


def unreachable(uri: str, reason: object) -> UserError:
    """The error for a server that does not answer."""
    return UserError(uris.without_password(f"cannot reach MLflow at {uri} ({_line(reason)}); {SAFE}"))


def refused(uri: str, error: BaseException) -> UserError:
    """The error for a store that refuses a request or stops answering."""
    if isinstance(error, limits.TooSlow):
        return unreachable(uri, error)
    reason = _reason(error)
    if "Max retries exceeded" in reason:
        return unreachable(uri, "it stopped answering")
    short = reason if len(reason) <= MAX_REASON else reason[: MAX_REASON - 1] + "…"
    return UserError(uris.without_password(f"MLflow at {uri} did not do it ({short}); {SAFE}"))


def _reason(error: BaseException) -> str:
    """One line: what the database or the system says, where that is the root of the error."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(origin := getattr(cause, "orig", None), Exception):  # sqlalchemy: beside its own text with SQL
            return _line(origin)
        if isinstance(cause, OSError) and cause.strerror:
            return f"{cause.strerror}: {cause.filename}" if cause.filename else cause.strerror
        cause = cause.__cause__ or cause.__context__
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0] if lines else type(error).__name__


def _line(text: object) -> str:
    return " ".join(str(text).split())


class _Stay(urllib.request.HTTPRedirectHandler):
    """Take a redirection as an answer; mlflow follows it."""

    def redirect_request(self, *_: object) -> None:
        return None


def check_reachable(uri: str) -> None:
    """Check a URI, and that its server answers, before mlflow is imported (seconds); raises UserError."""
    uris.check(uri)
    if not uris.is_http(uri):
        return
    try:
        with limits.limit(limits.PROBE_S):
            url = uris.without_credentials(uri).rstrip("/") + "/health"
            urllib.request.build_opener(_Stay).open(url, timeout=limits.PROBE_S / 2).close()
    except urllib.error.HTTPError as error:
        error.close()  # it answers; whether it lets us in is seen later
    except limits.TooSlow as error:
        raise unreachable(uri, error) from None
    except (OSError, ValueError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", error)
        if not isinstance(reason, ssl.SSLError):  # mlflow has its own settings for certificates
            raise unreachable(uri, reason) from None
