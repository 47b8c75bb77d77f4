"""`make bench`: fine-tuning, EWC and LwF against Avalanche's Naive, EWC and LwF, on the same features and layers.

Perceptron 1024-512-512-512-512-2 as in the EVDA and RegO protocols, minibatches of 32, Adam, two tasks one after the
other, one thread. A time holds all that a method does: the steps of both tasks, and EWC's importance and LwF's old
outputs between them. Avalanche gets what makes it fast: tensors in memory, no metrics, no loggers, and in a row of its
own torch's fused Adam, which is what `rawm` takes. Each is as it stands: our EWC squares the gradient of every sample,
Avalanche's that of every minibatch, which is less work. Building of models and data sets is not timed. Rounds take
turns, so that a slow moment hits all alike; ratios are medians over rounds.

avalanche-lib is no dependency of `rawm`; without it this is skipped. Its wheel brings a package named `tests`, so that
benchmarks are run as files.
"""

import importlib.util
import time
import warnings
from collections.abc import Callable
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
import typer
from measured import Measured, report
from torch import nn

from rawm.config.detectors import MLP
from rawm.config.methods import EWC, Finetune, LwF
from rawm.config.study import Training
from rawm.detectors import build as build_detector
from rawm.methods import build as build_method
from rawm.methods.method import Task
from rawm.tasks.samples import Samples
from rawm.training.loop import fit

N, D, HIDDEN, BATCH, EPOCHS, LEARNING_RATE = 640, 1024, [512] * 4, 32, 5, 1e-5
ROUNDS, TASKS = 5, 2
SETTINGS = {
    "fine-tuning": Finetune(algorithm="finetune"),
    "EWC": EWC(algorithm="ewc", **{"lambda": 1.0}),
    "LwF": LwF(algorithm="lwf", **{"lambda": 1.0}, temperature=2.0),
}
PEERS = {
    "fine-tuning": ("Naive", {}),
    "EWC": ("EWC", {"ewc_lambda": 0.5}),
    "LwF": ("LwF", {"alpha": 1.0, "temperature": 2.0}),
}
ADAMS = {"default Adam": None, "fused Adam": True}
HINT = (
    "The comparison with Avalanche is skipped: avalanche-lib is not installed (.venv/bin/uv pip install -e '.[bench]')."
)


def ours(name: str, tasks: list[Samples]) -> float:
    """Seconds of both tasks in the pipeline's loop."""
    detector = build_detector(MLP(type="mlp", hidden=HIDDEN), D, True, 2)
    method = build_method(SETTINGS[name], ("fake", "genuine"))
    training = Training(epochs=EPOCHS, batch_size=BATCH, learning_rate=LEARNING_RATE)
    start = time.perf_counter()
    for number, samples in enumerate(tasks, 1):
        fit(detector, method, Task(number, samples, BATCH, 0, torch.device("cpu")), training)
    return time.perf_counter() - start


class Perceptron(nn.Module):
    """The same layers."""

    def __init__(self):
        super().__init__()
        layers = [part for a, b in pairwise([D, *HIDDEN]) for part in (nn.Linear(a, b), nn.ReLU())]
        self.layers = nn.Sequential(*layers, nn.Linear(HIDDEN[-1], 2))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layers(x)


def theirs(name: str, fused: bool | None, stream: Any) -> float:
    """Seconds of both tasks in Avalanche's loop."""
    from avalanche.training import supervised
    from avalanche.training.plugins import EvaluationPlugin

    strategy, values = PEERS[name]
    model = Perceptron()
    learner = getattr(supervised, strategy)(
        model=model,
        optimizer=torch.optim.Adam(model.parameters(), lr=LEARNING_RATE, fused=fused),
        criterion=nn.CrossEntropyLoss(),
        train_mb_size=BATCH,
        train_epochs=EPOCHS,
        evaluator=EvaluationPlugin(),
        **values,
    )
    start = time.perf_counter()
    for experience in stream:
        learner.train(experience)
    return time.perf_counter() - start


def jobs() -> dict[tuple[str, str], Callable[[], float]]:
    """(method, loop) -> a measurement."""
    from avalanche.benchmarks import tensors_benchmark

    tensors = [(torch.randn(N, D), torch.arange(N) % 2) for _ in range(TASKS)]
    tasks = [Samples([str(i) for i in range(N)], y, x) for x, y in tensors]
    stream = tensors_benchmark(train_tensors=tensors, test_tensors=tensors, task_labels=[0] * TASKS).train_stream
    found: dict[tuple[str, str], Callable[[], float]] = {}
    for name in SETTINGS:
        found[name, "rawm"] = partial(ours, name, tasks)
        for adam, fused in ADAMS.items():
            found[name, adam] = partial(theirs, name, fused, stream)
    return found


def measure() -> dict[tuple[str, str], np.ndarray]:
    """(method, loop) -> seconds of each round."""
    with warnings.catch_warnings(action="ignore"):
        runs = jobs()
        rounds = [{key: run() for key, run in runs.items()} for _ in range(ROUNDS + 1)]
    return {key: np.array([taken[key] for taken in rounds[1:]]) for key in runs}


def rows(taken: dict[tuple[str, str], np.ndarray]) -> list[Measured]:
    """Samples per second of each loop, and ours over Avalanche's; without values where nothing was measured."""
    found, samples = [], N * EPOCHS * TASKS
    for name in SETTINGS:
        own = taken.get((name, "rawm"))
        speed = None if own is None else float(np.median(samples / own))
        found.append(Measured(f"{name}: rawm, both tasks", speed, "samples/s"))
        for adam in ADAMS:
            peer = taken.get((name, adam))
            speed = None if peer is None else float(np.median(samples / peer))
            ratio = None if own is None or peer is None else float(np.median(peer / own))
            found.append(Measured(f"{name}: Avalanche {PEERS[name][0]}, {adam}", speed, "samples/s"))
            found.append(Measured(f"{name}: rawm over Avalanche {PEERS[name][0]}, {adam}", ratio, "", "> 1"))
    return found


def main(output: Path | None = None) -> None:
    """Measure, print and write samples per second, ratios and targets."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    installed = importlib.util.find_spec("avalanche") is not None
    if not installed:
        print(HINT)
    report("Methods against Avalanche, one thread", rows(measure() if installed else {}), output)


if __name__ == "__main__":
    typer.run(main)
