"""Searches for hyper-parameters: `config/searches/*.yaml`."""

from typing import Any

from pydantic import Field, model_validator

from rawm.config.base import Model


class SearchFile(Model):
    """Values of methods to try, the study to try them on, and the number of trials."""

    title: str = Field(description="Name of the search.")
    study: str = Field(description="Label of a study; its stream, front-end, detector and training values are used.")
    seeds: list[int] = Field(min_length=1, description="Seeds of every trial; none may be a seed of the study.")
    trials: int = Field(8, ge=1, description="Most trials per method; a larger grid is sampled at random.")
    seed: int = Field(0, ge=0, description="Seed that samples a larger grid.")
    methods: dict[str, dict[str, list[Any]]] = Field(
        min_length=1,
        description="Method label -> key of its file (a key in a section as training.learning_rate) -> values to try.",
    )

    @model_validator(mode="after")
    def _values(self) -> "SearchFile":
        for method, grid in self.methods.items():
            for key, values in grid.items():
                if not values:
                    raise ValueError(f"methods.{method}.{key} has no values; list at least one")
        return self
