"""Analytic continual learning: the output layer in closed form.

Zhuang, Weng, Wei, Xie, Toh, Lin: ACIL: Analytic Class-Incremental Learning with Absolute Memorization and Privacy
Protection. NeurIPS 2022, arXiv:2205.14922, doi:10.48550/arXiv.2205.14922. Random features: RanPAC and RanDumb, see
`rawm.methods.parts.closed_form`.
"""

from torch import Tensor

from rawm.config import methods as config
from rawm.methods.parts.closed_form import ClosedFormOutput, solve


class Analytic(ClosedFormOutput[config.Analytic]):
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

    def solved(self, gram: Tensor, products: Tensor) -> tuple[Tensor, Tensor]:
        """The ridge regression; its last row is the bias."""
        weights = ridge_regression(gram, products, self.settings.ridge)
        return weights[:-1].T, weights[-1]


def ridge_regression(gram: Tensor, products: Tensor, ridge: float) -> Tensor:
    """Solve (G + ridge I) W = B for W (n, m), for a positive semidefinite G (n, n) and B (n, m).

    Raises:
        Diverged: the ridge is too small.
    """
    regularised = gram.clone()
    regularised.diagonal().add_(ridge)
    return solve(regularised, products, f"ridge {ridge:g}")
