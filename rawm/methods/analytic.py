"""Analytic continual learning: the output layer in closed form.

Zhuang, Weng, Wei, Xie, Toh, Lin: ACIL: Analytic Class-Incremental Learning with Absolute Memorization and Privacy
Protection. NeurIPS 2022, arXiv:2205.14922, doi:10.48550/arXiv.2205.14922. Random features: RanPAC and RanDumb, see
`rawm.methods.parts.closed_form`.
"""

import torch
from torch import Tensor

from rawm.config import methods as config
from rawm.detectors.detector import Detector
from rawm.methods.method import Method, Task
from rawm.methods.parts.closed_form import Moments, prepare_output, samples_of_body, solve
from rawm.tasks.samples import Samples


class Analytic(Method[config.Analytic]):
    """The output layer is one ridge regression on random features; nothing is forgotten, in any order of the tasks.

    phi(x) = ReLU(x random weights), with a constant 1 appended; G = sum phi phi^T and B = sum phi y^T over all samples
    of all tasks, y one-hot; output weights = (G + ridge I)^-1 B. This equals the solution on all data at once, and no
    sample is kept. Solving takes 3 (E + 1)^2 numbers of 8 bytes: 0.4 GB for E = 4096, 1.6 GB for E = 8192; the memory
    holds one triangle of G (`Moments`).

    `source: embedding`: the first task trains the detector; then its body is frozen, and x is its embedding.
    `source: input`: x is the standardised input; the detector has no body and nothing is trained. For random features,
    x is limited to five standard deviations, and a random offset from N(0, 1/4) is added to x times the random weights.

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
    memory = "E² / 2 + E e + E classes, E random features"
    freezes_body = True
    remembers = ("moments",)

    def __init__(self, settings: config.Analytic, classes: tuple[str, ...]):
        super().__init__(settings, classes)
        self.moments = Moments()

    def samples(self, task: Task) -> Samples | None:
        return samples_of_body(self.settings, task)

    @torch.no_grad()
    def end_task(self, detector: Detector, task: Task) -> None:
        detector.eval()
        if self.moments.gram is None:
            prepare_output(detector, task, self.settings)
        weights = ridge_regression(*self.moments.add(detector, task), self.settings.ridge)
        detector.output.weight.copy_(weights[:-1].T)
        detector.output.bias.copy_(weights[-1])


def ridge_regression(gram: Tensor, products: Tensor, ridge: float) -> Tensor:
    """(G + ridge I)^-1 B, of the shape of `products`, for a positive semidefinite G (n, n) and B (n, m).

    Raises:
        UserError: the ridge is too small.
    """
    regularised = gram.clone()
    regularised.diagonal().add_(ridge)
    return solve(regularised, products, f"ridge {ridge:g}")
