"""sqlite stores that were moved, edited, damaged, written by others, or that cannot be written.

Kind: what is in the store is not what this upload left there. Reported: the project's folder moved, or a file now in
its old place; artifacts deleted; tables of an older MLflow; a description edited by hand. Others: the project reached
through a link, one artifact or the database deleted, a newer MLflow, the database of another program, tables never
finished, damage, an empty file, no right to write, a full disk, a lock, an upload that was killed.
"""

import os
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import chdir, closing, contextmanager
from pathlib import Path

import pytest
from support.finished_runs import STUDY, make_study
from support.stores import EXPERIMENT, URI

from rawm import paths, tracking
from rawm.errors import UserError
from rawm.study import load_study
from rawm.tracking import database, environment, limits, text

NOTE = "mlflow.note.content"
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    """A project with one uploaded run."""
    folder = tmp_path_factory.mktemp("original")
    with chdir(folder):
        tracking.log_study(make_study(folder, ("rawm",), seeds=(0,), tasks=2), URI, EXPERIMENT)
    return folder


@pytest.fixture
def moved(original, tmp_path, monkeypatch):
    """A copy of the project at another place."""
    folder = tmp_path / "other place ü"
    shutil.copytree(original, folder)
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def project(moved):
    """A copy of the project that belongs where it is."""
    upload(adopt=True)
    return moved


