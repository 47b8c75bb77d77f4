"""Uploads to a real server, and to ones that are silent, slow, half alive, redirecting or dying."""

import os
import re
import signal
import socket
import socketserver
import threading
import time
from contextlib import chdir, closing, contextmanager
from pathlib import Path

import pytest
from support.finished_runs import STUDY, make_study
from support.servers import mlflow_server, wait_for
from support.stores import EXPERIMENT

from rawm import tracking
from rawm.errors import UserError
from rawm.study import load_study
from rawm.tracking import limits, view

PASSWORD = "hunter2"
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A real server with proxied artifacts: its process, its port and its folder."""
    folder = tmp_path_factory.mktemp("server")
    with mlflow_server(folder, "sqlite:///server.db", workers=1) as (process, port):
        yield process, port, folder


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A folder with two finished runs; mlflow is imported here, so that no test's seconds hold that."""
    import rawm.tracking.mirror  # noqa: F401

    folder = tmp_path_factory.mktemp("project")
    with chdir(folder):
        make_study(folder, ("finetune", "rawm"), seeds=(0,), tasks=2)
    return folder


@pytest.fixture(autouse=True)
def here(project, monkeypatch):
    monkeypatch.chdir(project)


def upload(uri):
    return tracking.log_study(load_study(STUDY), uri, EXPERIMENT, Path("results/demo/tracking.json"))


def refusal(uri):
    """The sentence of an upload that fails, and the seconds until then."""
    started = time.monotonic()
    with pytest.raises(UserError) as error:
        upload(uri)
    sentence = str(error.value)
    assert "the runs are safe in results/" in sentence
    assert len(sentence.splitlines()) == 1 and PASSWORD not in sentence
    return sentence, time.monotonic() - started


def client(uri):
    from mlflow import MlflowClient

    return MlflowClient(uri)


def test_a_real_server_gets_each_run_once_and_no_password(server, capfd):
    _, port, folder = server
    uri = f"http://127.0.0.1:{port}"
    first = upload(f"http://joe:{PASSWORD}@127.0.0.1:{port}")
    assert first.count("logged") == 2
    assert upload(uri).count("unchanged") == 2
    store = client(uri)
    run = store.get_run(first.runs[1].run_id)
    assert run.info.artifact_uri.startswith("mlflow-artifacts:")
    memories = {entry.path for entry in store.list_artifacts(run.info.run_id, "memory")}
    assert memories == {"memory/task1", "memory/task2"}
    assert view.TAG + view.RUNS in store.get_experiment_by_name(EXPERIMENT).tags
    printed = capfd.readouterr()
    assert PASSWORD not in printed.out + printed.err
    for path in (*folder.rglob("*"), *Path.cwd().rglob("*")):
        assert not path.is_file() or PASSWORD.encode() not in path.read_bytes(), path


def test_artifacts_that_a_server_lost_are_sent_again(server):
    _, port, folder = server
    run_id = upload(f"http://127.0.0.1:{port}").runs[0].run_id
    next(folder.glob(f"store/**/{run_id}/artifacts/scores.parquet")).unlink()
    receipt = upload(f"http://127.0.0.1:{port}")
    assert [run.status for run in receipt.runs] == ["logged", "unchanged"]


def test_a_server_that_freezes_during_an_upload(server, monkeypatch):
    process, port, _ = server
    uri = f"http://127.0.0.1:{port}"
    upload(uri)
    limited = limits.Limited.__getattr__

    def freeze(self, name):
        if name == "log_batch":
            os.killpg(process.pid, signal.SIGSTOP)
        return limited(self, name)

    history = next(Path("results").rglob("rawm/**/task1/history.jsonl"))
    history.write_text(history.read_text().replace('"loss": 0.7', '"loss": 0.9'))
    with monkeypatch.context() as patch:
        patch.setattr(limits.Limited, "__getattr__", freeze)
        patch.setattr(limits, "CALL_S", 3)
        patch.setattr(limits, "CLEANING_S", 1)
        sentence, seconds = refusal(uri)
    os.killpg(process.pid, signal.SIGCONT)
    assert "no answer within 3 s" in sentence and seconds < 60
    wait_for(uri + "/health")
    assert upload(uri).count("logged") == 1
    runs = client(uri).search_runs(["1"], "tags.`rawm.kind` = 'run'")
    assert len(runs) == 2 and {run.info.status for run in runs} == {"FINISHED"}


