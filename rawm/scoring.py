"""Scores of a detector: one number an utterance."""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch

from rawm.detectors.detector import Detector
from rawm.metrics.detection import eer
from rawm.samples import Samples

BATCH = 1024


@contextmanager
def evaluating(detector: Detector) -> Iterator[None]:
    """Evaluation mode, with each module's own mode restored afterwards."""
    modes = {module: module.training for module in detector.modules()}
    detector.eval()
    try:
        yield
    finally:
        for module, mode in modes.items():
            module.training = mode


def score(detector: Detector, samples: Samples, device: torch.device) -> np.ndarray:
    """Log-odds of genuine over fake (N,) float32 of a two-class detector; higher = more genuine."""
    parts = []
    with evaluating(detector), torch.inference_mode():
        for batch in samples.batches(BATCH):
            batch = batch.to(device)
            logits = detector(batch.features, batch.lengths).logits
            parts.append((logits[:, 1] - logits[:, 0]).float().cpu())
    return torch.cat(parts).numpy()


def detection_eer(detector: Detector, samples: Samples | None, device: torch.device) -> float | None:
    """EER in percent; None without samples of both classes."""
    if samples is None or len(set(samples.labels.tolist())) < 2:
        return None
    scores, labels = score(detector, samples, device), samples.labels.numpy()
    return 100 * eer(scores[labels == 1], scores[labels == 0]).value
