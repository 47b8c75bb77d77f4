"""What every benchmark of `make bench` gives: numbers beside their targets, on the screen and as JSON."""

import json
import operator
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from rich.console import Console
from rich.table import Table

from rawm.files import write_json

SIGNS = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}


class Measured(NamedTuple):
    """One number.

    Attributes:
        what: its name, in no other benchmark.
        value: None where it was not measured.
        unit: "" for a ratio.
        target: a sign and a bound, "<= 1.3"; "" without one.
    """

    what: str
    value: float | None
    unit: str = ""
    target: str = ""

    @property
    def shown(self) -> str:
        """The value in about three digits with its unit; "-" without one."""
        if self.value is None:
            return "-"
        size = abs(self.value)
        digits = 0 if size >= 100 else 1 if size >= 10 else 2 if size >= 0.1 else 3
        return f"{self.value:,.{digits}f} {self.unit}".strip()

    @property
    def met(self) -> bool | None:
        """Whether the target is reached; None without a value or a target."""
        if self.value is None or not self.target:
            return None
        sign, bound = self.target.split()
        return bool(SIGNS[sign](self.value, float(bound)))

    def record(self) -> dict:
        """As it is written."""
        return self._asdict() | {"shown": self.shown, "met": self.met}


def report(title: str, rows: Sequence[Measured], output: Path | None = None) -> None:
    """Print a table of what was measured, and write all of it."""
    measured = [row for row in rows if row.value is not None]
    table = Table(title=title)
    for column in ("what", "measured", "target", "met"):
        table.add_column(column, justify="left" if column == "what" else "right")
    for row in measured:
        table.add_row(row.what, row.shown, row.target, {None: "", True: "yes", False: "[red]no[/]"}[row.met])
    if measured:
        Console().print(table)
    if output:
        write_json(output, [row.record() for row in rows])


def read(path: Path) -> list[dict]:
    """The records that `report` wrote."""
    return json.loads(path.read_text(encoding="utf-8"))
