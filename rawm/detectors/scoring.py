"""Detector inference: embeddings, logits, scores; EER and accuracy."""

import math
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch

from rawm.detectors.detector import Detector, Output
from rawm.errors import Diverged
from rawm.metrics.classification import accuracy
from rawm.metrics.detection import eer
from rawm.metrics.measure import EER, Measure
from rawm.tasks.samples import Samples

UNKNOWN = 1e-37  # near the smallest float32
BATCH, FRAMES = 1024, 8192  # samples, or frames with padding, of one forward pass


@contextmanager
def evaluating(detector: Detector) -> Iterator[None]:
    """Switch to evaluation mode; restore each module's own mode afterwards."""
    modes = {module: module.training for module in detector.modules()}
    detector.eval()
    try:
        yield
    finally:
        for module, mode in modes.items():
            module.training = mode


@torch.no_grad()
def outputs(detector: Detector, samples: Samples, device: torch.device, embeddings: bool = True) -> Output:
    """Embeddings (N, e) and logits (N, classes) of whole utterances in evaluation mode, on the device.

    Args:
        embeddings: False = none are kept: (N, 0).
    """
    rows, parts = [], []
    with evaluating(detector):
        for batch in samples.batches(BATCH) if samples.pooled else samples.by_length(FRAMES):
            rows.append(batch.rows)
            batch = batch.to(device)
            output = detector(batch.features, batch.lengths)
            parts.append(output if embeddings else Output(output.embedding[:, :0].clone(), output.logits))
    order = torch.argsort(torch.cat(rows)).to(device)
    return Output(*(torch.cat(tensors)[order] for tensors in zip(*parts, strict=True)))


def logits(detector: Detector, samples: Samples, device: torch.device) -> torch.Tensor:
    """(N, classes) float32, on the CPU."""
    return outputs(detector, samples, device, embeddings=False).logits.float().cpu()


def score(detector: Detector, samples: Samples, device: torch.device) -> np.ndarray:
    """Log-odds of genuine over fake (N,) float32 of a two-class detector; higher = more genuine."""
    return _log_odds(logits(detector, samples, device))


def _log_odds(values: torch.Tensor) -> np.ndarray:
    return (values[:, 1] - values[:, 0]).numpy()


def classify(detector: Detector, samples: Samples, device: torch.device) -> tuple[np.ndarray, np.ndarray]:
    """Index of the most probable class (N,) int64, and log-posterior of the true class (N,) float32.

    A class that the detector has no output for yet has the posterior `UNKNOWN`.
    """
    values = logits(detector, samples, device)
    posteriors = values.log_softmax(1)
    missing = max(0, int(samples.labels.max()) + 1 - values.shape[1])
    posteriors = torch.nn.functional.pad(posteriors, (0, missing), value=math.log(UNKNOWN))
    posteriors = posteriors.gather(1, samples.labels[:, None])
    return values.argmax(1).numpy(), posteriors[:, 0].numpy()


def measured(detector: Detector, samples: Samples | None, device: torch.device, measure: Measure = EER) -> float | None:
    """EER or accuracy in percent; None without samples, or for EER without samples of both classes.

    Raises:
        Diverged: an output of the detector is infinite or NaN.
    """
    if samples is None:
        return None
    labels, values = samples.labels.numpy(), logits(detector, samples, device)
    if not bool(values.isfinite().all()):
        raise Diverged("training diverged, outputs are not finite any more; lower training.learning_rate")
    if measure is not EER:
        return 100 * accuracy(labels, values.argmax(1).numpy())
    if len(set(labels.tolist())) < 2:
        return None
    scores = _log_odds(values)
    return 100 * eer(scores[labels == 1], scores[labels == 0]).value
