"""The database of a store: does it open, and does it fit this version of MLflow."""

import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import sqlalchemy
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util.exc import CommandError
from sqlalchemy.exc import SQLAlchemyError

from rawm.errors import UserError
from rawm.files import atomic
from rawm.tracking import environment, uris

CONNECT_S = 10
RENEW = "move it away and run `rawm track` again, which fills a new one"


def check_writable(path: Path) -> None:
    """Raise OSError unless a sqlite file and its folder, in which sqlite writes too, can be written."""
    if path.exists():
        open(path, "r+b").close()
    try:
        tempfile.TemporaryFile(dir=path.parent).close()
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path.parent)) from None


def prepare(uri: str, migrate: bool = False) -> None:
    """Make the tables where there are none; bring those of an older MLflow up to date where this is allowed.

    A sqlite file is made and changed under another name, so that a kill leaves no half of one.

    Args:
        uri: of a database, with the full path of a sqlite file.

    Raises:
        UserError: the tables are of an older MLflow and `migrate` is false, of a newer one, or of another program; or
            a file is damaged.
    """
    path, current = uris.sqlite_path(uri), check(uri, migrate)
    if current == _revisions().get_current_head():
        return
    if path is None:
        _upgrade(uri, current)
        return
    if current:
        _keep(path, path.with_name(f"{path.stem}.{current}{path.suffix}"))
    with atomic(path) as temporary:
        if current:
            _copy(path, temporary)
        _upgrade(f"sqlite:///{temporary}", current)


def _keep(path: Path, copy: Path) -> None:
    with atomic(copy) as temporary:
        _copy(path, temporary)
    print(f"{path}: updated for MLflow {version('mlflow')}; the file as it was is now {copy.name}")


def check_present(uri: str, study: str = "STUDY") -> None:
    """Raise UserError where there is no store yet, which MLflow would make empty, or none that it can use."""
    if not check(uri):
        name = uris.sqlite_path(uri) or uris.without_password(uri)
        raise UserError(f"{name}: no MLflow store yet; `rawm track --study {study}` makes it from the finished runs")


def check(uri: str, migrate: bool = False) -> str:
    """Return the revision of the tables, empty where there are none yet; raises as `prepare` does."""
    path = uris.sqlite_path(uri)
    if path is not None and not path.exists():
        return ""
    tables, current = _state(uri)
    name = uris.without_password(str(path or uri))
    if not tables:
        return ""
    if "alembic_version" not in tables or "experiments" not in tables:
        raise UserError(f"{name}: is the database of another program ({min(tables)}, ...); give another one to MLflow")
    if not current:
        raise UserError(f"{name}: is damaged (it was never finished); {RENEW}")
    if not _is_known(current):
        raise UserError(
            f"{name}: was written by a newer MLflow than the {version('mlflow')} here; install a newer one, or give "
            "another store with --uri"
        )
    if current != _revisions().get_current_head() and not migrate:
        backup = "keeps a copy" if path else "makes no copy"
        raise UserError(
            f"{name}: was written by an older MLflow than the {version('mlflow')} here, which cannot open it once it "
            f"is updated; `rawm track --migrate` updates it and {backup}, or give another store with --uri"
        )
    return current


def _state(uri: str) -> tuple[set[str], str]:
    """Tables of a database, and the revision that alembic has noted."""
    with _connection(uri) as connection:
        if uris.sqlite_path(uri):
            found = connection.exec_driver_sql("PRAGMA quick_check(1)").scalar()
            if found != "ok":
                raise UserError(f"{uris.sqlite_path(uri)}: is damaged ({' '.join(found.split())}); {RENEW}")
        tables = set(sqlalchemy.inspect(connection).get_table_names())
        return tables, MigrationContext.configure(connection).get_current_revision() or ""


@contextmanager
def _connection(uri: str) -> Iterator[sqlalchemy.Connection]:
    """One connection; where it fails it is not tried again, and takes seconds."""
    sqlite = uris.sqlite_path(uri) is not None
    options = {} if sqlite or uri.startswith("mssql") else {"connect_timeout": CONNECT_S}
    engine = sqlalchemy.create_engine(uri, poolclass=sqlalchemy.NullPool, connect_args=options)
    try:
        with engine.connect() as connection:
            yield connection
    except SQLAlchemyError as error:
        raise environment.refused(uri, error) from None
    finally:
        engine.dispose()


def _revisions() -> ScriptDirectory:
    """The revisions that the installed MLflow knows, without importing it."""
    (folder,) = find_spec("mlflow").submodule_search_locations
    return ScriptDirectory(str(Path(folder) / "store" / "db_migrations"))


def _is_known(revision: str) -> bool:
    try:
        return _revisions().get_revision(revision) is not None
    except CommandError:
        return False


def _copy(source: Path, target: Path) -> None:
    with closing(sqlite3.connect(source)) as old, closing(sqlite3.connect(target)) as new:
        old.backup(new)


def _upgrade(uri: str, current: str) -> None:
    """Make the tables (`current` is empty) or bring them up to date."""
    from mlflow.store.db import utils

    engine = utils.create_sqlalchemy_engine(uri)
    try:
        if current:
            utils._upgrade_db(engine)
        elif uris.sqlite_path(uri):
            utils._initialize_tables(engine)
        else:
            utils._safe_initialize_tables(engine)  # behind a lock
    finally:
        engine.dispose()