@contextmanager
def listening(answer):
    """A server of our own: `answer(connection, request)` for each connection, in threads."""

    class Handler(socketserver.BaseRequestHandler):
        def handle(self):
            request = self.request.recv(65536).decode(errors="replace")
            with closing(self.request):
                answer(self.request, request)

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        block_on_close = False

        def handle_error(self, request, client_address):
            """A client that hangs up is what these tests are about."""

    with Server(("127.0.0.1", 0), Handler) as made:
        threading.Thread(target=made.serve_forever, args=(0.05,), daemon=True).start()
        yield made.server_address[1]
        made.shutdown()


HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n"


def be_silent(connection, request):
    time.sleep(60)


def drip(connection, request):
    for byte in HEAD * 100:
        connection.sendall(bytes([byte]))
        time.sleep(0.3)


def only_be_healthy(connection, request):
    if "/health" not in request:
        time.sleep(60)
    connection.sendall(HEAD + b"OK")


def drip_when_healthy(connection, request):
    only_be_healthy(connection, request) if "/health" in request else drip(connection, request)


def hang_up(connection, request):
    pass


def talk_nonsense(connection, request):
    connection.sendall(b"SSH-2.0-OpenSSH_9.2\r\n")


def be_another_program(connection, request):
    page = b"<!doctype html>\n<p>Welcome\n"
    connection.sendall(b"HTTP/1.1 404 Not Found\r\nContent-Length: %d\r\n\r\n" % len(page) + page)


def send_elsewhere(connection, request):
    port = connection.getsockname()[1]
    where = f"http://joe:{PASSWORD}@127.0.0.1:{port}/elsewhere" + "x" * request.count("x")
    connection.sendall(f"HTTP/1.1 302 Found\r\nLocation: {where}\r\nContent-Length: 0\r\n\r\n".encode())


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (be_silent, "timed out|no answer within 2 s"),
        (drip, "no answer within 2 s"),
        (only_be_healthy, "no answer within 2 s"),
        (drip_when_healthy, "no answer within 2 s"),
        (hang_up, "closed connection|reset"),
        (talk_nonsense, "SSH|BadStatusLine"),
        (be_another_program, "404"),
        (send_elsewhere, "redirect"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_server_that_does_not_work_costs_seconds(answer, reason, monkeypatch, capfd):
    monkeypatch.setattr(limits, "PROBE_S", 2)
    monkeypatch.setattr(limits, "CALL_S", 20 if answer is send_elsewhere else 2)
    monkeypatch.setattr(limits, "CLEANING_S", 1)
    with listening(answer) as port:
        sentence, seconds = refusal(f"http://joe:{PASSWORD}@127.0.0.1:{port}")
    assert re.search(reason, sentence), sentence
    assert f"http://joe:***@127.0.0.1:{port}" in sentence and seconds < 60
    printed = capfd.readouterr()
    assert (printed.out, printed.err) == ("", "")


def test_a_model_is_not_waited_for_either(tmp_path, monkeypatch):
    monkeypatch.setattr(limits, "CALL_S", 2)
    with listening(only_be_healthy) as port, pytest.raises(UserError, match="no answer within 2 s"):
        tracking.fetch_model("models:/rawm-demo@best", f"http://127.0.0.1:{port}", tmp_path)


def test_a_server_that_is_gone():
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        sentence, seconds = refusal(f"http://joe:{PASSWORD}@127.0.0.1:{closed.getsockname()[1]}")
    assert "cannot reach MLflow at http://joe:***@127.0.0.1" in sentence and seconds < 30


def test_the_limits_are_seconds_to_a_minute():
    waits = (limits.PROBE_S, limits.CALL_S, limits.CLEANING_S, limits.OTHER_UPLOAD_S)
    assert max(waits) <= 60
