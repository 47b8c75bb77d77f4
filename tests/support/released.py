"""The update rule of the code released with the ICML 2023 paper, written from its description; a reference for tests.

`tests/methods/test_released.py` shows its defects one by one, and `make bench` measures its cost. The package does not
use it.
"""

import torch
from torch import Tensor


def released_update(
    p: Tensor, mean_input: Tensor, gradient: Tensor, beta: float, alpha: float
) -> tuple[Tensor, Tensor]:
    """One minibatch: P and the gradient (out, d) after it, for P (d, d) and the minibatch's mean input (d,).

    The recursion's denominator alpha + r P r^T is a scalar; here it is alpha + an outer product (d, d), and the
    division is element by element. Q and both norms are computed anew in each minibatch.
    """
    r = mean_input[None]  # (1, d)
    k = p @ r.T  # (d, 1)
    p = p - (k @ (r @ p)) / (alpha + k @ r)
    q = torch.eye(len(p), dtype=p.dtype) - p @ torch.linalg.inv(p.T @ p) @ p.T
    direction = p / torch.linalg.matrix_norm(p) + beta * q / torch.linalg.matrix_norm(q)
    return p, gradient @ direction


class Released:
    """The rule with its guards, applied to the parameters of a network.

    `experience` counts the tasks of one call of the training loop. Every call has one task, so it is always 0.
    """

    def __init__(self, n_inputs: int, alpha: float = 1.0):
        self.p = torch.eye(n_inputs)
        self.alpha = alpha

    def before_step(self, network: torch.nn.Module, mean_input: Tensor, labels: list[str], experience: int) -> None:
        """Change the gradients before the optimizer's step."""
        counts = {label: labels.count(label) for label in set(labels)}
        n_genuine, n_fake = counts["genuine"], counts["fake"]  # fails where a class is missing
        if experience != 0:
            for name, parameter in network.named_parameters():
                if name == "module.weight":  # a bare linear layer inside of DataParallel
                    beta = (n_genuine + 1) / (n_fake + 1)
                    self.p, parameter.grad = released_update(self.p, mean_input, parameter.grad, beta, self.alpha)
