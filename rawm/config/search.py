"""Searches for hyper-parameters: `config/searches/*.yaml`."""

from typing import Any

from pydantic import Field, model_validator

from rawm.config.base import Model


class SearchFile(Model):
    """Which values of which methods are tried, on what, and how often."""

    title: str
    study: str = Field(description="Label of a study: its stream, front-end, detector and training values are used.")
    seeds: list[int] = Field(min_length=1, description="Seeds of every trial; none of them is one of the study's.")
    trials: int = Field(8, ge=1, description="At most so many trials a method: the whole grid, or a random part of it.")
    seed: int = Field(0, ge=0, description="Fixes which part of a larger grid is tried.")
    methods: dict[str, dict[str, list[Any]]] = Field(
        min_length=1,
        description="Method label -> key of its file (training.learning_rate for keys inside a section) -> values.",
    )

    @model_validator(mode="after")
    def _values(self) -> "SearchFile":
        for method, grid in self.methods.items():
            for key, values in grid.items():
                if not values:
                    raise ValueError(f"methods.{method}.{key} has no values; list at least one")
        return self
