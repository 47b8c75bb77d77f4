"""Studies and streams: `config/studies/*.yaml`, `config/streams/*.yaml` and `config/config.yaml`."""

from itertools import combinations
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from rawm.config.base import Model
from rawm.config.corpora import SPEECH_CLASSES
from rawm.config.labels import Label


class Training(Model):
    """How every task is trained. The section `training` of a method file replaces single values."""

    epochs: int = Field(30, ge=1, description="Passes over the training utterances of a task.")
    batch_size: int = Field(32, ge=1, description="Utterances in a minibatch.")
    optimizer: Literal["adam", "adamw", "sgd"] = Field(
        "adam", description="Optimizer; its state starts fresh at each task."
    )
    learning_rate: float = Field(1e-3, gt=0, description="Step size, the same throughout a task.")
    momentum: float = Field(0.0, ge=0, lt=1, description="Momentum of sgd; adam and adamw ignore it.")
    weight_decay: float = Field(0.0, ge=0, description="L2 penalty (adam, sgd) or decoupled decay (adamw).")
    class_weights: Literal["none", "balanced"] = Field(
        "none", description="Class weights in the cross-entropy; balanced = inverse class frequency."
    )
    checkpoint: Literal["last", "best_dev"] = Field(
        "last", description="Epoch whose weights are kept: the last, or the best on the task's development data."
    )
    crop_frames: int | None = Field(
        None,
        ge=1,
        description="Frames of an utterance in a training sample, from a random position each time; null = all. "
        "Whole utterances are scored.",
    )
    autocast: Literal["none", "bf16"] = Field("none", description="bf16 = train in bfloat16; weights stay float32.")


