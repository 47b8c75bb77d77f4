"""A finished study with files that were cut, removed, left behind or dated wrongly, and that moves."""

import os
import shutil
import time

import pytest
from support import disturbed

pytestmark = pytest.mark.faults

YEARS = 2 * 365 * 86400  # seconds
DETECTOR = "results/synthetic/runs/rawm/seed0/task1/detector.safetensors"
#: Files and folders that are removed.
REMOVED = (
    "results/manifests/synthetic_buzz.parquet",
    "results/features/lfcc_stats/synthetic_quantised",
    DETECTOR,
    "results/synthetic/runs/finetune/seed0/task1/memory.safetensors",
    "results/synthetic/runs/finetune/seed0/task1/history.jsonl",
    "results/synthetic/runs/finetune/seed0/scores.parquet",
    "results/synthetic/runs/rawm/seed0/metrics.json",
    "results/synthetic/intervals.json",
    "results/synthetic/tables/runs.csv",
    "results/synthetic/figures/stream.svg",
    "results/synthetic/model/model.yaml",
    "results/synthetic/tracking.json",
)
#: Files that get another time.
DATED = {
    "manifest from the future": ("results/manifests/synthetic_quantised.parquet", YEARS),
    "scores from the future": ("results/synthetic/runs/rawm/seed0/scores.parquet", YEARS),
    "detector from the past": ("results/synthetic/runs/finetune/seed0/task2/detector.safetensors", -10 * YEARS),
}


def remove(path):
    shutil.rmtree(path) if path.is_dir() else path.unlink()


def leave_behind(tree):
    """What killed jobs leave beside their files; how many folders get some."""
    whole = [path for path in (tree / "results").rglob("*.*") if path.is_file() and "corpora" not in path.parts]
    for path in whole:
        temporary = path.with_name(f".{path.stem}.0123abcd{path.suffix}")
        temporary.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    return len({path.parent for path in whole})


def test_a_plain_rerun_mends_everything_but_what_was_cut(copy, undisturbed, jobs, fault):
    cut = copy / DETECTOR
    cut.write_bytes(cut.read_bytes()[: cut.stat().st_size // 2])
    status, said = disturbed.snakemake(copy, check=False)
    assert status == 1 and f"rawm: {DETECTOR}: " in said and "Traceback" not in said
    fault("file cut in half, named by the workflow")
    for name in REMOVED:
        remove(copy / name)
    fault("file removed, made again by the workflow", len(REMOVED))
    fault("temporary file left behind", leave_behind(copy))
    for kind, (name, seconds) in DATED.items():
        os.utime(copy / name, (time.time() + seconds,) * 2)
        fault(kind)
    disturbed.snakemake(copy)
    disturbed.assert_as_undisturbed(copy, undisturbed)
    moved = copy.rename(copy.with_name("moved"))
    fault("folder moved")
    status, said = jobs.run(moved, "track", "--study", "synthetic")
    assert status == 1 and "rawm track --adopt" in said and "Traceback" not in said
    status, said = jobs.run(moved, "track", "--study", "synthetic", "--adopt")
    assert status == 0, said
    assert "Nothing to be done" in disturbed.snakemake(moved)[1] and not copy.exists()
    disturbed.assert_as_undisturbed(moved, undisturbed)
