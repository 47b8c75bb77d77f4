"""What all configuration models share."""

from pydantic import BaseModel, ConfigDict


class Model(BaseModel):
    """One section of a YAML file: unknown keys are refused and values cannot change after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)
