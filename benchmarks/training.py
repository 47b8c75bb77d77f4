"""`make bench`: samples per second of fine-tuning on the EVDA protocol against a plain loop on tensors in memory.

Perceptron 1024-512-512-512-512-2, minibatches of 32, Adam. The plain loop is what one would write by hand: the same
layers on the same features, without our standardisation, with torch's default Adam and with its fused one. One thread.
Rounds take turns, so that a slow moment hits all alike.
"""

import time
from collections.abc import Callable
from functools import partial
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
import typer
from measured import Measured, report
from torch import Tensor, nn

from rawm.config.detectors import MLP
from rawm.config.methods import Finetune as Settings
from rawm.config.study import Training
from rawm.detectors import build
from rawm.methods.finetune import Finetune
from rawm.methods.method import Task
from rawm.tasks.samples import Samples
from rawm.training.loop import fit

N, D, HIDDEN, BATCH, ROUNDS = 3200, 1024, [512] * 4, 32, 7
TARGETS = {"default Adam": ">= 1.5", "fused Adam": ">= 0.9"}


def plain(x: Tensor, y: Tensor, fused: bool | None) -> None:
    """One epoch, written by hand."""
    widths = [D, *HIDDEN]
    layers = [part for a, b in pairwise(widths) for part in (nn.Linear(a, b), nn.ReLU())]
    model = nn.Sequential(*layers, nn.Linear(widths[-1], 2))
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-5, fused=fused)
    criterion = nn.CrossEntropyLoss()
    for rows in torch.randperm(len(x)).split(BATCH):
        optimizer.zero_grad()
        criterion(model(x[rows]), y[rows]).backward()
        optimizer.step()


def ours(task: Task, training: Training) -> None:
    """One epoch of the pipeline's loop."""
    detector = build(MLP(type="mlp", hidden=HIDDEN), D, True, 2)
    fit(detector, Finetune(Settings(algorithm="finetune"), ("fake", "genuine")), task, training)


def seconds(run: Callable[[], None]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def main(output: Path | None = None) -> None:
    """Measure, print and write samples per second, ratios and targets."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    x, y = torch.randn(N, D), torch.arange(N) % 2
    task = Task(1, Samples([str(i) for i in range(N)], y, x), BATCH, 0, torch.device("cpu"))
    loops = {
        "rawm": partial(ours, task, Training(epochs=1, batch_size=BATCH, learning_rate=1e-5)),
        "default Adam": partial(plain, x, y, None),
        "fused Adam": partial(plain, x, y, True),
    }
    for run in loops.values():
        run()
    taken = {name: [] for name in loops}
    for _ in range(ROUNDS):
        for name, run in loops.items():
            taken[name].append(seconds(run))
    own = np.array(taken["rawm"])
    rows = [Measured("fine-tuning: rawm", N / np.median(own), "samples/s")]
    for name, target in TARGETS.items():
        times = np.array(taken[name])
        rows.append(Measured(f"fine-tuning: plain loop, {name}", N / np.median(times), "samples/s"))
        rows.append(Measured(f"fine-tuning: rawm over a plain loop, {name}", np.median(times / own), "", target))
    report("Fine-tuning on the EVDA protocol, one thread", rows, output)


if __name__ == "__main__":
    typer.run(main)
