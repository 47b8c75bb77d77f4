"""Size of the workflow: plans and intervals of a large study, a large feature store, and how long small jobs take.

It is the end of `make bench`, without the large store: `python benchmarks/size.py --store-gb 20` writes 20 GB.

The large study has 20 methods, 7 seeds and 8 tasks of 5,000 utterances. Its runs are made up: all methods have the
scores of one. Each measurement is a process of its own, whose peak memory includes Python and its libraries; what
Snakemake starts is counted where it is larger.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import typer
import yaml
from measured import Measured, report

from rawm import manifest, paths
from rawm.features import store
from rawm.metrics import of_scores
from rawm.runs.run import Run
from rawm.study import Study, labels, load_study

ROOT = Path(__file__).parents[1]
METHODS, SEEDS, TASKS, UTTERANCES = 20, 7, 8, 5000
SNAKEMAKE = ["snakemake", "--snakefile", str(ROOT / "workflow" / "Snakefile")]


def write_config(seeds: int) -> None:
    """The configuration of the repository and the study `large`, in the working directory."""
    shutil.copytree(ROOT / "config", "config", dirs_exist_ok=True)
    tasks = [{"name": f"task_{n}", "title": f"Task {n}", "corpora": ["synthetic_buzz"]} for n in range(1, TASKS + 1)]
    write_yaml("config/streams/large.yaml", {"title": "Large", "tasks": tasks})
    study = yaml.safe_load(Path("config/studies/synthetic.yaml").read_text())
    write_yaml(
        "config/studies/large.yaml",
        study | {"stream": "large", "methods": labels("methods")[:METHODS], "seeds": list(range(seeds))},
    )


def write_yaml(path: str, content: dict) -> None:
    Path(path).write_text(yaml.safe_dump(content, sort_keys=False))


def write_runs(study: Study) -> None:
    """Manifest, scores and metrics of every run, in the working directory."""
    label = np.where(np.arange(UTTERANCES) % 5, "fake", "genuine").astype(object)
    ids = [np.array([f"t{task}_{n:06d}" for n in range(UTTERANCES)], dtype=object) for task in range(TASKS)]
    row = dict.fromkeys(manifest.COLUMNS, "-") | {"corpus": "synthetic_buzz", "split": "eval", "duration_s": 1.0}
    rows = [
        row | {"utterance_id": name, "path": name, "label": kind, "group": f"{task}_{n // 2}"}
        for task, names in enumerate(ids)
        for n, (name, kind) in enumerate(zip(names, label, strict=True))
    ]
    manifest.write(rows, paths.manifest("synthetic_buzz"))
    first, *others = study.methods
    for seed in study.settings.seeds:
        run, cells = Run(study, first, seed), (TASKS + 1) * TASKS
        rng, genuine = np.random.default_rng(seed), np.tile(label == "genuine", cells)
        scores = {
            "after": np.repeat(np.arange(TASKS + 1, dtype=np.int8), TASKS * UTTERANCES),
            "task": np.tile(np.repeat(np.arange(1, TASKS + 1, dtype=np.int8), UTTERANCES), TASKS + 1),
            "split": np.full(cells * UTTERANCES, "eval", dtype=object),
            "utterance_id": np.tile(np.concatenate(ids), TASKS + 1),
            "label": np.tile(label, cells),
            "score": (rng.standard_normal(cells * UTTERANCES) + 2 * genuine).astype(np.float32),
        }
        run.write_scores(scores)
        values = of_scores.from_scores(scores, [task.name for task in study.tasks], study.measure)
        run.write_metrics(values | {"wall_s": [1.0] * TASKS})
        for method in others:
            shutil.copytree(run.folder, Run(study, method, seed).folder)


def measure(command: list[str]) -> tuple[float, float]:
    """Seconds and peak memory in GB of a command in the working directory."""
    code = (
        "import json, resource, subprocess, sys, time; start = time.perf_counter();"
        "subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL);"
        "print(json.dumps([time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss]))"
    )
    done = subprocess.run([sys.executable, "-c", code, *command], check=True, stdout=subprocess.PIPE)
    seconds, kilobytes = json.loads(done.stdout)
    return seconds, kilobytes * 1024 / 1e9


def overhead() -> float:
    """Wall time of the training jobs of the synthetic study over the time of their epochs."""
    shutil.copytree(ROOT / "config", "config", dirs_exist_ok=True)
    command = [*SNAKEMAKE, "--config", "study=synthetic", "--cores", "2", "--until", "train_task"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    folder = Path("results/synthetic")
    tables = (path.read_text().splitlines() for path in folder.glob("benchmarks/train_task/*.tsv"))
    wall = sum(float(values.split("\t")[0]) for _, values in tables)
    histories = (path.read_text().splitlines() for path in folder.glob("runs/*/seed*/task*/history.jsonl"))
    return wall / sum(json.loads(line)["seconds"] for lines in histories for line in lines)


class Repeated:
    """A file of so many bytes that repeats a block, to be read in blocks."""

    def __init__(self, block: bytes, times: int):
        self._block, self._times, self._left = block, times, times

    def seek(self, _: int) -> None:
        self._left = self._times

    def read(self, _: int) -> bytes:
        self._left -= 1
        return self._block if self._left >= 0 else b""


def write_store(gigabytes: float) -> None:
    """A study on frames of one corpus with recordings of 400 s, in the working directory."""
    shutil.copytree(ROOT / "config", "config", dirs_exist_ok=True)
    task = {"name": "long", "corpora": ["synthetic_buzz"]}
    write_yaml("config/streams/long.yaml", {"title": "Long recordings", "tasks": [task]})
    study = yaml.safe_load(Path("config/studies/open_speech_lcnn.yaml").read_text())
    study |= {"stream": "long", "methods": ["rawm"], "seeds": [0]}
    write_yaml("config/studies/long.yaml", study | {"training": study["training"] | {"epochs": 1, "crop_frames": 400}})
    frames, dim = 40_000, 60
    block = np.random.default_rng(0).standard_normal((frames, dim)).astype(np.float16).tobytes()
    sizes = {"train": round(gigabytes * 1e9 / len(block)), "dev": 4, "eval": 4}
    row = dict.fromkeys(manifest.COLUMNS, "-") | {"corpus": "synthetic_buzz", "duration_s": 400.0}
    rows = [
        row
        | dict.fromkeys(("utterance_id", "path", "group"), f"{split}_{n}")
        | {"label": ("fake", "genuine")[n % 2], "split": split}
        for split, number in sizes.items()
        for n in range(number)
    ]
    manifest.write(rows, paths.manifest("synthetic_buzz"))
    for split, number in sizes.items():
        header = {"ids": [f"{split}_{n}" for n in range(number)], "skipped": [], "corpus": "synthetic_buzz"}
        header |= {"split": split, "manifest": manifest.digest(paths.manifest("synthetic_buzz"))}
        path = paths.features("lfcc", "synthetic_buzz", split)
        path.parent.mkdir(parents=True, exist_ok=True)
        store.write_store(path, header, dim, False, [frames] * number, Repeated(block, number))


def main(output: Path | None = None, store_gb: float = 0) -> None:
    """Measure, print and write everything."""
    size = f"{METHODS} methods, {SEEDS} seeds, {TASKS} tasks"
    plan = [*SNAKEMAKE, "--config", "study=large", "--dry-run", "--quiet", "all"]
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        ratio = overhead()
        write_config(2 * SEEDS)
        twice, _ = measure(plan)
        write_config(SEEDS)
        seconds, gigabytes = measure(plan)
        write_runs(load_study("large"))
        command = ["rawm", "intervals", "--study", "large", "--threads", "2"]
        intervals, memory = measure(command)
        os.chdir(ROOT)
    rows = [
        Measured("training jobs of the study synthetic: wall time over fitting time", ratio, "", "<= 2.5"),
        Measured(f"plan of {size}", seconds, "s", "< 30"),
        Measured(f"plan of {size}: peak memory", gigabytes, "GB", "< 1.5"),
        Measured(f"plan of {size}: twice the seeds over that", twice / seconds, "", "<= 2.2"),
        Measured(f"intervals of {size} of {UTTERANCES:,} utterances", intervals, "s", "< 180"),
        Measured(f"intervals of {size} of {UTTERANCES:,} utterances: peak memory", memory, "GB", "< 2"),
    ]
    if store_gb:
        with tempfile.TemporaryDirectory() as folder:
            os.chdir(folder)
            write_store(store_gb)
            command = ["rawm", "train", "--study", "long", "--method", "rawm", "--seed", "0", "--task", "1"]
            training, memory = measure(command)
            os.chdir(ROOT)
        rows += [
            Measured(f"training an epoch on {store_gb:g} GB of frames, recordings of 400 s", training, "s", ""),
            Measured(f"training on {store_gb:g} GB of frames: peak memory, mapped file included", memory, "GB", ""),
        ]
    report("Large studies and small jobs", rows, output)


if __name__ == "__main__":
    typer.run(main)
