"""The MLflow UI as a child process, and the links into it."""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import webbrowser
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any
from urllib.parse import quote

from rawm.errors import UserError
from rawm.tracking import database, environment, uris, view

PORTS = 20  # tried from the wanted one upwards
START_S = 120
STOP_S = 10
ANSWER_S = 30
WILDCARDS = {"0.0.0.0": "127.0.0.1", "::": "[::1]", "": "127.0.0.1"}

Found = tuple[str, set[str]] | None  # id and tag names of an experiment, if there is one


def run_server(study: str, uri: str, experiment: str, host: str, port: int, open_browser: bool) -> None:
    """Start the UI over a local store, print its links and wait; see `rawm.tracking.serve`."""
    database.check_present(uris.absolute(uri), study)
    free = free_port(host, port)
    if free != port:
        print(f"port {port} is taken; using {free}")
    print("starting the MLflow UI ...", flush=True)
    with tempfile.TemporaryFile("w+") as log:
        try:
            _serve(study, uri, experiment, host, free, open_browser, log)
        except KeyboardInterrupt:
            print("stopped")


def _serve(study: str, uri: str, experiment: str, host: str, port: int, open_browser: bool, log: IO[str]) -> None:
    """Start the server, print the links, and wait for Ctrl-C."""
    with started(uri, host, port, log) as process:
        address = f"http://{WILDCARDS.get(host, host)}:{port}"
        _wait(process, address, log)
        show_links(study, address, _ask(address, experiment), open_browser)
        print("Ctrl-C stops it", flush=True)
        process.wait()
        raise UserError(f"the MLflow server stopped by itself: {_tail(log)}")


def show_links(study: str, address: str, found: Found, open_browser: bool) -> None:
    """Print the links to a study's saved views below a server's address."""
    base = uris.without_credentials(address).rstrip("/")
    if found is None:
        print(f"{base}  (no runs of study {study} here yet: `rawm track --study {study}` uploads the finished ones)")
        return
    experiment_id, tags = found
    runs = base + view.path(experiment_id, view.RUNS if view.TAG + view.RUNS in tags else "")
    print(f"runs, best first:       {runs}")
    if view.TAG + view.METHODS in tags:
        print(f"methods, mean of seeds: {base}{view.path(experiment_id, view.METHODS)}", flush=True)
    if open_browser:
        webbrowser.open(runs)


def free_port(host: str, port: int) -> int:
    """The first port from `port` on that can be listened on; raises UserError where there is none."""
    for candidate in range(port, min(port + PORTS, 65536)):
        try:
            family, kind, _, _, where = socket.getaddrinfo(host or None, candidate, type=socket.SOCK_STREAM)[0]
            with socket.socket(family, kind) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # else a UI stopped just now counts
                probe.bind(where)
            return candidate
        except socket.gaierror as error:
            raise UserError(f"--host {host}: is no address of this machine ({error}); try 127.0.0.1") from None
        except OSError:
            continue
    raise UserError(f"--port {port}: it and the {PORTS - 1} ports after it are taken on {host}; give another")


def command(host: str, port: int) -> list[str]:
    """The server's command line, with one worker (each further one takes 0.2 GB).

    The store is named in the environment, since others see command lines, and a URI may hold a password.
    """
    options = ["--host", host or "127.0.0.1", "--port", str(port), "--workers", "1"]
    return [sys.executable, "-m", "mlflow", "server", *options]


@contextmanager
def started(uri: str, host: str, port: int, log: IO[str]) -> Iterator[subprocess.Popen]:
    """Run the server in a session of its own, so that leaving the context stops it with all of its workers."""
    variables = os.environ | {"MLFLOW_BACKEND_STORE_URI": uri}
    process = subprocess.Popen(command(host, port), env=variables, stdout=log, stderr=log, start_new_session=True)
    previous = signal.signal(signal.SIGTERM, _interrupt)
    try:
        yield process
    finally:
        signal.signal(signal.SIGTERM, previous)
        _stop(process)


def _interrupt(number: int, frame: Any) -> None:
    raise KeyboardInterrupt


def _stop(process: subprocess.Popen) -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
            process.wait(STOP_S)
        except ProcessLookupError:
            return
        except subprocess.TimeoutExpired:
            continue


def _wait(process: subprocess.Popen, address: str, log: IO[str]) -> None:
    """Wait until the server answers; raises UserError where it ends or stays silent."""
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise UserError(f"the MLflow server did not start: {_tail(log)}")
        try:
            urllib.request.urlopen(address + "/health", timeout=2).close()
            return
        except OSError:
            time.sleep(0.2)
    raise UserError(f"the MLflow server did not answer within {START_S} s: {_tail(log)}")


def _tail(log: IO[str]) -> str:
    log.seek(0)
    lines = [line.strip() for line in log.read().splitlines() if line.strip()]
    return uris.without_password(lines[-1]) if lines else "it said nothing"


def _ask(address: str, name: str) -> Found:
    """The experiment as the local server's API gives it; raises UserError where that fails."""
    url = f"{address}/api/2.0/mlflow/experiments/get-by-name?experiment_name={quote(name, safe='')}"
    try:
        with urllib.request.urlopen(url, timeout=ANSWER_S) as answer:
            experiment = json.load(answer)["experiment"]
    except urllib.error.HTTPError as error:
        if error.code == 404:
            return None
        raise environment.refused(address, error) from None
    except (OSError, ValueError) as error:
        raise environment.unreachable(address, error) from None
    return experiment["experiment_id"], {tag["key"] for tag in experiment.get("tags", [])}
