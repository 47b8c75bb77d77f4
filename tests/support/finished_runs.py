"""Finished runs that no detector ever made: scores drawn at random, in the files of a real study."""

import json
import math
import shutil
from pathlib import Path

import numpy as np
import yaml
from safetensors.numpy import save_file

from rawm import manifest, paths
from rawm.metrics import of_scores
from rawm.runs.run import Run
from rawm.study import Study, load_study

REPOSITORY = Path(__file__).parents[2]
STUDY = "demo"
METHODS = ("finetune", "joint", "lwf", "owm", "rawm", "rawm_paper", "rwm")
EMOTIONS = ("angry", "happy", "neutral", "sad")
TITLES = (
    "English synthesisers",
    "Mandarin, telephone",
    "Tagalog and Spanish, noisy street recordings",
    "German",
    "Old",
)
DIMENSIONS = {"hidden.0": 41, "hidden.2": 25, "output": 17}
STARTED = 1_700_000_000.0


def make_study(
    folder: Path, methods=METHODS, seeds=(0, 1, 2), tasks=5, with_projectors=True, classes=None, watched=()
) -> Study:
    """Write configuration, manifest and finished runs of a study under `folder`, which must be the working directory.

    Methods that the repository does not have are copies of fine-tuning. With classes, e.g. `EMOTIONS`, instead of fake
    and genuine the study is judged by accuracy. The titles in `watched` are of what its stream watches.
    """
    config = folder / "config"
    shutil.copytree(REPOSITORY / "config", config)
    for method in methods:
        if not (config / "methods" / f"{method}.yaml").exists():
            shutil.copy(config / "methods" / "finetune.yaml", config / "methods" / f"{method}.yaml")
            text = (config / "methods" / f"{method}.yaml").read_text()
            (config / "methods" / f"{method}.yaml").write_text(text.replace("Fine-tuning", f"Method {method}"))
    stream = [
        {"name": f"task_{number}", "title": TITLES[(number - 1) % len(TITLES)], "corpora": ["synthetic_buzz"]}
        for number in range(1, tasks + 1)
    ]
    named = {"classes": list(classes)} if classes else {}
    if watched:
        watch = [{"name": f"w{n}", "title": t, "corpora": ["synthetic_notch"]} for n, t in enumerate(watched, 1)]
        named |= {"watch": watch}
    _write(config / "streams" / f"{STUDY}.yaml", {"title": "Made up", "tasks": stream} | named)
    study = yaml.safe_load((config / "studies" / "synthetic.yaml").read_text())
    study |= {"title": "Made-up runs", "description": "What is forgotten?", "stream": STUDY}
    study |= {"methods": list(methods), "seeds": list(seeds), "training": {"epochs": 4}}
    _write(config / "studies" / f"{STUDY}.yaml", study)
    loaded = load_study(STUDY, config)
    _write_manifest(loaded)
    for index, method in enumerate(methods):
        for seed in seeds:
            make_run(loaded, method, seed, strength=0.3 + 0.7 * (index % 7) / 6, with_projectors=with_projectors)
    return loaded


def _write_manifest(study: Study) -> None:
    """The utterances of all tasks as evaluation data of one corpus, two in a group."""
    unknown = dict.fromkeys(manifest.COLUMNS, "-") | {"corpus": "synthetic_buzz", "split": "eval", "duration_s": 1.0}
    rows = []
    for task in range(1, len(study.tasks) + 1):
        for number, label in enumerate(_labels(study, task)):
            name = {key: f"t{task}_{number:03d}" for key in ("utterance_id", "path")}
            rows.append(unknown | name | {"label": label, "group": f"t{task}_{number // 2}"})
    manifest.write(rows, paths.manifest("synthetic_buzz"), labels=None)


def _write(path: Path, content: dict) -> None:
    path.write_text(yaml.safe_dump(content, sort_keys=False, allow_unicode=True))


