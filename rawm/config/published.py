"""Numbers printed in papers: `config/published/*.yaml`."""

from typing import Literal

from pydantic import Field, model_validator

from rawm.config.base import Model
from rawm.config.labels import Label


class Column(Model):
    """One column of a printed table, and which of our numbers belongs there."""

    title: str = Field(description="Title as printed.")
    task: int | None = Field(None, ge=1, description="Number of the task whose value the column has.")
    metric: Literal["average", "forgetting", "pooled"] | None = Field(
        None, description="Number over all tasks. Neither task nor metric = our runs have no such number."
    )

    @model_validator(mode="after")
    def _one(self) -> "Column":
        if self.task is not None and self.metric is not None:
            raise ValueError("give either task or metric; they exclude each other")
        return self


class Row(Model):
    """One method of a printed table, or one point of a figure."""

    method: str = Field(description="Name as printed, or a name of ours if nothing is printed.")
    ours: Label | None = Field(None, description="Label of a file in config/methods/; null = no such method here.")
    ours_in_stand_in: Label | None = Field(None, description="Label in the stand-in study, if it differs.")
    study: Label | None = Field(None, description="Study of this row, if it is not the table's.")
    stand_in: Label | None = Field(None, description="Stand-in study of this row, if it is not the table's.")
    after: int | None = Field(None, ge=1, description="Number of the task after which it is measured; null = the last.")
    curve: str = Field("", description="Curve of the drawing to which the row belongs.")
    x: float | None = Field(None, description="Position on the x axis of the drawing.")
    values: list[float | None] = Field(
        default_factory=list, description="Printed numbers, one per column; empty = not known."
    )


class Drawing(Model):
    """How our numbers are drawn."""

    kind: Literal["sweep", "ablation"] = Field(
        description="sweep = curves over `x` of the rows; ablation = bars, each beside that of `reference`."
    )
    x: str = Field("", description="Label of a sweep's x axis.")
    log: bool = Field(False, description="Whether the x axis is logarithmic.")
    reference: str = Field("", description="Method with which the others of an ablation are compared.")
    columns: list[str] = Field(["Average"], min_length=1, description="Columns that a sweep shows.")


class PublishedFile(Model):
    """A table or figure of a paper: its known numbers, and the studies with ours.

    If every column is a task, a column Average is added: the mean of a row.
    """

    title: str = Field(description="Title of our table or figure.")
    kind: Literal["table", "figure"] = Field(description="What it is in the paper.")
    paper: str = Field(description="Authors, venue and arXiv number or DOI.")
    where: str = Field(description="Number of the table or figure, or what it shows if that is not known.")
    source: str = Field(description="Where the numbers were read, or why there are none.")
    reliability: str = Field(description="How far the numbers can be trusted, and why.")
    measure: str = Field("EER", description="What is printed, in percent.")
    study: Label | None = Field(None, description="Our study with the paper's protocol; null = none.")
    stand_in: Label | None = Field(
        None, description="Study on open data that runs if the corpora of `study` are not on disk; null = none."
    )
    comparable: bool = Field(description="Whether our study has the paper's protocol.")
    differences: list[str] = Field(
        default_factory=list, description="Known reasons why numbers differ, one sentence each."
    )
    columns: list[Column] = Field(min_length=1, description="Columns with numbers, as printed.")
    rows: list[Row] = Field(min_length=1, description="Rows, as printed.")
    drawing: Drawing | None = Field(None, description="How our numbers are drawn; null = not at all.")

    @model_validator(mode="after")
    def _shape(self) -> "PublishedFile":
        wrong = [row for row in self.rows if row.values and len(row.values) != len(self.columns)]
        if wrong:
            raise ValueError(
                f"rows: {wrong[0].method} has {len(wrong[0].values)} values; {len(self.columns)} are needed, one for "
                "each of columns, or none"
            )
        if not self.comparable and self.study and not self.differences:
            raise ValueError("differences: say why the study is not comparable")
        return self
