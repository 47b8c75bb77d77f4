"""Other places, names, languages and clocks, and homes that are not there."""

import os
import time

import pytest
from support import disturbed

pytestmark = pytest.mark.faults

YEARS = 2 * 365 * 86400  # seconds


def test_a_folder_with_blanks_and_umlauts_without_home_or_language(tmp_path, undisturbed, fault):
    folder = disturbed.configure(tmp_path / "Zwei Wörter, ünd 'Zeichen' 日本")
    nowhere = str(tmp_path / "nowhere")
    variables = {"HOME": nowhere, "TMPDIR": nowhere, "LANG": "C", "LC_ALL": "POSIX", "XDG_CACHE_HOME": nowhere}
    disturbed.snakemake(folder, **variables)
    for kind in ("folder with blanks and letters", "no HOME", "no TMPDIR", "LC_ALL=POSIX"):
        fault(kind)
    disturbed.assert_as_undisturbed(folder, undisturbed)


def test_clocks_that_go_wrong_and_a_folder_that_moves(copy, undisturbed, jobs, fault):
    now = time.time()
    for kind, pattern, when in (
        ("manifests from the future", "results/manifests/*", now + YEARS),
        ("detectors from the past", "results/synthetic/runs/*/*/*/detector.safetensors", 1),
        ("scores from the future", "results/synthetic/runs/*/*/scores.parquet", now + YEARS),
    ):
        for path in copy.glob(pattern):
            os.utime(path, (when, when))
        fault(kind)
    (copy / "results/synthetic/runs/rawm/seed0/task2/detector.safetensors").unlink()
    disturbed.snakemake(copy)
    disturbed.assert_as_undisturbed(copy, undisturbed)
    moved = copy.with_name("moved")
    copy.rename(moved)
    fault("folder moved")
    status, said = jobs.run(moved, "track", "--study", "synthetic")
    assert status == 1 and "rawm track --adopt" in said and "Traceback" not in said
    status, said = jobs.run(moved, "track", "--study", "synthetic", "--adopt")
    assert status == 0, said
    _, said = disturbed.snakemake(moved)
    assert "Nothing to be done" in said
    assert not copy.exists()
    disturbed.assert_as_undisturbed(moved, undisturbed)
