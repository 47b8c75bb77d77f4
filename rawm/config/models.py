"""Detectors: `config/detectors/*.yaml`."""

from typing import Annotated, Literal

from pydantic import Field

from rawm.config.base import Model


class MLP(Model):
    """Multi-layer perceptron on pooled features; frame features are pooled to mean and std over time first."""

    type: Literal["mlp"]
    hidden: list[int] = Field([512, 512, 512, 512], description="Widths of the hidden layers; [] is a linear detector.")


DetectorFile = MLP
Split = Annotated[str, Field(pattern=r"^(train|dev|eval)$")]
