"""Studies and streams: `config/studies/*.yaml`, `config/streams/*.yaml` and `config/config.yaml`."""

from typing import Literal

from pydantic import Field, model_validator

from rawm.config.base import Model
from rawm.config.corpora import SPEECH_CLASSES


class Training(Model):
    """How every task is trained. A method file may override single values in its own `training:` section."""

    epochs: int = Field(30, ge=1, description="Passes over the task's training utterances.")
    batch_size: int = Field(32, ge=1, description="Utterances in a minibatch.")
    optimizer: Literal["adam", "adamw", "sgd"] = Field("adam", description="Its state starts fresh at each task.")
    learning_rate: float = Field(1e-3, gt=0, description="Step size, constant over the task.")
    momentum: float = Field(0.0, ge=0, lt=1, description="Momentum of sgd; the others ignore it.")
    weight_decay: float = Field(0.0, ge=0, description="L2 penalty (adam, sgd) or decoupled decay (adamw).")
    class_weights: Literal["none", "balanced"] = Field(
        "none", description="Weights of the classes in the cross-entropy; balanced = inverse class frequency."
    )
    checkpoint: Literal["last", "best_dev"] = Field(
        "last", description="Weights kept after a task: of the last epoch, or of the epoch that is best on dev data."
    )
    crop_frames: int | None = Field(
        None,
        ge=1,
        description="Frames that training takes of a longer utterance, from a random place each time; null = all. "
        "Scores are of whole utterances.",
    )
    autocast: Literal["none", "bf16"] = Field(
        "none", description="bf16 computes the detector in bfloat16 while it trains; weights stay float32."
    )


class TrainingOverride(Model):
    """Values that a method needs different from the study's `training:`; unset ones keep the study's value."""

    epochs: int | None = Field(None, ge=1)
    batch_size: int | None = Field(None, ge=1)
    optimizer: Literal["adam", "adamw", "sgd"] | None = None
    learning_rate: float | None = Field(None, gt=0)
    momentum: float | None = Field(None, ge=0, lt=1)
    weight_decay: float | None = Field(None, ge=0)
    class_weights: Literal["none", "balanced"] | None = None
    checkpoint: Literal["last", "best_dev"] | None = None
    crop_frames: int | None = Field(None, ge=1)
    autocast: Literal["none", "bf16"] | None = None


class StudyFile(Model):
    """One study: which detector meets which stream, by which methods, with which seeds."""

    title: str = Field(description="Shown on figures and in MLflow.")
    description: str = Field("", description="What the study asks; shown in the report and in MLflow.")
    stream: str = Field(description="Label of config/streams/<stream>.yaml.")
    frontend: str = Field(description="Label of config/frontends/<frontend>.yaml.")
    detector: str = Field(description="Label of config/detectors/<detector>.yaml.")
    methods: list[str] = Field(min_length=1, description="Labels of config/methods/<method>.yaml.")
    seeds: list[int] = Field(min_length=1, description="Each seed fixes weights, sample order and subsets of one run.")
    task_order: Literal["given", "shuffled"] = Field(
        "given",
        description="given = the stream's; shuffled = each seed has an order of its own, the same for every method. "
        "Searches for hyper-parameters keep the stream's.",
    )
    training: Training = Field(Training(), description="How every task is trained.")
    equal_training: bool = Field(
        False, description="Every method trains with these values; those in method files are not used (as in papers)."
    )

    @model_validator(mode="after")
    def _unique(self) -> "StudyFile":
        for key in ("methods", "seeds"):
            values = getattr(self, key)
            if len(set(values)) < len(values):
                raise ValueError(f"{key} lists a value twice; each may appear once")
        if min(self.seeds) < 0:
            raise ValueError("seeds must be 0 or larger")
        return self


class Subset(Model):
    """Which part of a split a task takes, chosen by hash: whatever the order on disk; larger parts hold smaller ones.

    Without any key it takes everything.
    """

    genuine: int | None = Field(None, ge=0, description="Genuine utterances; null = all.")
    fake: int | None = Field(None, ge=0, description="Fake utterances; null = all.")
    per_class: int | None = Field(None, ge=1, description="Utterances of every class.")
    total: int | None = Field(None, ge=2, description="Utterances in all, in the corpora's own class ratio.")
    fakes_per_genuine: float | None = Field(
        None, gt=0, description="Class ratio; with `total` that many in all, else as many as this ratio allows."
    )

    @model_validator(mode="after")
    def _one_way(self) -> "Subset":
        ways = [
            self.genuine is not None or self.fake is not None,
            self.per_class is not None,
            self.total is not None or self.fakes_per_genuine is not None,
        ]
        if sum(ways) > 1:
            raise ValueError(
                "give either genuine and fake, or per_class, or total and fakes_per_genuine; they exclude each other"
            )
        return self


class Task(Model):
    """One task of a stream: corpora, filters on manifest columns, and subset sizes."""

    name: str = Field(pattern=r"^[a-z0-9_]+$", description="Short name: lower case letters, digits, underscores.")
    title: str = Field("", description="Shown on figures; the name where empty.")
    corpora: list[str] = Field(min_length=1, description="Labels of config/corpora/<corpus>.yaml.")
    where: dict[str, list[str]] = Field(
        default_factory=dict, description="Manifest column -> values kept, e.g. attack: ['-', A01]."
    )
    train: Subset = Subset()
    dev: Subset = Subset()
    eval: Subset = Subset()


class StreamFile(Model):
    """Tasks in the order in which the detector meets them."""

    title: str
    classes: list[str] | None = Field(
        list(SPEECH_CLASSES),
        min_length=2,
        description="Classes in the order of their indices; null = those of the corpora, sorted. Two classes fake and "
        "genuine are judged by equal error rate, others by accuracy.",
    )
    tasks: list[Task] = Field(min_length=1)

    @model_validator(mode="after")
    def _unique(self) -> "StreamFile":
        names = [task.name for task in self.tasks]
        if len(set(names)) < len(names):
            raise ValueError("two tasks have the same name; give each its own")
        return self


class Tracking(Model):
    """Where runs are mirrored to."""

    uri: str = Field("sqlite:///mlflow.db", description="MLflow tracking URI; MLFLOW_TRACKING_URI overrides it.")
    experiment: str | None = Field(None, description="Experiment name; null = rawm/<study>.")


class MainFile(Model):
    """`config/config.yaml`: what a plain `snakemake` runs and where it reports to."""

    study: str = Field(description="Label of config/studies/<study>.yaml.")
    device: str = Field("auto", pattern=r"^(auto|cpu|mps|cuda(:\d+)?)$", description="auto, cpu, cuda, cuda:N or mps.")
    shards: int = Field(
        1, ge=1, le=1000, description="Jobs that share the extraction of a corpus; another number extracts again."
    )
    tracking: Tracking = Tracking()
