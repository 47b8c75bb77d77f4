"""Base of all configuration models."""

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict


class Model(BaseModel):
    """One section of a YAML file. Unknown keys are refused, and values cannot change after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


def _as_text(value: Any) -> Any:
    return str(value) if isinstance(value, bool | int | float) else value


#: A word of a table, which may look like a number: 1 is "1" and True is "True".
Word = Annotated[str, BeforeValidator(_as_text)]
