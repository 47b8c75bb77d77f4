"""Base of all configuration models."""

from pydantic import BaseModel, ConfigDict


class Model(BaseModel):
    """One section of a YAML file. Unknown keys are refused, and values cannot change after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)
