"""Spectra of the inputs that a projection method protects, read from a run's memories."""

import re
from typing import Any, NamedTuple

import numpy as np

from rawm.runs.run import Run


class Spectrum(NamedTuple):
    """Input spectrum and protected rank of one layer.

    Attributes:
        eigenvalues: (d,) of the accumulated input statistics C, largest first.
        rank: how many leading directions are protected; None where the projector has no sharp rank (rls, paper).
    """

    eigenvalues: np.ndarray
    rank: int | None


def spectra(run: Run) -> list[dict[str, Spectrum]]:
    """Layer -> spectrum after task 1, 2, ..., layers in the order of the network; empty where nothing is stored."""
    tasks = []
    for number in run.numbers:
        with run.open_memory(number) as memory:
            tasks.append(_spectra(memory))
    return tasks if any(tasks) else []


def _spectra(memory: Any) -> dict[str, Spectrum]:
    suffix = ".eigenvalues"
    layers = sorted((name.removesuffix(suffix) for name in memory.keys() if name.endswith(suffix)), key=natural_order)  # noqa: SIM118
    taken = {layer: memory.get_tensor(f"{layer}.taken") for layer in layers}
    ranks = {layer: len(values) if (values == 1).all() else None for layer, values in taken.items()}
    return {layer: Spectrum(memory.get_tensor(layer + suffix), ranks[layer]) for layer in layers}


def natural_order(name: str) -> list[tuple[bool, int, str]]:
    """Sorting key with which layer 10 comes after layer 2."""
    return [
        (not part.isdigit(), int(part) if part.isdigit() else 0, part) for part in re.split(r"(\d+)|\.", name) if part
    ]
