"""Streaming linear discriminant analysis.

Hayes, Kanan: Lifelong Machine Learning with Deep Streaming Linear Discriminant Analysis. CVPR Workshops 2020,
arXiv:1909.01520.
"""

from torch import Tensor

from rawm.config import methods as config
from rawm.methods.parts.closed_form import ClosedFormOutput, solve

UNSEEN = -1e30  # output of a class without samples


class SLDA(ClosedFormOutput[config.SLDA]):
    """The first task trains the detector; then its body is frozen, and the output layer is a linear discriminant.

    mu_c is the mean embedding of class c over all tasks, Sigma the covariance of the embeddings around the mean of
    their class, and Lambda = ((1 - shrinkage) Sigma + shrinkage I)^-1. Class c has the weights w_c = Lambda mu_c and
    the bias -1/2 mu_c . Lambda mu_c, without class priors. No sample is kept, and the order of the tasks has no effect.
    With `features` or `source: input`, phi of `Analytic` takes the place of the embedding.

    Deviations:
        Sigma is exact: S <- (t S + n / (n + 1) d d^T) / (t + 1) sample by sample, t samples and n of the sample's class
        before it, d the distance to the class's mean at that moment. The paper has t in place of n, so that its Sigma
        depends on the order of the samples and the first ones of a class weigh more; and it starts from an estimate on
        a first batch. A class without samples has the output -1e30: as in the paper, it is never predicted. `features`
        and `source: input` are ours, close to RanDumb (arXiv:2402.08823), which has random Fourier features.
    """

    paper = "Hayes & Kanan 2020, arXiv:1909.01520"
    memory = "E² / 2 + E classes; E = e, or random features"

    def solved(self, gram: Tensor, products: Tensor) -> tuple[Tensor, Tensor]:
        """The discriminant of the inputs without the appended 1."""
        return discriminant(gram[:-1, :-1], products[:-1].T, products[-1], self.settings.shrinkage)


def discriminant(moments: Tensor, sums: Tensor, counts: Tensor, shrinkage: float) -> tuple[Tensor, Tensor]:
    """Weights (classes, e) and biases (classes,) of the linear discriminant, from sums over samples.

    Args:
        moments: (e, e) sum of h h^T.
        sums: (classes, e) sum of h in each class.
        counts: (classes,) samples of each class.

    Raises:
        Diverged: the shrinkage is too small.
    """
    means = sums / counts.clamp_min(1)[:, None]
    regularised = (moments - means.T @ sums).mul_((1 - shrinkage) / float(counts.sum()))
    regularised.diagonal().add_(shrinkage)
    weights = solve(regularised, means.T, f"shrinkage {shrinkage:g}").T
    return weights, (-0.5 * (weights * means).sum(1)).masked_fill(counts == 0, UNSEEN)