def make_run(study: Study, method: str, seed: int, strength: float = 0.5, with_projectors: bool = True) -> None:
    """Write every file of one run; `strength` = how little is forgotten, 0 to 1."""
    rng = np.random.default_rng([seed, *method.encode()])
    tasks = len(study.tasks)
    columns: dict[str, list] = {}
    for after in range(tasks + 1):
        for task in range(1, tasks + 1):
            distance = _distance(after, task, strength) + (0.2 * rng.standard_normal() if after else 0)
            cell = {"after": np.full(120, after, np.int8), "task": np.full(120, task, np.int8)}
            cell["utterance_id"] = np.array([f"t{task}_{n:03d}" for n in range(120)], dtype=object)
            cell["label"], cell["split"] = _labels(study, task), np.full(120, "eval", dtype=object)
            cell |= (_scored if study.detects_fakes else _named)(rng, distance, cell["label"])
            cells = [cell]
            if task <= after and study.detects_fakes:
                ids, split = "dev_" + cell["utterance_id"], np.full(120, "dev", dtype=object)
                cells.append(cell | {"utterance_id": ids, "split": split, "score": cell["score"] - np.float32(0.1)})
            if task <= len(study.stream.watch):
                cells.append(cell | {"split": np.full(120, "watch", dtype=object)})
            for name, values in ((name, values) for cell in cells for name, values in cell.items()):
                columns.setdefault(name, []).append(values)
    scores = {name: np.concatenate(parts) for name, parts in columns.items()}
    run = Run(study, method, seed)
    run.write_scores(scores)
    content = of_scores.from_scores(scores, [task.name for task in study.tasks], study.measure)
    content |= of_scores.of_watched(scores, [task.name for task in study.stream.watch], tasks, study.measure)
    run.write_metrics(content | {"wall_s": [1.5] * tasks})
    for task in run.numbers:
        _write_task(run, task, with_projectors)


def _labels(study: Study, task: int) -> np.ndarray:
    """Classes of a task's utterances, the same for every run."""
    if study.detects_fakes:
        return np.array(["genuine", "fake"] * 60, dtype=object)
    return np.random.default_rng(task).choice(np.array(study.classes, dtype=object), 120)


def _scored(rng: np.random.Generator, distance: float, labels: np.ndarray) -> dict[str, np.ndarray]:
    return {"score": (rng.standard_normal(120) + distance * (labels == "genuine")).astype(np.float32)}


def _named(rng: np.random.Generator, distance: float, labels: np.ndarray) -> dict[str, np.ndarray]:
    known = rng.random(120) < 1 - math.exp(-max(distance, 0))
    predicted = np.where(known, labels, rng.choice(np.unique(labels), 120))
    return {"predicted": predicted, "score": -rng.random(120).astype(np.float32)}


def _distance(after: int, task: int, strength: float) -> float:
    """How far apart the classes' scores are: learned at its task, then forgotten with a half-life."""
    if after < task:
        return 0.5 * (after > 0)
    return 3.5 * math.exp(-(1 - strength) * (after - task)) * (0.7 + 0.3 * strength)


def _write_task(run: Run, task: int, with_projectors: bool) -> None:
    run.task_folder(task).mkdir(parents=True, exist_ok=True)
    study, header = run.study, {"method": run.method}
    epochs = [
        {"task": task, "epoch": epoch, "step": 9 * epoch, "loss": 0.7 / epoch, study.measure.dev: 20.0 / epoch}
        | {"seconds": 1.5, "time": STARTED + 100 * task + 2 * epoch}
        for epoch in range(1, 5)
    ]
    history = "".join(json.dumps(epoch) + "\n" for epoch in epochs)
    run.history_path(task).write_text(history)
    save_file({"output.weight": np.ones((2, 16))}, run.detector_path(task), header)
    tensors = {}
    if with_projectors and run.method.startswith(("owm", "rawm", "rwm")):
        for layer, dimension in DIMENSIONS.items():
            values = 100 * task * np.exp(-np.arange(dimension) * 0.5 / task)
            rank = int(np.searchsorted(np.cumsum(values), 0.97 * values.sum())) + 1
            tensors |= {f"{layer}.statistics": np.diag(values), f"{layer}.eigenvalues": values}
            tensors |= {
                f"{layer}.basis": np.eye(dimension)[:, :rank].copy(),
                f"{layer}.taken": np.full(rank, 0.9 if run.method == "rawm_paper" else 1.0),
            }
    save_file(tensors, run.memory_path(task), header)
