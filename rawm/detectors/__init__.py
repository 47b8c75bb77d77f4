"""Detectors: features -> embedding and logits."""

from importlib import import_module
from typing import Any

from rawm.errors import UserError

#: `type` of a detector file -> where its class is.
DETECTORS = {
    "aasist": "rawm.detectors.aasist:AASIST",
    "lcnn": "rawm.detectors.lcnn:LCNN",
    "mlp": "rawm.detectors.mlp:MLP",
    "scnn": "rawm.detectors.scnn:SCNN",
}


def build(settings: Any, n_features: int, pooled: bool, n_classes: int) -> Any:
    """Return the untrained detector of a config file.

    Args:
        settings: the detector file.
        n_features: size d of a feature vector.
        pooled: whether an utterance is one vector (d,), else frames (T, d).
        n_classes: size of the logits.

    Weights come from torch's global generator: seed it first.

    Raises:
        UserError: the detector needs frames and there are none.
    """
    if pooled and settings.frames_only:
        raise UserError(
            f"detector of type {settings.type} works on frames, but the front-end gives one vector an utterance; "
            "take a front-end with `pooling: none`, or a detector of type mlp"
        )
    module, name = DETECTORS[settings.type].split(":")
    return getattr(import_module(module), name)(settings, n_features, pooled, n_classes)
