"""Inputs and embeddings to draw where no detector was trained."""

import numpy as np


def inputs(study, seed):
    rng = np.random.default_rng(seed)
    return [rng.standard_normal((60, 20)) * np.exp(-np.arange(20) / (2 + n)) for n in range(len(study.tasks))]


def embedded(runs, after):
    rng = np.random.default_rng(runs[0].seed)
    study = runs[0].study
    labels = [rng.choice(np.array(study.classes, dtype=object), 30) for _ in study.tasks]
    return labels, {run.method: [[rng.standard_normal((30, 6)) for _ in labels] for _ in after] for run in runs}
