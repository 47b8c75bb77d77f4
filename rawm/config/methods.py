"""Hyper-parameters of the continual-learning methods: `config/methods/*.yaml`.

The methods themselves are in `rawm/methods/`; these models are apart from them so that reading the configuration
does not load torch.
"""

from typing import Annotated, Literal

from pydantic import Field

from rawm.config.base import Model
from rawm.config.study import TrainingOverride


class Method(Model):
    """What every method file has."""

    title: str = Field("", description="Name on figures and tables; the file's name where empty.")
    note: str = Field("", description="Where the values come from.")
    training: TrainingOverride = Field(TrainingOverride(), description="Training values this method needs different.")


class Finetune(Method):
    """Plain training on each task: the lower bound."""

    algorithm: Literal["finetune"]


class Joint(Method):
    """Training on all tasks seen so far, shuffled together ("Replay-All"): the upper bound."""

    algorithm: Literal["joint"]


class LwF(Method):
    """Learning without Forgetting (Li & Hoiem 2016)."""

    algorithm: Literal["lwf"]
    lambda_: float = Field(1.0, ge=0, alias="lambda", description="Weight of the distillation loss.")
    temperature: float = Field(2.0, gt=0, description="Softmax temperature tau of the distillation.")


class Projection(Method):
    """What OWM, RAWM and RWM share: which inputs are protected, and when the update is projected."""

    energy: float = Field(0.99, gt=0, le=1, description="Share of the inputs' energy (trace of C) that is protected.")
    alpha: float = Field(1.0, gt=0, description="Ridge of the recursive least squares projector.")
    statistics: Literal["samples", "batch_mean"] = Field(
        "samples", description="Protect every training input, or the mean input of each minibatch as in the papers."
    )
    apply_to: Literal["step", "gradient"] = Field(
        "step", description="Project what the optimizer did, or the gradient it is given as in the released code."
    )


class OWM(Projection):
    """Orthogonal Weights Modification (Zeng et al. 2019)."""

    algorithm: Literal["owm"]
    projector: Literal["spectral", "rls"] = Field("spectral", description="Spectral basis, or recursive least squares.")


class Regularized(Projection):
    """What RAWM and RWM share: the beta mix of the two projectors and the distillation against the last detector."""

    variant: Literal["spectral", "paper"] = Field("spectral", description="Our projectors, or the published formula.")
    rcond: float = Field(
        1e-3, gt=0, lt=1, description="variant paper: singular values of P below rcond x the largest are 0."
    )
    scale: float = Field(1.0, ge=0, description="m: R = P + m beta Q. 0 is OWM; m beta = 1 is fine-tuning (spectral).")
    eta: float = Field(0.5, ge=0, le=1, description="Share of the distillation in the loss; 0 switches it off.")
    temperature: float = Field(2.0, gt=0, description="Softmax temperature tau of the distillation.")


class RAWM(Regularized):
    """Regularized Adaptive Weight Modification (Zhang et al., ICML 2023)."""

    algorithm: Literal["rawm"]
    compact: list[str] = Field(["genuine"], min_length=1, description="Classes that are similar across tasks.")
    balance: Literal["batch", "task", "constant"] = Field(
        "batch", description="Where beta's class counts come from: the minibatch, the whole task, or `beta` as given."
    )
    beta: float = Field(1.0, ge=0, description="The value of beta where balance is constant.")


class RWM(Regularized):
    """Radian Weight Modification (Zhang et al., AAAI 2024)."""

    algorithm: Literal["rwm"]
    compact: list[str] | Literal["measured"] = Field(
        ["genuine"], description="Classes that are similar across tasks, or `measured` from the embeddings."
    )


MethodFile = Annotated[Finetune | Joint | LwF | OWM | RAWM | RWM, Field(discriminator="algorithm")]
