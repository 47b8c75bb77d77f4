"""Hyper-parameters of the continual-learning methods: `config/methods/*.yaml`.

The algorithms are in `rawm/methods/`. Their settings are here, so that reading the configuration does not load torch.
"""

from typing import Annotated, Literal

from pydantic import Field

from rawm.config.base import Model
from rawm.config.study import TrainingOverride


class Method(Model):
    """Keys of every method file."""

    title: str = Field("", description="Name on figures and tables; empty = name of the file.")
    note: str = Field("", description="Where the values come from.")
    training: TrainingOverride = Field(
        TrainingOverride(), description="Values that replace those of the study's `training`."
    )


class Finetune(Method):
    """Plain training on one task after another: the lower bound."""

    algorithm: Literal["finetune"]


class Joint(Method):
    """Training on all tasks seen so far, shuffled together ("Replay-All"): the upper bound."""

    algorithm: Literal["joint"]


class Replay(Method):
    """Experience replay (Rolnick et al. 2019): half of each step is drawn from a buffer of old samples."""

    algorithm: Literal["replay"]
    capacity: int = Field(100, ge=0, description="M: utterances kept of all old tasks together.")
    balance: Literal["reservoir", "balanced"] = Field(
        "balanced",
        description="reservoir = uniform sample of all data seen; balanced = equal numbers per class and task.",
    )


class DERpp(Method):
    """Dark Experience Replay with labels (Buzzega et al. 2020)."""

    algorithm: Literal["derpp"]
    capacity: int = Field(100, ge=0, description="M: utterances kept of all old tasks together, with their logits.")
    a: float = Field(0.3, ge=0, description="Weight of the squared difference to the stored logits (alpha).")
    b: float = Field(0.5, ge=0, description="Weight of the replayed cross-entropy (beta).")


class GDumb(Method):
    """GDumb (Prabhu et al. 2020): train from new weights on a class-balanced buffer."""

    algorithm: Literal["gdumb"]
    capacity: int = Field(100, ge=1, description="M: utterances kept of all tasks together.")


class GEM(Method):
    """Gradient Episodic Memory (Lopez-Paz & Ranzato 2017)."""

    algorithm: Literal["gem"]
    capacity: int = Field(100, ge=0, description="M: utterances kept of all old tasks together.")
    margin: float = Field(0.5, ge=0, description="Smallest weight of the gradient of an old task (the paper's gamma).")


class AGEM(Method):
    """Averaged GEM (Chaudhry et al. 2019)."""

    algorithm: Literal["agem"]
    capacity: int = Field(100, ge=0, description="M: utterances kept of all old tasks together.")
    drawn: int = Field(64, ge=1, description="Utterances drawn from the memory at each step.")


class EWC(Method):
    """Elastic Weight Consolidation (Kirkpatrick et al. 2017), also online (Schwarz et al. 2018)."""

    algorithm: Literal["ewc"]
    lambda_: float = Field(1000.0, ge=0, alias="lambda", description="Weight of the penalty.")
    form: Literal["separate", "online"] = Field(
        "separate", description="separate = one penalty per task; online = one penalty that decays."
    )
    decay: float = Field(0.9, ge=0, le=1, description="form online: factor on the old importance at each new task.")
    labels: Literal["true", "model"] = Field(
        "true",
        description="Labels in the Fisher information: true = those of the data; model = every class, weighted by its "
        "predicted probability.",
    )


class SI(Method):
    """Synaptic Intelligence (Zenke et al. 2017)."""

    algorithm: Literal["si"]
    c: float = Field(1.0, ge=0, description="Weight of the penalty.")
    xi: float = Field(1e-3, gt=0, description="Damping in the division by the squared weight change.")


class MAS(Method):
    """Memory Aware Synapses (Aljundi et al. 2018)."""

    algorithm: Literal["mas"]
    lambda_: float = Field(1.0, ge=0, alias="lambda", description="Weight of the penalty.")


class LwF(Method):
    """Learning without Forgetting (Li & Hoiem 2016)."""

    algorithm: Literal["lwf"]
    lambda_: float = Field(1.0, ge=0, alias="lambda", description="Weight of the distillation loss.")
    temperature: float = Field(2.0, gt=0, description="Softmax temperature tau of the distillation.")


class DFWF(LwF):
    """Detecting Fake Without Forgetting (Ma et al. 2021)."""

    algorithm: Literal["dfwf"]
    alpha: float = Field(1.0, ge=0, description="Weight of the loss that aligns embeddings of `compact` classes.")
    compact: list[str] = Field(
        ["genuine"], min_length=1, description="Classes whose embeddings are aligned with the old ones."
    )


class CWRStar(Method):
    """CWR* (Lomonaco et al. 2020): output weights consolidated class by class, the rest frozen after task 1."""

    algorithm: Literal["cwr"]


class ClosedForm(Method):
    """Keys of methods whose output layer has a closed form: what its inputs are."""

    source: Literal["embedding", "input"] = Field(
        "embedding",
        description="What the output layer sees: the embedding of a detector that the first task trains, or the "
        "standardised input, with no trained body (detectors of type mlp).",
    )
    features: int = Field(0, ge=0, description="Number E of random features of the source; 0 = the source itself.")


