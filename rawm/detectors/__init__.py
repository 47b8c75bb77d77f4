"""Detectors: features -> embedding and logits."""

from importlib import import_module
from typing import Any

from rawm.errors import UserError

#: `type` of a detector file -> module and class.
DETECTORS = {
    "aasist": "rawm.detectors.aasist:AASIST",
    "lcnn": "rawm.detectors.lcnn:LCNN",
    "mlp": "rawm.detectors.mlp:MLP",
    "scnn": "rawm.detectors.scnn:SCNN",
}


def build(settings: Any, n_features: int, pooled: bool, n_classes: int) -> Any:
    """Build the untrained detector of a config file.

    Weights are drawn from torch's global generator: seed it first.

    Args:
        settings: the detector file.
        n_features: size d of a feature vector.
        pooled: whether an utterance is one vector (d,), else frames (T, d).
        n_classes: size of the logits.

    Raises:
        UserError: the detector needs frames, but an utterance is one vector.
    """
    if pooled and settings.frames_only:
        raise UserError(
            f"detector of type {settings.type} works on frames, but the front-end makes one vector per utterance; "
            "choose a front-end with `pooling: none`, or a detector of type mlp"
        )
    module, name = DETECTORS[settings.type].split(":")
    detector = getattr(import_module(module), name)(settings, n_features, pooled, n_classes)
    detector.standardisation = settings.standardisation
    return detector
