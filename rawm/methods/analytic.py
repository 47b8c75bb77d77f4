"""Analytic continual learning: the output layer in closed form.

Zhuang, Weng, Wei, Xie, Toh, Lin: ACIL: Analytic Class-Incremental Learning with Absolute Memorization and Privacy
Protection. NeurIPS 2022, arXiv:2205.14922, doi:10.48550/arXiv.2205.14922. Random features: McDonnell, Gong, Parvaneh,
Abbasnejad, van den Hengel: RanPAC. NeurIPS 2023, arXiv:2307.02251, doi:10.48550/arXiv.2307.02251.
"""

import torch
from torch import Tensor

from rawm.config import methods as config
from rawm.detectors.detector import Detector
from rawm.detectors.random_features import RandomFeatures
from rawm.methods.method import Method, Task
from rawm.tasks.samples import Samples


class Analytic(Method[config.Analytic]):
    """The first task trains the detector; then its body is frozen, and the output layer is one ridge regression.

    phi(x) = ReLU(embedding x random weights), with a constant 1 appended; G = sum phi phi^T and B = sum phi y^T over
    all samples of all tasks, y one-hot; output weights = (G + ridge I)^-1 B. This equals the solution on all data at
    once, in any order of the tasks, and no sample is kept.

    Deviations:
        G and B are added up and solved anew, in float64, instead of ACIL's recursion of the inverse, which is equal to
        it in exact arithmetic. The random weights are drawn from N(0, 1 / e), e the embedding's size, so that `ridge`
        has the same meaning for every e. The bias is regularised like any weight.
    """

    paper = "Zhuang et al. 2022, arXiv:2205.14922; McDonnell et al. 2023, arXiv:2307.02251"
    memory = "E² + E e + E classes, E random features"
    freezes_body = True
    remembers = ("gram", "products")

    def __init__(self, settings: config.Analytic, classes: tuple[str, ...]):
        super().__init__(settings, classes)
        self.gram: Tensor | None = None  # G (E + 1, E + 1)
        self.products: Tensor | None = None  # B (E + 1, classes)

    def samples(self, task: Task) -> Samples | None:
        return task.train if task.number == 1 else None

    @torch.no_grad()
    def end_task(self, detector: Detector, task: Task) -> None:
        detector.eval()
        if self.gram is None and self.settings.features:
            self._draw_features(detector, task)
        gram = torch.zeros((), dtype=torch.float64) if self.gram is None else self.gram
        products = torch.zeros((), dtype=torch.float64) if self.products is None else self.products
        for batch in task.inputs():
            phi = output_inputs(detector, detector(batch.features, batch.lengths).embedding).double().cpu()
            phi = torch.cat([phi, torch.ones(len(phi), 1, dtype=phi.dtype)], dim=1)
            targets = torch.nn.functional.one_hot(batch.labels.cpu(), len(self.classes)).double()
            gram, products = phi.T @ phi + gram, phi.T @ targets + products
        self.gram, self.products = gram, products
        weights = ridge_regression(gram, products, self.settings.ridge)
        detector.output.weight.copy_(weights[:-1].T)
        detector.output.bias.copy_(weights[-1])

    def _draw_features(self, detector: Detector, task: Task) -> None:
        size = detector.output.in_features
        projection = torch.randn(size, self.settings.features, generator=task.generator("features")) / size**0.5
        detector.output = RandomFeatures(projection.to(task.device), detector.output.out_features)


def output_inputs(detector: Detector, embedding: Tensor) -> Tensor:
    """phi of embeddings (B, e): (B, E) random features, or the embeddings themselves where there are none."""
    return detector.output.features(embedding) if isinstance(detector.output, RandomFeatures) else embedding


def ridge_regression(gram: Tensor, products: Tensor, ridge: float) -> Tensor:
    """(G + ridge I)^-1 B, of the shape of `products`, for G (n, n) and B (n, m)."""
    return torch.linalg.solve(gram + ridge * torch.eye(len(gram), dtype=gram.dtype), products)
