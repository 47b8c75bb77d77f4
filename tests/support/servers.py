"""Servers that tests start."""

import os
import signal
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager

from support.stores import free_port

from rawm.tracking import environment


def wait_for(url, seconds=600):
    deadline = time.monotonic() + seconds
    while True:
        try:
            return urllib.request.urlopen(url, timeout=2).close()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.3)


@contextmanager
def mlflow_server(folder, database, workers):
    """A real MLflow server with proxied artifacts: its process and its port."""
    where = ["--backend-store-uri", database, "--artifacts-destination", "store", "--workers", str(workers)]
    command = [sys.executable, "-m", "mlflow", "server", "--port", str(port := free_port()), *where]
    variables = os.environ | environment.SETTINGS
    with open(folder / "server.log", "w") as log:
        process = subprocess.Popen(command, cwd=folder, env=variables, stdout=log, stderr=log, start_new_session=True)
    try:
        wait_for(f"http://127.0.0.1:{port}/health")
        yield process, port
    finally:
        os.killpg(process.pid, signal.SIGCONT)
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(20)
