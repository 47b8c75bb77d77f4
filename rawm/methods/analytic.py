"""Analytic continual learning: the output layer in closed form.

Zhuang, Weng, Wei, Xie, Toh, Lin: ACIL: Analytic Class-Incremental Learning with Absolute Memorization and Privacy
Protection. NeurIPS 2022, arXiv:2205.14922, doi:10.48550/arXiv.2205.14922. Random features of an embedding: McDonnell,
Gong, Parvaneh, Abbasnejad, van den Hengel: RanPAC. NeurIPS 2023, arXiv:2307.02251, doi:10.48550/arXiv.2307.02251. Of
the input: Prabhu, Sinha, Kumaraguru, Torr, Sener, Dokania: Random Representations Outperform Online Continually Learned
Representations (RanDumb). NeurIPS 2024, arXiv:2402.08823.
"""

import torch
from torch import Tensor

from rawm.config import methods as config
from rawm.detectors.detector import Detector
from rawm.detectors.random_features import RandomFeatures
from rawm.detectors.scoring import outputs
from rawm.methods.method import Method, Task
from rawm.tasks.samples import Samples

CLIP = 5.0  # standard deviations to which the input is limited
OFFSET = 0.5  # standard deviation of the random offsets on the input
ROWS = 1024  # samples whose features are in memory at once


class Analytic(Method[config.Analytic]):
    """The output layer is one ridge regression on random features; nothing is forgotten, in any order of the tasks.

    phi(x) = ReLU(x random weights), with a constant 1 appended; G = sum phi phi^T and B = sum phi y^T over all samples
    of all tasks, y one-hot; output weights = (G + ridge I)^-1 B. This equals the solution on all data at once, and no
    sample is kept. G has E^2 numbers: 134 MB in memory.safetensors for E = 4,096.

    `source: embedding`: the first task trains the detector; then its body is frozen, and x is its embedding.
    `source: input`: x is the standardised input, limited to five standard deviations; the detector has no body and
    nothing is trained. A random offset from N(0, 1/4) is added to x times the random weights.

    Deviations:
        G and B are added up and solved anew, in float64, instead of ACIL's recursion of the inverse, which is equal to
        it in exact arithmetic. The random weights are drawn from N(0, 1 / e), e the size of x, so that `ridge` has the
        same meaning for every e. The output bias is regularised like any weight. RanDumb approximates a Gaussian kernel
        and has a linear discriminant; here are RanPAC's features and a ridge regression.
    """

    paper = (
        "Zhuang et al. 2022, arXiv:2205.14922; McDonnell et al. 2023, arXiv:2307.02251; "
        "Prabhu et al. 2024, arXiv:2402.08823"
    )
    memory = "E² + E e + E classes, E random features"
    freezes_body = True
    remembers = ("gram", "products")

    def __init__(self, settings: config.Analytic, classes: tuple[str, ...]):
        super().__init__(settings, classes)
        self.gram: Tensor | None = None  # G (E + 1, E + 1)
        self.products: Tensor | None = None  # B (E + 1, classes)

    def samples(self, task: Task) -> Samples | None:
        return task.train if task.number == 1 and self.settings.source == "embedding" else None

    @torch.no_grad()
    def end_task(self, detector: Detector, task: Task) -> None:
        detector.eval()
        if self.gram is None:
            if self.settings.source == "input":
                detector.remove_body()
            if self.settings.features:
                self._draw_features(detector, task)
        embedding, labels = outputs(detector, task.train, task.device).embedding, task.train.labels
        for rows in torch.arange(len(labels)).split(ROWS):
            phi = output_inputs(detector, embedding[rows]).double().cpu()
            phi = torch.cat([phi, phi.new_ones(len(phi), 1)], dim=1)
            targets = torch.nn.functional.one_hot(labels[rows], len(self.classes)).double()
            if self.gram is None or self.products is None:
                self.gram, self.products = phi.new_zeros(phi.shape[1], phi.shape[1]), phi.T @ targets * 0
            self.gram.addmm_(phi.T, phi)
            self.products.addmm_(phi.T, targets)
        assert self.gram is not None and self.products is not None
        weights = ridge_regression(self.gram, self.products, self.settings.ridge)
        detector.output.weight.copy_(weights[:-1].T)
        detector.output.bias.copy_(weights[-1])

    def _draw_features(self, detector: Detector, task: Task) -> None:
        size, generator = detector.output.in_features, task.generator("features")
        projection = torch.randn(size, self.settings.features, generator=generator) / size**0.5
        if self.settings.source == "embedding":
            detector.output = RandomFeatures(projection.to(task.device), len(self.classes))
            return
        offset = OFFSET * torch.randn(self.settings.features, generator=generator)
        detector.output = RandomFeatures(projection, len(self.classes), offset, CLIP).to(task.device)


def output_inputs(detector: Detector, embedding: Tensor) -> Tensor:
    """phi of embeddings (B, e): (B, E) random features, or the embeddings themselves where there are none."""
    return detector.output.features(embedding) if isinstance(detector.output, RandomFeatures) else embedding


def ridge_regression(gram: Tensor, products: Tensor, ridge: float) -> Tensor:
    """(G + ridge I)^-1 B, of the shape of `products`, for a positive semidefinite G (n, n) and B (n, m)."""
    regularised = gram.clone()
    regularised.diagonal().add_(ridge)
    return torch.cholesky_solve(products, torch.linalg.cholesky(regularised))