@pytest.fixture
def empty(original, tmp_path, monkeypatch):
    """The project without its store."""
    for name in ("config", "results"):
        shutil.copytree(original / name, tmp_path / name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def upload(**allowed):
    return tracking.log_study(load_study(STUDY), URI, EXPERIMENT, **allowed)


def refusal(**allowed):
    """The sentence of an upload that is refused."""
    with pytest.raises(UserError) as error:
        upload(**allowed)
    assert len(str(error.value).splitlines()) == 1
    return str(error.value)


def query(sql, file="mlflow.db"):
    with closing(sqlite3.connect(file)) as store:
        return [row[0] for row in store.execute(sql)]


def files(folder):
    return sorted((path.relative_to(folder), path.stat().st_mtime_ns) for path in folder.rglob("*") if path.is_file())


def test_a_moved_store_asks_for_adoption(original, moved):
    before = files(original), files(moved / "mlruns")

    sentence = refusal()

    assert f"are in {original / 'mlruns'}" in sentence and "rawm track --adopt" in sentence
    assert before == (files(original), files(moved / "mlruns"))
    assert upload(adopt=True).count("unchanged") == 1
    places = query("SELECT artifact_location FROM experiments") + query("SELECT artifact_uri FROM runs")
    assert all(place.startswith((moved.as_uri() + "/", f"{moved}/")) for place in places)
    assert upload().count("unchanged") == 1
    assert files(original) == before[0]


def test_a_store_whose_old_folder_is_a_file_now(original, moved, tmp_path):
    old = tmp_path / "old"
    with closing(sqlite3.connect("mlflow.db")) as store, store:
        for table, column in (("experiments", "artifact_location"), ("runs", "artifact_uri")):
            store.execute(f"UPDATE {table} SET {column} = replace({column}, ?, ?)", (str(original), str(old)))
    old.write_text("a file")
    assert "rawm track --adopt" in refusal()
    assert upload(adopt=True).count("unchanged") == 1


def test_a_store_behind_a_link_is_in_its_place(project, tmp_path, monkeypatch):
    (tmp_path / "link").symlink_to(project)
    monkeypatch.chdir(tmp_path / "link")
    assert upload().count("unchanged") == 1


@pytest.mark.parametrize("lost", ["mlruns", "mlruns/rawm/demo/*/artifacts/metrics.json"])
def test_lost_artifacts_are_uploaded_again(project, lost):
    for path in list(Path().glob(lost)):
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    receipt = upload()
    assert receipt.count("logged") == 1
    (found,) = Path("mlruns/rawm/demo").glob(f"{receipt.runs[0].run_id}/artifacts/metrics.json")
    assert found.read_bytes() == next(Path("results").rglob("metrics.json")).read_bytes()
    assert upload().count("unchanged") == 1
    key = "SELECT value FROM tags JOIN runs USING (run_uuid) WHERE key = 'rawm.key' AND lifecycle_stage = 'active'"
    assert query(key + " AND value LIKE '%seed%'") == ["demo/rawm/seed0"]


def test_artifacts_of_a_deleted_database_are_named_and_pruned(project, capsys):
    Path("mlflow.db").unlink()
    assert upload().count("logged") == 1
    assert "folders of runs that the store does not know; `rawm track --prune`" in capsys.readouterr().out
    upload(prune=True)
    assert "removed" in capsys.readouterr().out
    left = {path.name for path in Path("mlruns/rawm/demo").iterdir()} - {"models"}
    assert left == set(query("SELECT run_uuid FROM runs"))
    upload()
    assert "prune" not in capsys.readouterr().out


def test_what_a_user_writes_into_the_description_stays(project):
    (note,) = query(f"SELECT value FROM experiment_tags WHERE key = '{NOTE}'")
    assert note.startswith(text.BEGIN) and note.endswith(text.END)
    mine = f"Mine, before.\n\n{note.replace('RAWM', 'edited by hand')}\n\nMine, behind."
    with closing(sqlite3.connect("mlflow.db")) as store, store:
        store.execute("UPDATE experiment_tags SET value = ? WHERE key = ?", (mine, NOTE))
    upload()
    assert query(f"SELECT value FROM experiment_tags WHERE key = '{NOTE}'") == [
        f"Mine, before.\n\n{note}\n\nMine, behind."
    ]


@pytest.mark.parametrize(
    ("old", "merged"),
    [
        ("", f"{text.BEGIN}\nours\n{text.END}"),
        ("mine", f"mine\n\n{text.BEGIN}\nours\n{text.END}"),
        ("**Old** — [Runs](#/experiments/1/runs) of before", f"{text.BEGIN}\nours\n{text.END}"),
        (f"a{text.BEGIN}x{text.END}b", f"a{text.BEGIN}\nours\n{text.END}b"),
        (f"a{text.BEGIN}x", f"a{text.BEGIN}x\n\n{text.BEGIN}\nours\n{text.END}"),
    ],
)
def test_our_part_of_a_description_is_replaced(old, merged):
    assert text.merged(old, "ours") == merged
    assert len(text.merged(old + "x" * 4800, "line of ours\n" * 400)) <= text.MAX_CHARACTERS


def make_old_store(path):
    """The tables of an older MLflow; returns their revision."""
    from alembic import command
    from mlflow.store.db import utils
    from mlflow.store.tracking.dbmodels.initial_models import Base

    environment.prepare()
    uri = f"sqlite:///{path}"
    revision = list(database._revisions().walk_revisions())[8].revision
    engine, config = utils.create_sqlalchemy_engine(uri), utils._get_alembic_config(uri)
    Base.metadata.create_all(engine)
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
    engine.dispose()
    return revision


def test_a_store_of_an_older_mlflow_asks_for_an_update(empty, capsys):
    revision = make_old_store(empty / "mlflow.db")
    before = Path("mlflow.db").read_bytes()
    assert "written by an older MLflow" in (sentence := refusal()) and "rawm track --migrate" in sentence
    with pytest.raises(UserError, match="rawm track --migrate"):
        tracking.serve(load_study(STUDY), URI, EXPERIMENT, "127.0.0.1", 5000)
    assert Path("mlflow.db").read_bytes() == before

    assert upload(migrate=True).count("logged") == 1

    copy = f"mlflow.{revision}.db"
    assert f"is now {copy}" in capsys.readouterr().out
    assert query("SELECT version_num FROM alembic_version", copy) == [revision]
    assert upload().count("unchanged") == 1


def test_a_store_of_a_newer_mlflow_is_refused(project):
    with closing(sqlite3.connect("mlflow.db")) as store, store:
        store.execute("UPDATE alembic_version SET version_num = 'ffffffffffff'")
    assert "written by a newer MLflow" in refusal()
    assert "written by a newer MLflow" in refusal(migrate=True)


def test_a_database_of_another_program_is_left_alone(empty):
    with closing(sqlite3.connect("mlflow.db")) as store, store:
        store.execute("CREATE TABLE orders (number INTEGER)")
    before = Path("mlflow.db").read_bytes()
    assert "is the database of another program (orders, ...)" in refusal()
    assert Path("mlflow.db").read_bytes() == before


def test_a_store_that_was_never_finished_is_named(project):
    with closing(sqlite3.connect("mlflow.db")) as store, store:
        store.execute("DELETE FROM alembic_version")
    assert "never finished" in refusal()


def test_a_damaged_store_is_named(project):
    whole = Path("mlflow.db").read_bytes()
    for damaged in (b"no database" * 100, whole[: len(whole) // 2], whole[:8192] + b"\xff" * 40960 + whole[49152:]):
        Path("mlflow.db").write_bytes(damaged)
        assert str(Path.cwd() / "mlflow.db") in refusal()
    Path("mlflow.db").write_bytes(b"")  # what `touch` makes
    assert upload().count("logged") == 1


@contextmanager
def without_root():
    """Act as a user whom permissions hold back, as root is not."""
    if os.geteuid():
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def public(project):
    """A project folder that any user can reach."""
    folders = [folder for folder in project.parents if folder.owner() == project.owner() and folder != Path("/")]
    modes = {folder: folder.stat().st_mode for folder in folders}
    for folder in folders:
        folder.chmod(modes[folder] | 0o055)
    yield project
    for folder, mode in modes.items():
        folder.chmod(mode)


def test_a_store_that_cannot_be_written_gives_the_reason(public):
    database_file = public / "mlflow.db"
    database_file.chmod(0o444)
    with without_root(), pytest.raises(PermissionError, match=r"Permission denied: .*mlflow\.db"):
        database.check_writable(database_file)
    database_file.chmod(0o666)
    public.chmod(0o555)
    with without_root(), pytest.raises(PermissionError, match=r"Permission denied: .*other place ü"):
        database.check_writable(database_file)
    public.chmod(0o755)


def test_a_read_only_file_system_gives_its_reason(empty):
    with pytest.raises(
        UserError, match=r"MLflow at sqlite:////proc/x.db did not do it \(.*/proc.*\); the runs are safe"
    ):
        tracking.log_study(load_study(STUDY), "sqlite:////proc/x.db", EXPERIMENT)


@contextmanager
def files_up_to(size):
    """Like a disk that is full: no file may grow beyond some bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("size", [300_000, 5_000])
def test_a_full_disk_is_one_sentence_and_a_rerun_completes(empty, size):
    with files_up_to(size):
        assert "the runs are safe in results/" in refusal()
    assert not Path("mlflow.db").exists() and not list(Path().glob(".mlflow*"))
    assert upload().count("logged") == 1


def test_a_disk_that_fills_while_artifacts_are_copied(project):
    shutil.rmtree("mlruns")
    next(Path("results").rglob("task2/memory.safetensors")).write_bytes(memory_of(8_000_000))
    with files_up_to(Path("mlflow.db").stat().st_size + 1_000_000):
        assert "File too large" in refusal()
    assert query("SELECT run_uuid FROM runs WHERE status = 'RUNNING'") == []
    assert upload().count("logged") == 1


def memory_of(size):
    import numpy as np
    from safetensors.numpy import save

    return save({"basis": np.zeros(size // 4, np.float32)})


def test_a_lock_is_waited_for_while_its_holder_lives(empty, monkeypatch):
    lock = empty / "mlflow.db.lock"
    holder = "import sys, time; from filelock import FileLock; lock = FileLock(sys.argv[1]); lock.acquire(); "
    holder += "print(1, flush=True); "
    command = [sys.executable, "-c", holder + "time.sleep(60)", lock]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        monkeypatch.setattr(limits, "OTHER_UPLOAD_S", 2)
        started = time.monotonic()
        assert "another upload holds the store" in refusal()
        assert time.monotonic() - started < 30 and not Path("mlflow.db").exists()
        process.kill()
    assert upload().count("logged") == 1
    assert limits.OTHER_UPLOAD_S == 2 and limits.CALL_S <= 60


def test_a_terminated_upload_leaves_nothing(project, tmp_path):
    (temporary := tmp_path / "tmp").mkdir()
    run = next(Path("results").rglob("task1/history.jsonl"))
    run.write_text(run.read_text().replace('"loss": 0.7', '"loss": 0.8'))
    (paths.study(STUDY) / "figures").mkdir()
    (paths.study(STUDY) / "figures" / "big.svg").write_bytes(b"x" * 100_000_000)  # takes a moment to copy
    code = "from rawm import tracking; from rawm.study import load_study; "
    code += f"tracking.log_study(load_study({STUDY!r}), {URI!r}, {EXPERIMENT!r})"
    variables = os.environ | {"TMPDIR": str(temporary)}
    with subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE, env=variables) as process:
        deadline = time.monotonic() + 300
        while not query("SELECT run_uuid FROM runs WHERE status = 'RUNNING'") and time.monotonic() < deadline:
            time.sleep(0.01)
        assert list(temporary.iterdir())
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == limits.TERMINATED and process.stderr.read() == b""
    assert query("SELECT run_uuid FROM runs WHERE status = 'RUNNING'") == []
    assert not list(temporary.iterdir())
    (paths.study(STUDY) / "figures" / "big.svg").unlink()
    upload()
    assert set(query("SELECT status FROM runs WHERE lifecycle_stage = 'active'")) == {"FINISHED"}
