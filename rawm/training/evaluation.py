"""Checkpoint + tasks -> scores of every utterance, and the metrics of a run."""

from collections import defaultdict

import numpy as np
import torch

from rawm.detectors.detector import Detector
from rawm.detectors.scoring import classify, score
from rawm.metrics import of_scores
from rawm.metrics.measure import EER
from rawm.progress import track
from rawm.runs.run import Run
from rawm.tasks.loading import load_split, load_watched
from rawm.tasks.samples import Samples
from rawm.training.task import untrained


def evaluate_run(run: Run, device: torch.device) -> None:
    """Score the evaluation data of every task with the untrained detector and with the checkpoint after each task.

    Writes scores.parquet (one row per checkpoint, task, split and utterance) and metrics.json. A score is the log-odds
    of genuine; for other classes there are the predicted class and the log-posterior of the true one. Where fakes are
    detected, the development data of the tasks seen so far are scored too: calibration and thresholds come from there.
    What the stream watches is scored as the split watch, whose tasks 1, 2, ... are those of `watch`.
    """
    study = run.study
    samples = {(number, "eval"): load_split(study, number, "eval", run.seed) for number in run.numbers}
    if study.measure is EER:
        development = {(number, "dev"): load_split(study, number, "dev", run.seed) for number in run.numbers}
        samples |= {key: part for key, part in development.items() if part is not None}
    samples |= {(number, "watch"): load_watched(study, task) for number, task in enumerate(study.stream.watch, 1)}
    columns: defaultdict[str, list[np.ndarray]] = defaultdict(list)
    for after in track([0, *run.numbers], f"{study.name} {run} evaluation", len(study.tasks) + 1):
        detector = run.detector(after) if after else untrained(study, run.seed, load_split(study, 1, "train", run.seed))
        detector.to(device)
        for (number, split), part in samples.items():
            if split == "dev" and number > after:
                continue
            columns["after"].append(np.full(len(part), after, np.int8))
            columns["task"].append(np.full(len(part), number, np.int8))
            columns["split"].append(np.full(len(part), split, dtype=object))
            for name, values in _scored(detector, part, study.classes, study.measure is EER, device).items():
                columns[name].append(values)
    scores = {name: np.concatenate(parts) for name, parts in columns.items()}
    run.write_scores(scores)
    values = of_scores.from_scores(scores, [task.name for task in study.tasks], study.measure)
    values |= of_scores.of_watched(scores, [task.name for task in study.stream.watch], len(study.tasks), study.measure)
    run.write_metrics(values | {"wall_s": [run.seconds(number) for number in run.numbers]})


def _scored(
    detector: Detector, samples: Samples, classes: tuple[str, ...], detects_fakes: bool, device: torch.device
) -> dict[str, np.ndarray]:
    """Columns of the score table, (N,) each."""
    names = np.array(classes, dtype=object)
    columns = {"utterance_id": np.array(samples.ids, dtype=object), "label": names[samples.labels.numpy()]}
    if detects_fakes:
        return columns | {"score": score(detector, samples, device)}
    predicted, posteriors = classify(detector, samples, device)
    return columns | {"predicted": names[predicted], "score": posteriors}
