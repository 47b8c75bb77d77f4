"""Checkpoint + tasks -> scores of every utterance, and the metrics of a run."""

import json
from collections import defaultdict

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch

from rawm import metrics, paths
from rawm.detectors import checkpoint
from rawm.detectors.scoring import classify, score
from rawm.files import atomic, write_json
from rawm.metrics.measure import EER
from rawm.progress import track
from rawm.study import Study
from rawm.tasks.loading import load_split
from rawm.training.loop import untrained


def evaluate_run(study: Study, method: str, seed: int, device: torch.device) -> None:
    """Score the eval split of every task with the untrained detector and with the checkpoint after each task.

    Writes scores.parquet (one row per checkpoint, task, split and utterance) and metrics.json of the run. A score is
    the log-odds of genuine; for other classes there are the predicted class and the log-posterior of the true one.
    Where fakes are detected, the dev split of task 1 is scored too: a threshold that is chosen once is chosen there.
    """
    tasks = range(1, len(study.tasks) + 1)
    classes = np.array(study.classes, dtype=object)
    scored = {(number, "eval"): load_split(study, number, "eval", seed) for number in tasks}
    if study.measure is EER and (development := load_split(study, 1, "dev", seed)) is not None:
        scored[1, "dev"] = development
    columns: defaultdict[str, list] = defaultdict(list)
    for after in track([0, *tasks], f"{study.name} {method} seed {seed} evaluation", len(study.tasks) + 1):
        if after == 0:
            detector = untrained(study, seed, load_split(study, 1, "train", seed))
        else:
            detector, _ = checkpoint.load_detector(paths.detector(study.name, method, seed, after))
        detector.to(device)
        for (number, split), samples in scored.items():
            columns["after"].append(np.full(len(samples), after, np.int8))
            columns["task"].append(np.full(len(samples), number, np.int8))
            columns["split"].append(np.full(len(samples), split, dtype=object))
            columns["utterance_id"].append(np.array(samples.ids, dtype=object))
            columns["label"].append(classes[samples.labels.numpy()])
            if study.measure is EER:
                columns["score"].append(score(detector, samples, device))
            else:
                predicted, posteriors = classify(detector, samples, device)
                columns["predicted"].append(classes[predicted])
                columns["score"].append(posteriors)
    scores = {name: np.concatenate(parts) for name, parts in columns.items()}
    with atomic(paths.scores(study.name, method, seed)) as temporary:
        pq.write_table(pa.table(scores), temporary, compression="zstd")
    names = [task.name for task in study.tasks]
    result = {"study": study.name, "method": method, "seed": seed} | metrics.from_scores(scores, names, study.measure)
    result["wall_s"] = [_seconds(study, method, seed, number) for number in tasks]
    write_json(paths.metrics(study.name, method, seed), result)


def _seconds(study: Study, method: str, seed: int, number: int) -> float:
    lines = paths.history(study.name, method, seed, number).read_text().splitlines()
    return round(sum(json.loads(line)["seconds"] for line in lines), 3)
