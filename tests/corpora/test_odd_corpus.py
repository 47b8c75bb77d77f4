"""A corpus of which a tenth of the files are odd: checked, made and extracted in little memory, nothing left out."""

import re
import sys
from pathlib import Path

import numpy as np
import pytest
from support import sounds
from support.commands import ROOT, run

from rawm import manifest, paths
from rawm.features.store import FeatureStore

CONTAINERS = (".flac", ".aiff", ".au", ".caf", ".w64", ".ogg")
COMMAND = """
import atexit, sys
from pathlib import Path

def show():  # what the module `resource` says includes the memory of the parent
    lines = Path("/proc/self/status").read_text().splitlines()
    print("peak", next(line.split()[1] for line in lines if line.startswith("VmHWM")), file=sys.stderr)

atexit.register(show)
"""
MAIN = "from rawm.cli import main; main()"
CORPUS = """
loader: folder
root: odd
genuine: [genuine]
fake: [fake]
splits: {train: 1, eval: 0}
bad_audio: skip
"""


def make(folder: Path, count: int) -> set[str]:
    """Write `count` recordings of about a second, a tenth of them odd; return the paths of those that are damaged."""
    rng, damaged = np.random.default_rng(0), set()
    for number in range(count):
        name = folder / "odd" / ("genuine", "fake")[number % 2] / f"u{number}.wav"
        seconds, kind = rng.uniform(0.5, 1.5), number // 10 % 4
        if number % 10:
            sounds.write(name, seconds=seconds, seed=number)
        elif kind == 0:
            sounds.write(name, int(rng.integers(4000, 96001)), seconds, seed=number)
        elif kind == 1:
            piped = [case for case, (suffix, *_) in sounds.PIPED.items() if suffix == ".wav"]
            sounds.piped(folder, piped[number % len(piped)], seconds=seconds, seed=number).rename(name)
        else:
            name = sounds.write(name.with_suffix(CONTAINERS[number // 20 % 6]), seconds=seconds, seed=number)
            if kind == 3:
                sounds.cut(name, 0.6)
                damaged.add(str(name.relative_to(folder / "odd")))
    return damaged


def measured(folder, *arguments, check=True, code=MAIN):
    """Run rawm, or other code; its output, and its peak of memory in MB."""
    variables = {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    _, text = run(sys.executable, "-c", COMMAND + code, *arguments, folder=folder, check=check, variables=variables)
    return text, int(re.search(r"peak (\d+)", text)[1]) / 1000


@pytest.mark.slow
def test_a_tenth_of_odd_files(tmp_path, monkeypatch, count=100):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config/corpora").mkdir(parents=True)
    (tmp_path / "config/frontends").symlink_to(ROOT / "config/frontends")
    (tmp_path / "config/corpora/odd.yaml").write_text(CORPUS)
    damaged = make(tmp_path, count)
    assert len(damaged) >= count // 50
    checked, checking = measured(tmp_path, "corpora", "check", "odd", "--deep", check=False)
    named = {re.search(r"odd/(\S+): ", line)[1] for line in checked.splitlines() if line.startswith("error: ")}
    assert named == damaged and "warning: " not in checked
    _, making = measured(tmp_path, "corpora", "make", "odd")
    _, extracting = measured(tmp_path, "extract", "--frontend", "lfcc_stats", "--corpus", "odd", "--split", "train")
    _, torch_alone = measured(tmp_path, code="import torch")
    peaks = f"check {checking:.0f}, make {making:.0f}, extract {extracting:.0f}, torch alone {torch_alone:.0f}"
    print(f"{count} files, peaks in MB: {peaks}")
    assert max(checking, making) < 250 and extracting < torch_alone + 150
    rows = manifest.read(paths.manifest("odd"))
    store = FeatureStore(paths.features("lfcc_stats", "odd", "train"))
    skipped = {path for path, name in zip(rows.path, rows.utterance_id, strict=True) if not store.has(name)}
    assert len(rows) == count and skipped == damaged