class Analytic(ClosedForm):
    """Closed-form output layer (Zhuang et al. 2022) on random features (McDonnell et al. 2023)."""

    algorithm: Literal["analytic"]
    features: int = Field(1024, ge=0, description="Number E of random features of the source; 0 = the source itself.")
    ridge: float = Field(1.0, gt=0, description="Ridge parameter of the regression.")


class SLDA(ClosedForm):
    """Streaming linear discriminant analysis (Hayes & Kanan 2020)."""

    algorithm: Literal["slda"]
    shrinkage: float = Field(1e-4, gt=0, le=1, description="Share of the identity in the covariance that is inverted.")


class Freeze(Method):
    """Freeze and Learn (Salvi et al. 2024): after the first task only some layers learn."""

    algorithm: Literal["freeze"]
    learn: list[str] = Field(
        default_factory=list,
        description="Parts of the detector that go on learning, by the start of their parameters' names, as hidden.0; "
        "none = its first layer.",
    )


class Projection(Method):
    """Keys of OWM, RAWM and RWM: which inputs are protected, and what is projected."""

    energy: float = Field(
        0.95, gt=0, le=1, description="Share of the energy of old inputs (trace of C) that is protected."
    )
    alpha: float = Field(1.0, gt=0, description="Ridge parameter of the recursive least squares projector.")
    statistics: Literal["samples", "batch_mean"] = Field(
        "samples", description="Protect every training input, or the mean input of each minibatch (as in the papers)."
    )
    accumulate: Literal["residual", "sum"] = Field(
        "residual",
        description="How the spectral projector protects several tasks: residual = add to the directions so far what "
        "each task needs, so that none loses protection; sum = directions of the summed statistics, as rls and paper.",
    )
    apply_to: Literal["step", "gradient"] = Field(
        "step", description="Project the optimizer's step, or the gradient before it (as in the released code)."
    )


class OWM(Projection):
    """Orthogonal Weights Modification (Zeng et al. 2019)."""

    algorithm: Literal["owm"]
    projector: Literal["spectral", "rls"] = Field(
        "spectral", description="Eigenvectors of the inputs, or recursive least squares."
    )


class GPM(Method):
    """Gradient Projection Memory (Saha et al. 2021)."""

    algorithm: Literal["gpm"]
    energy: float = Field(
        0.97, gt=0, le=1, description="Share of the energy of each task's inputs (trace of C) that is protected."
    )


class Regularized(Projection):
    """Keys of RAWM and RWM: how the two projectors are mixed, and distillation from the previous detector."""

    variant: Literal["spectral", "paper"] = Field("spectral", description="Our projectors, or the published formula.")
    rcond: float = Field(
        1e-3, gt=0, lt=1, description="variant paper: singular values of P below rcond x the largest count as 0."
    )
    scale: float = Field(1.0, ge=0, description="m: R = P + m beta Q. 0 is OWM; m beta = 1 is fine-tuning (spectral).")
    limit_gain: bool = Field(
        True, description="Use min(m beta, 1): a step is never larger than fine-tuning's. false = as in the papers."
    )
    eta: float = Field(0.5, ge=0, le=1, description="Share of the distillation in the loss; 0 = none.")
    temperature: float = Field(2.0, gt=0, description="Softmax temperature tau of the distillation.")


class RAWM(Regularized):
    """Regularized Adaptive Weight Modification (Zhang et al., ICML 2023)."""

    algorithm: Literal["rawm"]
    compact: list[str] = Field(["genuine"], min_length=1, description="Classes that are similar across tasks.")
    balance: Literal["batch", "task", "constant"] = Field(
        "batch", description="What beta is counted in: the minibatch or the task; constant = the value of `beta`."
    )
    beta: float = Field(1.0, ge=0, description="balance constant: the value of beta.")


class RWM(Regularized):
    """Radian Weight Modification (Zhang et al., AAAI 2024)."""

    algorithm: Literal["rwm"]
    compact: list[str] | Literal["measured"] = Field(
        ["genuine"], description="Classes that are similar across tasks, or `measured` = find them from the embeddings."
    )


class RegO(Method):
    """Region-Based Optimization (Chen et al. 2025)."""

    algorithm: Literal["rego"]
    alpha: float = Field(
        0.75, ge=0, lt=1, description="Quantile of the Fisher information above which a parameter counts as important."
    )
    gamma: float = Field(
        0.1,
        ge=0,
        description="A parameter is free again once its marks, each worth exp(-tasks ago / task number), sum up to no "
        "more than this; 0 = never.",
    )
    by_class: bool = Field(
        True, description="Find important parameters for genuine and for fake speech apart; false = for all together."
    )
    directions: Literal["regions", "orthogonal"] = Field(
        "regions", description="Let each region follow its own part of the gradient, or all the orthogonal part."
    )
    compact: list[str] = Field(["genuine"], min_length=1, description="Classes that are similar across tasks.")


MethodFile = Annotated[
    Finetune
    | Joint
    | Replay
    | DERpp
    | GDumb
    | GEM
    | AGEM
    | EWC
    | SI
    | MAS
    | LwF
    | DFWF
    | CWRStar
    | Analytic
    | SLDA
    | Freeze
    | OWM
    | GPM
    | RAWM
    | RWM
    | RegO,
    Field(discriminator="algorithm"),
]
