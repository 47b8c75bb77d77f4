"""The measure of a study: equal error rate for fake and genuine speech, accuracy for other classes."""

from dataclasses import dataclass
from typing import Any


def direction(lower_is_better: bool) -> str:
    """ "lower" or "higher": which values are better."""
    return "lower" if lower_is_better else "higher"


@dataclass(frozen=True)
class Metric:
    """A scalar metric of a run: its key in metrics.json and its names in tables."""

    key: str
    title: str
    short: str
    lower_is_better: bool

    @property
    def header(self) -> str:
        return f"{self.title}, {direction(self.lower_is_better)} is better"


@dataclass(frozen=True)
class Measure:
    """A value in percent for each task after each task, and the names of the metrics derived from it.

    Attributes:
        name: name in keys and file names, e.g. average_eer.
        title: name in the middle of a sentence.
        unit: unit, with the chance level if it is always the same.
        worse, better: endings of the keys of differences.
        cells: names of the matrices `<cell>_matrix`; the first is the measure itself.
        extra: metrics of this measure only.
        note: explanation of `extra`.
    """

    name: str
    title: str
    unit: str
    lower_is_better: bool
    worse: str
    better: str
    cells: tuple[str, ...]
    extra: tuple[Metric, ...]
    note: str

    @property
    def direction(self) -> str:
        return direction(self.lower_is_better)

    @property
    def matrix(self) -> str:
        return f"{self.name}_matrix"

    @property
    def average(self) -> str:
        return f"average_{self.name}"

    @property
    def average_after_task(self) -> str:
        return f"average_{self.name}_after_task"

    @property
    def learning(self) -> str:
        return f"learning_{self.name}"

    @property
    def forgetting(self) -> str:
        return f"forgetting_{self.name}_{self.worse}"

    @property
    def backward_transfer(self) -> str:
        return f"backward_transfer_{self.name}_{self.better}"

    @property
    def forward_transfer(self) -> str:
        return f"forward_transfer_{self.name}_{self.better}"

    @property
    def area(self) -> str:
        """Key of the area under the learning curve."""
        return f"aulc_{self.name}"

    @property
    def dev(self) -> str:
        """Key of the measure on development data."""
        return f"dev_{self.name}"

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """All scalar metrics of a run, in the order in which they are shown."""
        return (
            Metric(self.average, f"Average {self.title} (%)", "Avg", self.lower_is_better),
            Metric(self.forgetting, f"Forgetting ({self.title} {self.worse}, points)", "Forgetting", True),
            Metric(self.backward_transfer, f"Backward transfer ({self.title} {self.better}, points)", "BWT", False),
            Metric(self.forward_transfer, f"Forward transfer ({self.title} {self.better}, points)", "FWT", False),
            Metric(self.learning, f"Learning {self.title} (%)", "Learning", self.lower_is_better),
            Metric(self.area, f"Area under the learning curve ({self.title}, %)", "AULC", self.lower_is_better),
            *self.extra,
        )

    def errors(self, values: Any) -> Any:
        """Convert values in percent to errors: 0 is best, and lower is better."""
        return values if self.lower_is_better else 100 - values


EER = Measure(
    "eer",
    "EER",
    "%, 50 = chance",
    lower_is_better=True,
    worse="increase",
    better="reduction",
    cells=("eer",),
    extra=(
        Metric("pooled_eer", "Pooled EER (%)", "Pooled", True),
        Metric("fixed_threshold_error", "Error at task 1's threshold (%)", "Fixed", True),
    ),
    note=(
        "Pooled = one threshold for all tasks. Fixed = mean of false rejections and false acceptances at the threshold "
        "that was set on the first task's development data right after it."
    ),
)
ACCURACY = Measure(
    "accuracy",
    "accuracy",
    "%",
    lower_is_better=False,
    worse="decrease",
    better="increase",
    cells=("accuracy", "recall"),
    extra=(
        Metric("average_recall", "Average recall (%)", "Recall", False),
        Metric("in_domain_accuracy", "In-domain accuracy (%)", "In-domain", False),
        Metric("next_domain_accuracy", "Next-domain accuracy (%)", "Next-domain", False),
        Metric("clear_backward_transfer", "CLEAR backward transfer (accuracy, %)", "CLEAR BWT", False),
        Metric("clear_forward_transfer", "CLEAR forward transfer (accuracy, %)", "CLEAR FWT", False),
    ),
    note=(
        "Recall = unweighted mean over classes. In-domain = mean over the diagonal of the matrix after training, "
        "next-domain = just above it, CLEAR backward and forward transfer = everywhere below and above it."
    ),
)
MEASURES = {measure.name: measure for measure in (EER, ACCURACY)}
