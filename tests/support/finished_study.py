"""The synthetic study after a run of the workflow."""

import shutil
from pathlib import Path

from filelock import FileLock
from support.commands import ROOT, snakemake


def copy_of_finished_study(tmp_path_factory, worker_id) -> Path:
    """A folder in which the synthetic study has run; it runs once, and every worker of pytest-xdist gets a copy.

    The file `output` is what `make run` prints where there is no terminal.
    """
    shared = tmp_path_factory.getbasetemp()
    if worker_id != "master":
        shared = shared.parent
    original = shared / "finished_synthetic"
    with FileLock(f"{original}.lock"):
        if not (original / "output").exists():
            shutil.rmtree(original, ignore_errors=True)
            original.mkdir()
            shutil.copytree(ROOT / "config", original / "config")
            _, text = snakemake(original, "--cores", "2", "--logger", "lines")
            (original / "output").write_text(text)
    folder = tmp_path_factory.mktemp("synthetic") / "study"
    shutil.copytree(original, folder, copy_function=shutil.copy2)  # with the times, which Snakemake looks at
    return folder
