"""`rawm ui` over a small store: its links, the server's answers, and the page in a real browser."""

import json
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import chdir

import pytest
from support.browser import BROWSER
from support.finished_runs import STUDY, make_study
from support.stores import EXPERIMENT, URI, free_port

from rawm import tracking
from rawm.errors import UserError
from rawm.metrics.measure import EER
from rawm.tracking import server, view

QUIET = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync")
OFFLINE = ("--disable-background-networking", "--disable-component-update")
LINK = re.compile(r"(http://127\.0\.0\.1:\d+)(/#/\S+)")
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def ui(tmp_path_factory):
    """A running `rawm ui`: the process and what it printed, in a folder of its own with two uploaded runs."""
    folder = tmp_path_factory.mktemp("ui")
    with chdir(folder):
        tracking.log_study(make_study(folder, ("finetune", "rawm"), seeds=(0,), tasks=3), URI, EXPERIMENT)
    port = free_port()
    with socket.socket() as taken:  # the wanted port is taken, so that the next one has to be found
        taken.bind(("127.0.0.1", port))
        taken.listen()
        command = [sys.executable, "-m", "rawm.cli", "ui", "--study", STUDY, "--uri", URI, "--port", str(port)]
        # Ctrl-C must reach it, also where the tests themselves run in the background or in a worker that ignores it.
        listen = lambda: signal.signal(signal.SIGINT, signal.SIG_DFL)  # noqa: E731
        process = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True, preexec_fn=listen)
        lines = _until(process, "Ctrl-C")
    yield process, port, lines
    process.terminate()
    process.wait(30)


def _until(process, word):
    lines = []
    for line in process.stdout:
        lines.append(line.strip())
        if word in line:
            break
    return lines


def _links(lines):
    return [match.groups() for line in lines if (match := LINK.search(line))]


def _ask(address, path, body=None):
    request = urllib.request.Request(address + path, json.dumps(body).encode() if body else None)
    request.add_header("Content-Type", "application/json")
    with urllib.request.urlopen(request, timeout=30) as answer:
        return answer.read()


def test_the_links_open_the_saved_views(ui):
    _, port, lines = ui
    assert lines[0] == f"port {port} is taken; using {_port(lines)}"
    (address, runs), (_, methods) = _links(lines)
    assert runs == view.path("1", view.RUNS) and methods == view.path("1", view.METHODS)
    assert "workflowType=machine_learning" in runs
    assert b"<title>MLflow" in _ask(address, runs)


def _port(lines):
    return int(_links(lines)[0][0].rpartition(":")[2])


def test_the_search_of_the_view_gives_the_runs(ui):
    address = _links(ui[2])[0][0]
    state = view.state(["task_1"], EER)
    query = {"experiment_ids": ["1"], "filter": state["searchFilter"], "order_by": [state["orderByKey"] + " ASC"]}
    found = json.loads(_ask(address, "/api/2.0/mlflow/runs/search", query))["runs"]
    assert [run["info"]["run_name"] for run in found] == ["rawm seed 0", "finetune seed 0"]


def test_the_artifacts_are_served(ui):
    address = _links(ui[2])[0][0]
    query = {"experiment_ids": ["1"], "filter": "params.method = 'rawm'"}
    (run,) = json.loads(_ask(address, "/api/2.0/mlflow/runs/search", query))["runs"]
    where = f"/get-artifact?run_uuid={run['info']['run_id']}&path=figures/eer_matrix.png"
    assert _ask(address, where).startswith(b"\x89PNG")


@pytest.mark.skipif(BROWSER is None, reason="no Chromium here")
def test_a_browser_shows_the_columns_of_the_view(ui, tmp_path):
    address, path = _links(ui[2])[0]
    options = [*QUIET, *OFFLINE, f"--user-data-dir={tmp_path}", "--window-size=1700,900", "--virtual-time-budget=20000"]
    shown = subprocess.run(
        [BROWSER, *options, "--dump-dom", address + path], capture_output=True, text=True, timeout=90
    )
    page = re.sub(r"<[^>]+>", " ", shown.stdout)
    for words in ("Runs by average EER", "method", "seed", "final/average_eer", "final/forgetting_eer_increase"):
        assert words in page, f"{words!r} is not on the page of the saved view"
    assert page.index("rawm seed 0") < page.index("finetune seed 0")
    assert "figures and tables" not in page.partition("matching runs")[0].partition("Run Name")[2]


def test_interrupting_stops_the_server(ui):
    """The last test: it ends the fixture's process."""
    process, _, lines = ui
    process.send_signal(signal.SIGINT)
    assert process.wait(30) == 0
    deadline = time.monotonic() + 60
    while _listens(_port(lines)) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not _listens(_port(lines))


def _listens(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_without_a_store_there_is_one_sentence(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=r"mlflow.db: no MLflow store yet; `rawm track --study demo` makes it"):
        server.run_server("demo", URI, EXPERIMENT, "127.0.0.1", 5000, False)
    assert not list(tmp_path.iterdir())


def test_a_host_that_is_no_address_gives_one_sentence():
    with pytest.raises(UserError, match=r"--host nowhere\.invalid: is no address"):
        server.free_port("nowhere.invalid", 5000)
