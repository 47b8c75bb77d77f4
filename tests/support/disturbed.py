"""A small study that is disturbed, and whether it ends as if it had not been."""

import json
import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

from support import commands
from support.commands import ROOT, edit

RUNS = "results/synthetic/runs"
#: What must be equal bit for bit. Metrics hold times, too, and are compared without them.
EQUAL = (
    "results/manifests/*.parquet",
    "results/features/*/*/*.safetensors",
    f"{RUNS}/*/seed*/task*/*.safetensors",
    f"{RUNS}/*/seed*/scores.parquet",
    "results/synthetic/model/*.safetensors",
)


def configure(folder: Path) -> Path:
    """Write the configuration of the study: two methods and two tasks of 40 short utterances a class."""
    shutil.copytree(ROOT / "config", folder / "config")
    edit(folder, "studies/synthetic.yaml", "methods: [finetune, joint, rawm]", "methods: [finetune, rawm]")
    edit(folder, "studies/synthetic.yaml", "epochs: 60", "epochs: 4")
    for attack in ("buzz", "quantised"):
        more = "loader: synthetic\nutterances: 40\nduration_s: 0.6"
        edit(folder, f"corpora/synthetic_{attack}.yaml", "loader: synthetic", more)
    stream = folder / "config/streams/synthetic.yaml"
    stream.write_text(stream.read_text().split("  - name: notch")[0])
    return folder


def snakemake(folder: Path, *options: str, check: bool = True, **variables: str) -> tuple[int, str]:
    """A plain run of the study; its exit status and what it prints."""
    return commands.snakemake(folder, "--cores", "2", *options, check=check, variables=variables)


def copy(study: Path, folder: Path) -> Path:
    """Copy a study with the times of its files; its MLflow store stays behind, since it belongs to its place."""
    shutil.copytree(study, folder, copy_function=shutil.copy2, ignore=shutil.ignore_patterns("mlflow.db*", "mlruns"))
    return folder


def files(folder: Path) -> dict[str, bytes]:
    """Name -> content of what must be equal."""
    found = {path: path.read_bytes() for pattern in EQUAL for path in folder.glob(pattern) if path.name[0] != "."}
    for path in folder.glob(f"{RUNS}/*/seed*/metrics.json"):
        found[path] = json.dumps(json.loads(path.read_text()) | {"wall_s": None, "checksum": None}).encode()
    return {str(path.relative_to(folder)): content for path, content in found.items()}


def differences(folder: Path, undisturbed: Path, all_there: bool = True) -> list[str]:
    """Names of files that are other than in the undisturbed study; where not all need be there, of those that are."""
    ours, theirs = files(folder), files(undisturbed)
    assert theirs
    return [name for name in theirs if (name in ours or all_there) and ours.get(name) != theirs[name]]


def tracked(folder: Path) -> list[str]:
    """Keys of the runs in the study's MLflow store, all of which must be finished."""
    query = "SELECT status, value FROM runs JOIN tags USING (run_uuid) WHERE key = 'rawm.key'"
    query += " AND lifecycle_stage = 'active'"
    with closing(sqlite3.connect(folder / "mlflow.db")) as store:
        rows = store.execute(query).fetchall()
    assert {status for status, _ in rows} == {"FINISHED"}
    return sorted(key for _, key in rows)


def assert_as_undisturbed(folder: Path, undisturbed: Path) -> None:
    """Detectors, scores and all else are equal bit for bit, and MLflow has each run once."""
    assert differences(folder, undisturbed) == []
    assert tracked(folder) == tracked(undisturbed)
    assert len(set(tracked(folder))) == len(tracked(folder)) > 0


def processes(folder: Path) -> dict[int, str]:
    """Processes that work in a folder: number -> command line."""
    found = {}
    for name in filter(str.isdecimal, os.listdir("/proc")):
        try:
            if os.readlink(f"/proc/{name}/cwd") == str(folder):
                found[int(name)] = Path(f"/proc/{name}/cmdline").read_text().replace("\0", " ")
        except OSError:
            continue
    return found
