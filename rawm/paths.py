"""Where every result lives: the one place that knows the layout of `results/`.

All paths are relative to the working directory, as Snakemake's are.
"""

from pathlib import Path

RESULTS = Path("results")
CONFIG = Path("config")
PACKAGES = RESULTS / "packages"
PAPER = RESULTS / "paper"
SPLITS = ("train", "dev", "eval")


def corpus(name: str) -> Path:
    """Folder of a corpus that the pipeline makes itself."""
    return RESULTS / "corpora" / name


def manifest(corpus: str) -> Path:
    return RESULTS / "manifests" / f"{corpus}.parquet"


def features(frontend: str, corpus: str, split: str) -> Path:
    return RESULTS / "features" / frontend / corpus / f"{split}.safetensors"


def feature_shard(frontend: str, corpus: str, split: str, shard: str) -> Path:
    """Features of one shard, e.g. 2of8."""
    return RESULTS / "features" / frontend / corpus / "shards" / shard / f"{split}.safetensors"


def tuning(search: str) -> Path:
    """Trials and choices of a search for hyper-parameters."""
    return RESULTS / "tuning" / search


def study(name: str) -> Path:
    return RESULTS / name


def run(study: str, method: str, seed: int) -> Path:
    return RESULTS / study / "runs" / method / f"seed{seed}"


def task(study: str, method: str, seed: int, task: int) -> Path:
    """Folder of the checkpoint after task 1, 2, ..."""
    return run(study, method, seed) / f"task{task}"


def detector(study: str, method: str, seed: int, number: int) -> Path:
    return task(study, method, seed, number) / "detector.safetensors"


def memory(study: str, method: str, seed: int, number: int) -> Path:
    return task(study, method, seed, number) / "memory.safetensors"


def history(study: str, method: str, seed: int, number: int) -> Path:
    return task(study, method, seed, number) / "history.jsonl"


def scores(study: str, method: str, seed: int) -> Path:
    return run(study, method, seed) / "scores.parquet"


def metrics(study: str, method: str, seed: int) -> Path:
    return run(study, method, seed) / "metrics.json"


def intervals(study: str) -> Path:
    """Intervals, paired differences and ranks of a study's methods."""
    return RESULTS / study / "intervals.json"
