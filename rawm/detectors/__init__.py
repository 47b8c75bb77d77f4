"""Detectors: features -> embedding and logits."""

from importlib import import_module
from typing import Any

#: `type` of a detector file -> where its class is.
DETECTORS = {
    "mlp": "rawm.detectors.mlp:MLP",
}


def build(settings: Any, n_features: int, pooled: bool, n_classes: int) -> Any:
    """Return the untrained detector of a config file.

    Args:
        settings: the detector file.
        n_features: size d of a feature vector.
        pooled: whether an utterance is one vector (d,), else frames (T, d).
        n_classes: size of the logits.

    Weights come from torch's global generator: seed it first.
    """
    module, name = DETECTORS[settings.type].split(":")
    return getattr(import_module(module), name)(settings, n_features, pooled, n_classes)
