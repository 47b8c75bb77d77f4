"""The class ratio beta of RAWM."""

from torch import Tensor


def class_ratio(labels: Tensor, compact: Tensor) -> float:
    """beta = (N_compact + 1) / (N_other + 1) for class indices `labels` (B,) and the mask `compact` (classes,)."""
    n_compact = int(compact[labels.cpu()].sum())
    return (n_compact + 1) / (len(labels) - n_compact + 1)
