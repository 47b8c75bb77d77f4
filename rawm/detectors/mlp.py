"""Multi-layer perceptron: the detector of the EVDA and RegO protocols."""

from itertools import pairwise

from torch import Tensor, nn

from rawm.config.detectors import MLP as Settings
from rawm.detectors.detector import Detector, pool_mean_std


class MLP(Detector):
    """Linear layers with ReLU between them on one vector per utterance; `hidden: []` is a linear detector.

    Frame features (B, T, d) are pooled to mean and standard deviation over time (2 d) first.

    Sources: the benchmark detector of EVDA (seven hidden layers of 512) and of RegO (1024-512-512-512-512-2).
    """

    def __init__(self, settings: Settings, n_features: int, pooled: bool, n_classes: int):
        super().__init__(n_features)
        widths = [n_features if pooled else 2 * n_features, *settings.hidden]
        layers = [part for a, b in pairwise(widths) for part in (nn.Linear(a, b), nn.ReLU())]
        self.hidden = nn.Sequential(*layers)
        self.output = nn.Linear(widths[-1], n_classes)

    def remove_body(self) -> None:
        first = next(layer for layer in (*self.hidden, self.output) if isinstance(layer, nn.Linear))
        self.hidden = nn.Sequential()
        self.output = nn.Linear(first.in_features, self.output.out_features, device=self.output.weight.device)

    def embed(self, features: Tensor, lengths: Tensor | None) -> Tensor:
        pooled = features if lengths is None else pool_mean_std(features, lengths)
        return self.hidden(pooled)
