"""MLflow stores that tests write to."""

import socket

URI, EXPERIMENT = "sqlite:///mlflow.db", "rawm/demo"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