class TrainingOverride(Model):
    """Values that replace those of the study's `training` for one method; unset ones keep the study's value."""

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
    """One study: a detector, a stream, methods and seeds."""

    title: str = Field(description="Shown on figures and in MLflow.")
    description: str = Field("", description="The question of the study; shown in the report and in MLflow.")
    stream: Label = Field(description="Label of config/streams/<stream>.yaml.")
    frontend: Label = Field(description="Label of config/frontends/<frontend>.yaml.")
    detector: Label = Field(description="Label of config/detectors/<detector>.yaml.")
    augment: Label | None = Field(
        None,
        description="Label of config/augmentations/<augment>.yaml: changed copies are added to the training data of "
        "every task, never to development or evaluation data; null = none.",
    )
    methods: list[Label] = Field(min_length=1, description="Labels of config/methods/<method>.yaml.")
    seeds: list[int] = Field(
        min_length=1, description="Seeds; each fixes the weights, sample order and subsets of one run."
    )
    task_order: Literal["given", "shuffled"] = Field(
        "given",
        description="given = order of the stream; shuffled = each seed has its own order, the same for every method. "
        "Hyper-parameter searches use the order of the stream.",
    )
    training: Training = Field(Training(), description="How every task is trained.")
    equal_training: bool = Field(
        False,
        description="Train every method with the values of the study and ignore those in method files (as in papers).",
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
    """Part of a split that a task takes; the whole split without any key.

    A hash chooses the utterances, so the order on disk does not matter, and a larger part contains every smaller one.
    """

    genuine: int | None = Field(None, ge=0, description="Genuine utterances; null = all.")
    fake: int | None = Field(None, ge=0, description="Fake utterances; null = all.")
    per_class: int | None = Field(None, ge=1, description="Utterances of every class.")
    total: int | None = Field(
        None, ge=2, description="Utterances of all classes together, in the class ratio of the corpora."
    )
    fakes_per_genuine: float | None = Field(
        None, gt=0, description="Class ratio; without `total` as many utterances as it allows."
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


def _is_empty(value: Any) -> bool:
    """Leave a key out of a model's values, as if it did not exist, where nothing is in it."""
    return not value


class Task(Model):
    """One task of a stream: corpora, filters on manifest columns, and how many utterances."""

    name: str = Field(
        pattern=r"^[a-z0-9_]+$", max_length=64, description="Short name: lower case letters, digits, underscores."
    )
    title: str = Field("", description="Shown on figures; empty = the name.")
    corpora: list[Label] = Field(min_length=1, description="Labels of config/corpora/<corpus>.yaml.")
    where: dict[str, list[str]] = Field(
        default_factory=dict, description="Manifest column -> values to keep, e.g. attack: ['-', A01]."
    )
    share: dict[str, tuple[float, float]] = Field(
        default_factory=dict,
        exclude_if=_is_empty,
        description="Class -> part of its utterances, as an interval within 0..1, e.g. genuine: [0, 0.5]: tasks with "
        "intervals that do not overlap have no utterance of it in common. All of a class that is not named.",
    )
    train: Subset = Field(Subset(), description="Part of the training split.")
    dev: Subset = Field(Subset(), description="Part of the development split.")
    eval: Subset = Field(Subset(), description="Part of the evaluation split.")

    @model_validator(mode="after")
    def _intervals(self) -> "Task":
        for label, (low, high) in self.share.items():
            if not 0 <= low < high <= 1:
                raise ValueError(f"share.{label} is [{low:g}, {high:g}]; give two rising numbers within 0 and 1")
        return self


class StreamFile(Model):
    """Tasks, in the order in which the detector is trained on them."""

    title: str = Field(description="Name of the stream.")
    classes: Annotated[list[str], Field(min_length=2)] | Literal["attacks"] | None = Field(
        list(SPEECH_CLASSES),
        description="Classes in the order of their indices; null = the classes of the corpora, sorted; attacks = "
        "genuine speech and each attack, and the detector has outputs for those of the tasks so far. Streams with the "
        "classes fake and genuine are evaluated by equal error rate, others by accuracy.",
    )
    tasks: list[Task] = Field(min_length=1, description="Tasks in their order.")
    watch: list[Task] = Field(
        default_factory=list,
        exclude_if=_is_empty,
        description="As tasks, but never trained on: their evaluation data are scored after every task and shown "
        "apart. They have no train and dev.",
    )

    @model_validator(mode="after")
    def _consistent(self) -> "StreamFile":
        names = [task.name for task in [*self.tasks, *self.watch]]
        if len(set(names)) < len(names):
            raise ValueError("two tasks have the same name; give each its own")
        for task in self.watch:
            if {"train", "dev"} & task.model_fields_set:
                raise ValueError(f"watch: {task.name}: has train or dev, but is never trained on; leave them out")
        if self.watch and self.classes == "attacks":
            raise ValueError("watch: classes: attacks has no class for attacks of others; leave one of the two out")
        pairs = [*combinations(self.tasks, 2), *((task, watched) for watched in self.watch for task in self.tasks)]
        if problems := [problem for one, other in pairs if (problem := _overlap(one, other, other in self.watch))]:
            raise ValueError("; ".join(problems))
        return self


def _overlap(one: Task, other: Task, watched: bool) -> str | None:
    """What two tasks have in common and must not: a class that one of them shares out, or a corpus that is watched."""
    common = [name for name in one.corpora if name in other.corpora]
    columns = one.where.keys() & other.where.keys()
    if not common:
        return None
    if watched and all(set(one.where[column]) & set(other.where[column]) - {"-"} for column in columns):
        return f"watch: {other.name}: {common[0]} is trained on in task {one.name}; watch what no task has"
    for label in sorted(one.share.keys() | other.share.keys()):
        mine, theirs = (task.share.get(label, (0.0, 1.0)) for task in (one, other))
        ignored = set() if label == "genuine" else {"-"}
        met = all(set(one.where[column]) & set(other.where[column]) - ignored for column in columns)
        if met and mine[0] < theirs[1] and theirs[0] < mine[1]:
            return (
                f"share: tasks {one.name} and {other.name} both take {label} utterances of {common[0]} within "
                f"{max(mine[0], theirs[0]):g} and {min(mine[1], theirs[1]):g}; give them intervals that do not overlap"
            )
    return None


class Tracking(Model):
    """MLflow store to which finished runs are copied."""

    uri: str = Field("sqlite:///mlflow.db", description="MLflow tracking URI; MLFLOW_TRACKING_URI overrides it.")
    experiment: str | None = Field(None, description="Experiment name; null = rawm/<study>.")


class ModelChoice(Model):
    """The run whose detector leaves the study as a model."""

    method: Label | None = Field(None, description="Label of a method; null = the best on development data.")
    seed: int | None = Field(None, ge=0, description="Seed of the run; null = the best on development data.")


class MainFile(Model):
    """`config/config.yaml`: the study that a plain `snakemake` runs, and the MLflow store."""

    study: Label = Field(description="Label of config/studies/<study>.yaml.")
    device: str = Field("auto", pattern=r"^(auto|cpu|mps|cuda(:\d+)?)$", description="auto, cpu, cuda, cuda:N or mps.")
    shards: int = Field(
        1,
        ge=1,
        le=1000,
        description="Jobs that share the extraction of a corpus; a new number extracts everything again.",
    )
    tracking: Tracking = Field(Tracking(), description="MLflow store and experiment of finished runs.")
    model: ModelChoice = Field(ModelChoice(), description="Which detector becomes results/<study>/model/.")
