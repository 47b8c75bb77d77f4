"""Base of the methods whose output layer has a closed form, and the sums over samples that it is solved from.

Random features of an embedding: McDonnell, Gong, Parvaneh, Abbasnejad, van den Hengel: RanPAC: Random Projections and
Pre-trained Models for Continual Learning. NeurIPS 2023, arXiv:2307.02251, doi:10.48550/arXiv.2307.02251. Of the input:
Prabhu, Sinha, Kumaraguru, Torr, Sener, Dokania: Random Representations Outperform Online Continually Learned
Representations (RanDumb). NeurIPS 2024, arXiv:2402.08823.
"""

from typing import TypeVar

import torch
from torch import Tensor

from rawm.config.methods import ClosedForm
from rawm.detectors.detector import Detector
from rawm.detectors.random_features import RandomFeatures
from rawm.detectors.scoring import outputs
from rawm.errors import Diverged
from rawm.methods.method import Method, Task, widened
from rawm.tasks.samples import Samples

Settings = TypeVar("Settings", bound=ClosedForm)

CLIP = 5.0  # standard deviations to which the input is limited
OFFSET = 0.5  # standard deviation of the random offsets on the input
ROWS = 1024  # samples whose features are in memory at once


class Moments:
    """Sums over all samples so far, from which the output layer is solved.

    They are float64, on the CPU, and do not depend on the order of the samples. phi (E + 1,) is the output layer's
    input for a sample, with a constant 1 appended. A file holds the lower triangle of G: 67 MB for E = 4096, 268 MB for
    E = 8192, after each task.

    Attributes:
        gram: G = sum phi phi^T (E + 1, E + 1); None before the first task.
        products: B = sum phi y^T (E + 1, classes), y one-hot; the last row counts the samples of each class.
    """

    def __init__(self):
        self.gram: Tensor | None = None
        self.products: Tensor | None = None

    def add(self, detector: Detector, task: Task) -> tuple[Tensor, Tensor]:
        """Add the samples of a task, whole utterances, as the detector sees them now; return G and B."""
        embedding, labels = outputs(detector, task.train, task.device).embedding, task.train.labels
        for rows in torch.arange(len(labels)).split(ROWS):
            phi = output_inputs(detector, embedding[rows]).double().cpu()
            phi = torch.cat([phi, phi.new_ones(len(phi), 1)], dim=1)
            targets = torch.nn.functional.one_hot(labels[rows], detector.output.out_features).double()
            if self.gram is None or self.products is None:
                self.gram, self.products = phi.T @ phi, phi.T @ targets
            else:
                self.products = widened(self.products, (len(self.products), targets.shape[1]))
                self.gram.addmm_(phi.T, phi)
                self.products.addmm_(phi.T, targets)
        assert self.gram is not None and self.products is not None
        return self.gram, self.products

    def state(self) -> dict[str, Tensor]:
        if self.gram is None or self.products is None:
            return {}
        return {"gram": self.gram[_lower(len(self.gram))], "products": self.products}

    def load(self, state: dict[str, Tensor]) -> None:
        if "gram" not in state:
            return
        self.products = state["products"].clone()
        size = len(self.products)
        self.gram = torch.zeros(size, size, dtype=torch.float64)
        self.gram[_lower(size)] = state["gram"]
        self.gram.T[_lower(size)] = state["gram"]


def _lower(size: int) -> Tensor:
    """(size, size) bool: the lower triangle, diagonal included."""
    return torch.ones(size, size, dtype=torch.bool).tril_()


class ClosedFormOutput(Method[Settings]):
    """Base of Analytic and SLDA: the first task trains the body, if there is one; the output layer is then solved."""

    freezes_body = True
    remembers = ("moments",)

    def __init__(self, settings: Settings, classes: tuple[str, ...]):
        super().__init__(settings, classes)
        self.moments = Moments()

    def solved(self, gram: Tensor, products: Tensor) -> tuple[Tensor, Tensor]:
        """Weights (classes, E) and biases (classes,) of the output layer, from the sums of `Moments`."""
        raise NotImplementedError

    def samples(self, task: Task) -> Samples | None:
        return task.train if task.number == 1 and self.settings.source == "embedding" else None

    @torch.no_grad()
    def end_task(self, detector: Detector, task: Task) -> None:
        detector.eval()
        if self.moments.gram is None:
            prepare_output(detector, task, self.settings)
        weights, bias = self.solved(*self.moments.add(detector, task))
        detector.output.weight.copy_(weights)
        detector.output.bias.copy_(bias)


def prepare_output(detector: Detector, task: Task, settings: ClosedForm) -> None:
    """Give the detector the output layer of these settings, after the first task has trained its body.

    Random features are ReLU(W x): x is the embedding, or the standardised input limited to five standard deviations, to
    which offsets are added, ReLU(W x + b). W ~ N(0, 1 / size of x) and b ~ N(0, 1/4) come from the task's seed.
    """
    if settings.source == "input":
        detector.remove_body()
    if not settings.features:
        return
    size, n_classes, generator = detector.output.in_features, detector.output.out_features, task.generator("features")
    projection = torch.randn(size, settings.features, generator=generator) / size**0.5
    if settings.source == "input":
        offset = OFFSET * torch.randn(settings.features, generator=generator)
        detector.output = RandomFeatures(projection, n_classes, offset, CLIP)
    else:
        detector.output = RandomFeatures(projection, n_classes)
    detector.to(task.device)


def output_inputs(detector: Detector, embedding: Tensor) -> Tensor:
    """phi of embeddings (B, e): (B, E) random features, or the embeddings themselves where there are none."""
    return detector.output.features(embedding) if isinstance(detector.output, RandomFeatures) else embedding


def solve(matrix: Tensor, right: Tensor, setting: str) -> Tensor:
    """Solve matrix x = right (n, m) for a symmetric positive definite matrix (n, n); its lower triangle is read.

    Raises:
        Diverged: the matrix is not positive definite in float64; says which `setting` to raise.
    """
    factor, info = torch.linalg.cholesky_ex(matrix)
    if int(info):
        raise Diverged(f"{setting} is too small for these data: the output layer has no solution; take a larger value")
    return torch.cholesky_solve(right, factor)
