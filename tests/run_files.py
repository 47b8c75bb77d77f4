"""Files of finished runs, as training and evaluation write them, without any training."""

import json
import shutil
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import yaml
from safetensors.numpy import save_file

from rawm import paths
from rawm.config import Study, load_study
from rawm.files import write_json

CONFIG = Path(__file__).parents[1] / "config"
STARTED = 1_700_000_000.0
STUDY = "demo"
WIDTHS = (120, 256, 256)  # features, hidden layers


def make_study(
    methods: tuple[str, ...] = ("finetune", "rawm"), seeds: tuple[int, ...] = (0, 1), n_tasks: int = 3
) -> Study:
    """Write configuration, manifests and all run files of the study `demo` below the working directory."""
    shutil.copytree(CONFIG, "config")
    tasks = [
        {"name": f"lang_{n}", "title": f"Language {n}", "corpora": ["synthetic_buzz"]} for n in range(1, n_tasks + 1)
    ]
    write_yaml("config/streams/demo.yaml", {"title": "Demo stream", "tasks": tasks})
    study = {"title": "Demo study", "description": "What is forgotten?", "stream": "demo", "frontend": "lfcc_stats"}
    study |= {"detector": "mlp_small", "methods": list(methods), "seeds": list(seeds), "training": {"epochs": 4}}
    write_yaml("config/studies/demo.yaml", study)
    manifest = paths.manifest("synthetic_buzz")
    manifest.parent.mkdir(parents=True)
    pq.write_table(pa.table({"utterance_id": ["a", "b"], "label": ["genuine", "fake"]}), manifest)
    loaded = load_study(STUDY)
    for method in methods:
        for seed in seeds:
            make_run(loaded, method, seed)
    for folder, name in (("figures", "methods.svg"), ("tables", "methods.csv"), ("tables", "methods.md")):
        path = paths.study(STUDY) / folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(SVG if name.endswith("svg") else "method,average_eer\nrawm,10.5\n", encoding="utf-8")
    return loaded


SVG = (
    '<svg xmlns="http://www.w3.org/2000/svg" width="200" height="80"><rect width="120" height="40" fill="teal"/></svg>'
)


def write_yaml(path: str, content: dict) -> None:
    Path(path).write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")


def make_run(study: Study, method: str, seed: int) -> None:
    """Write every file of one run."""
    generator = np.random.default_rng([seed, len(method)])
    for number in range(1, len(study.tasks) + 1):
        folder = paths.task(study.name, method, seed, number)
        folder.mkdir(parents=True, exist_ok=True)
        header = {"method": method, "study": study.name, "seed": str(seed), "task": str(number)}
        save_file(_detector(generator), folder / "detector.safetensors", header)
        save_file({} if method == "finetune" else _memory(generator), folder / "memory.safetensors", header)
        (folder / "history.jsonl").write_text(_history(number), encoding="utf-8")
    write_scores(study, method, seed, generator)
    write_metrics(study, method, seed, generator)


def _detector(generator: np.random.Generator) -> dict[str, np.ndarray]:
    sizes = [*WIDTHS, 2]
    tensors = {"input.mean": np.zeros(WIDTHS[0], np.float32), "input.std": np.ones(WIDTHS[0], np.float32)}
    for index, (inside, outside) in enumerate(pairwise(sizes)):
        tensors[f"layers.{index}.weight"] = generator.normal(size=(outside, inside)).astype(np.float32)
        tensors[f"layers.{index}.bias"] = np.zeros(outside, np.float32)
    return tensors


def _memory(generator: np.random.Generator) -> dict[str, np.ndarray]:
    tensors = {}
    for index, width in enumerate(WIDTHS):
        d = width + 1
        tensors[f"layers.{index}.statistics"] = generator.normal(size=(d, d))
        tensors[f"layers.{index}.eigenvalues"] = np.linspace(1, 0, d)
        tensors[f"layers.{index}.basis"] = generator.normal(size=(d, 20))
        tensors[f"layers.{index}.taken"] = np.ones(20)
    return tensors


def _history(number: int) -> str:
    lines = []
    for epoch in range(1, 5):
        record = {"task": number, "epoch": epoch, "step": 8 * epoch, "loss": 0.7 / epoch, "dev_eer": 20.0 / epoch}
        lines.append(record | {"seconds": 1.5, "time": STARTED + 100 * number + 2 * epoch})
    return "".join(json.dumps(line) + "\n" for line in lines)


def write_scores(study: Study, method: str, seed: int, generator: np.random.Generator) -> None:
    count, utterances = len(study.tasks), 40
    rows = {"after": [], "task": [], "utterance_id": [], "label": [], "score": []}
    for after in range(count + 1):
        for task in range(1, count + 1):
            rows["after"] += [after] * utterances
            rows["task"] += [task] * utterances
            rows["utterance_id"] += [f"{task}-{n}" for n in range(utterances)]
            rows["label"] += ["genuine", "fake"] * (utterances // 2)
            rows["score"] += generator.normal(size=utterances).tolist()
    types = {"after": pa.int8(), "task": pa.int8(), "score": pa.float32()}
    table = {name: pa.array(values, types.get(name, pa.string())) for name, values in rows.items()}
    pq.write_table(pa.table(table), paths.scores(study.name, method, seed))


def write_metrics(study: Study, method: str, seed: int, generator: np.random.Generator) -> None:
    count = len(study.tasks)
    forgets = 25.0 if method == "finetune" else 5.0 + len(method)
    matrix = np.full((count + 1, count), 45.0) + generator.normal(size=(count + 1, count))
    for after in range(1, count + 1):
        for task in range(after):
            matrix[after, task] = 5 + forgets * (after - task - 1) / count + generator.random()
    final, learned = matrix[-1], np.diag(matrix[1:])
    metrics = {
        "study": study.name,
        "method": method,
        "seed": seed,
        "tasks": [task.name for task in study.tasks],
        "eer_matrix": matrix.tolist(),
        "average_eer": final.mean(),
        "pooled_eer": final.mean() + 1,
        "forgetting_eer_increase": float((final - learned)[:-1].mean()),
        "backward_transfer_eer_reduction": float((learned - final)[:-1].mean()),
        "forward_transfer_eer_reduction": 0.5,
        "learning_eer": learned.mean(),
        "average_eer_after_task": [matrix[n, :n].mean() for n in range(1, count + 1)],
        "wall_s": [6.0] * count,
    }
    write_json(paths.metrics(study.name, method, seed), metrics)
