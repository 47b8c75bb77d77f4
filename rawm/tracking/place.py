"""Where the artifacts of a sqlite store lie, whose paths it keeps in full: moved folders and forgotten files."""

import re
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import unquote, urlsplit

from rawm.errors import UserError

FOLDER = "mlruns"
#: Columns with full paths.
COLUMNS = (
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("logged_models", "artifact_location"),
    ("model_versions", "source"),
    ("model_versions", "storage_location"),
)
RUN_ID = re.compile(r"[0-9a-f]{32}")


def artifacts(database: Path, experiment: str) -> Path:
    """The folder in which a new experiment of a sqlite store keeps its artifacts."""
    return database.parent / FOLDER / experiment


def former(database: Path, experiment: str) -> Path | None:
    """The folder that a store was moved or copied from; None where it is in its place, or holds no such experiment."""
    with closing(sqlite3.connect(database)) as store:
        row = store.execute("SELECT artifact_location FROM experiments WHERE name = ?", (experiment,)).fetchone()
    folder = _local(row[0]) if row else None
    if folder is None or FOLDER not in folder.parts:
        return None
    depth = len(folder.parts) - 1 - folder.parts[::-1].index(FOLDER)
    root = Path(*folder.parts[:depth])
    if root.resolve() == database.parent.resolve():
        return None
    ours = folder == artifacts(root / database.name, experiment)
    return root if ours or not root.is_dir() else None


def check(database: Path, experiment: str) -> None:
    """Raise UserError for a store that was moved or copied."""
    if root := former(database, experiment):
        raise UserError(
            f"{database}: the artifacts of this store are in {root / FOLDER}; if it was moved or copied from there, "
            "`rawm track --adopt` makes it belong here, else give another store with --uri"
        )


def adopt(database: Path, experiment: str) -> None:
    """Let a store that was moved keep its artifacts here, those of all of its experiments."""
    root = former(database, experiment)
    if root is None:
        return
    here = database.parent
    prefixes = [(old + "/", new + "/") for old, new in ((root.as_uri(), here.as_uri()), (str(root), str(here)))]
    with closing(sqlite3.connect(database)) as store, store:
        for table, column in COLUMNS:
            for old, new in prefixes:
                change = f"UPDATE {table} SET {column} = ? || substr({column}, ?) WHERE substr({column}, 1, ?) = ?"
                store.execute(change, (new, len(old) + 1, len(old), old))
    print(f"{database}: its artifacts are now those in {here / FOLDER}, no longer in {root / FOLDER}")


def forgotten(database: Path, experiment: str) -> list[Path]:
    """Folders of runs that the store does not know, e.g. of a database that was deleted."""
    folder = artifacts(database, experiment)
    with closing(sqlite3.connect(database)) as store:
        known = {run_id for (run_id,) in store.execute("SELECT run_uuid FROM runs")}
    found = folder.iterdir() if folder.is_dir() else ()
    return sorted(path for path in found if RUN_ID.fullmatch(path.name) and path.name not in known)


def tidy(database: Path, experiment: str, prune: bool) -> None:
    """Remove the folders of unknown runs, or say that there are some."""
    if not (found := forgotten(database, experiment)):
        return
    where = f"{artifacts(database, experiment)}: {len(found)} folders of runs that the store does not know"
    if prune:
        for path in found:
            shutil.rmtree(path)
        print(f"{where}, removed")
    else:
        print(f"{where}; `rawm track --prune` removes them, unless another store needs them")


def _local(location: str) -> Path | None:
    """The folder of an artifact location; None where it is not on this machine."""
    parts = urlsplit(location)
    if parts.scheme == "file":
        return Path(unquote(parts.path))
    return Path(location) if not parts.scheme else None
