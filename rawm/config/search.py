"""Searches for hyper-parameters: `config/searches/*.yaml`."""

from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag, model_validator

from rawm.config.base import Model
from rawm.config.labels import Label

Choices = Annotated[list[Any], Field(min_length=1)]


class Range(Model):
    """Numbers between two ends; whole numbers where both ends are."""

    low: int | float = Field(description="Least value.")
    high: int | float = Field(description="Largest value.")
    scale: Literal["linear", "log", "log_complement"] = Field(
        "linear", description="Scale to draw on; log_complement = 1 - value on a logarithmic scale, for shares near 1."
    )

    @model_validator(mode="after")
    def _ends(self) -> "Range":
        if not self.low < self.high:
            raise ValueError(f"low is {self.low} and high {self.high}; low must be smaller")
        if self.scale == "log" and self.low <= 0:
            raise ValueError(f"low is {self.low}; scale log needs more than 0")
        if self.scale == "log_complement" and self.high >= 1:
            raise ValueError(f"high is {self.high}; scale log_complement needs less than 1")
        return self


def _form(value: Any) -> str:
    if isinstance(value, list):
        return "choices"
    by = "by" in value if isinstance(value, dict) else hasattr(value, "by")
    return "cases" if by else "range"


Plain = Annotated[Annotated[Choices, Tag("choices")] | Annotated[Range, Tag("range")], Discriminator(_form)]


class Cases(Model):
    """Values to try that depend on the value of another key; the key is left out where that value has no case."""

    by: str = Field(description="The other key, of the same method and drawn before.")
    cases: dict[str, Plain] = Field(min_length=1, description="Its value -> a list of values, or a range.")


Space = Annotated[
    Annotated[Choices, Tag("choices")] | Annotated[Range, Tag("range")] | Annotated[Cases, Tag("cases")],
    Discriminator(_form),
]


class SearchFile(Model):
    """Values of methods to try, the study to try them on, and the number of trials."""

    title: str = Field(description="Name of the search.")
    study: Label = Field(description="Label of a study; its stream, front-end, detector and training values are used.")
    seeds: list[int] = Field(min_length=1, description="Seeds of every trial; none may be a seed of the study.")
    trials: int = Field(40, ge=1, description="Trials of every method.")
    seed: int = Field(0, ge=0, description="Seed of the sampler.")
    everywhere: dict[str, Space] = Field(
        default_factory=dict,
        description="Key of a method's file (a key in a section as training.learning_rate) -> a list of values, a "
        "range, or cases; for every method that does not set the key to null.",
    )
    methods: dict[Label, dict[str, Space | None]] = Field(
        min_length=1, description="Method label -> its own keys, as in `everywhere`; null = do not search this key."
    )
