"""Which tracking URIs are allowed, and that no password of one is shown.

Kind: an address that opens, or makes, something else than was meant. Reported: `sqlite:mlflow2.db`. Others: two
slashes, a database in memory, missing folders, a folder, device or named pipe, hosts without name, ports that are none.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rawm.errors import UserError
from rawm.tracking import uris

REFUSED = {
    "sqlite://": "database in memory",
    "sqlite:///": "database in memory",
    "sqlite:///:memory:": "database in memory",
    "sqlite://:memory:": "database in memory",
    "sqlite:///file::memory:?uri=true": "database in memory",
    "sqlite:///file:x?mode=memory&uri=true": "database in memory",
    "sqlite+pysqlite://": "database in memory",
    "sqlite:mlflow2.db": "give sqlite:///mlflow2.db",
    "sqlite://mlflow2.db": "give sqlite:///mlflow2.db",
    "sqlite:/data/mlflow.db": "give sqlite:////data/mlflow.db",
    "sqlite:///file:mlflow.db?uri=true": "give sqlite:///mlflow.db",
    "sqlite:////nonexistent/dir/x.db": "no folder /nonexistent/dir",
    "sqlite:///nonexistent/x.db": "make it first",
    "sqlite:///.": "is a folder; give a file",
    "sqlite:////dev/zero": "is a device, not a regular file; give another file, e.g. sqlite:////dev/mlflow.db",
    "garbage": "is no address of MLflow",
    "": "is no address of MLflow",
    "ftp://host/x": "is no address of MLflow",
    "./mlruns": "is a folder",
    "file:///tmp/mlruns": "is a folder",
    "/data/mlruns": "is a folder",
    "http://[::1": "host or port is not well formed",
    "http://host:port": "host or port is not well formed",
    "http://host:99999": "host or port is not well formed",
    "http://joe:hunter2@[::1": "host or port is not well formed",
    "http://joe:hun ter2@host": "not well formed",
    "postgresql://joe:hun\nter2@host/x": "not well formed",
    "http://": "names no host",
    "http://:5000": "names no host",
    "http:host": "not well formed",
    "postgresql:mlflow": "not well formed",
}
ALLOWED = (
    "sqlite:///mlflow.db",
    "sqlite+pysqlite:///mlflow.db",
    "sqlite:///a folder/ümlaut #1 100%.db",
    "http://127.0.0.1:5000",
    "https://joe:hunter2@host.example/mlflow",
    "http://[::1]:5000",
    "postgresql:///mlflow",
    "postgresql+psycopg2://joe:hunter2@host:5432/mlflow",
    "mysql+pymysql://joe@host/mlflow",
)


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("uri", REFUSED)
def test_a_wrong_address_is_refused_in_one_sentence_and_nothing_is_made(uri, here):
    with pytest.raises(UserError) as error:
        uris.check(uri)
    sentence = str(error.value)
    assert REFUSED[uri] in sentence and len(sentence.splitlines()) == 1
    assert "hun" not in sentence and "ter2" not in sentence
    assert not list(here.iterdir()) and not Path("/nonexistent").exists()


@pytest.mark.parametrize("uri", ALLOWED)
def test_a_right_address_is_taken(uri, here):
    (here / "a folder").mkdir()
    uris.check(uri)


def test_a_named_pipe_is_no_store(here):
    os.mkfifo(here / "pipe.db")
    with pytest.raises(UserError, match=r"is a named pipe, not a regular file; give another file, e\.g\. sqlite:///"):
        uris.check("sqlite:///pipe.db")


def test_the_command_refuses_at_once(here):
    script = "import sys; from rawm.cli import main; sys.argv = ['rawm', 'track', '--study', 'synthetic']; main()"
    config = Path(__file__).parents[2] / "config"
    (here / "config").symlink_to(config)
    variables = os.environ | {"MLFLOW_TRACKING_URI": "garbage", "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", script], env=variables, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("rawm: tracking URI 'garbage': is no address") and done.stderr.count("\n") == 1


def test_a_sqlite_file_gets_its_full_path(here):
    assert uris.absolute("sqlite:///mlflow.db") == f"sqlite:///{here}/mlflow.db"
    assert uris.absolute("sqlite:////data/mlflow.db?timeout=5") == "sqlite:////data/mlflow.db?timeout=5"
    assert uris.absolute("sqlite:////data/a#b/ü.db") == "sqlite:////data/a#b/ü.db"
    assert uris.sqlite_path("sqlite:////data/a#b/ü.db") == Path("/data/a#b/ü.db")
    assert uris.absolute("http://host:5000") == "http://host:5000"


def test_a_folder_that_no_sqlite_uri_can_name(here, monkeypatch):
    (here / "what?").mkdir()
    monkeypatch.chdir(here / "what?")
    with pytest.raises(UserError, match="question mark"):
        uris.check("sqlite:///mlflow.db")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("postgresql://me:secret@db:5432/x", "postgresql://me:***@db:5432/x"),
        ("postgresql://me:se/cr@t@db/x", "postgresql://me:***@db/x"),
        ("postgresql://db/x?user=me&password=secret&sslmode=on", "postgresql://db/x?user=me&password=***&sslmode=on"),
        ("http://TOKEN@host:5000", "http://***@host:5000"),
        (
            "no answer from http://me:secret@host/health (timed out)",
            "no answer from http://me:***@host/health (timed out)",
        ),
        ("sqlite:///mlflow.db", "sqlite:///mlflow.db"),
        ("http://host:5000/mlflow and http://other:5000", "http://host:5000/mlflow and http://other:5000"),
    ],
)
def test_passwords_are_not_shown(text, shown):
    assert uris.without_password(text) == shown


@given(st.text(st.characters(exclude_categories=["C", "Z"], exclude_characters="*"), min_size=1, max_size=20))
def test_no_password_is_shown(password):
    marked = f"<{password}>"
    for scheme in ("http", "postgresql", "postgresql+psycopg2"):
        assert marked not in uris.without_password(f"cannot reach {scheme}://me:{marked}@host:1/x (refused)")


def test_a_server_gets_the_password_without_its_uri(monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_USERNAME", raising=False)
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "of the environment")
    with uris.signed_in("https://joe:hunter%402@host/x") as uri:
        assert uri == "https://host/x"
        found = os.environ["MLFLOW_TRACKING_USERNAME"], os.environ["MLFLOW_TRACKING_PASSWORD"]
        assert found == ("joe", "hunter@2")
    assert os.environ["MLFLOW_TRACKING_PASSWORD"] == "of the environment"
    assert "MLFLOW_TRACKING_USERNAME" not in os.environ
