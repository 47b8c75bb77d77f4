"""`make bench`: ratios measured in one run, since absolute times depend on the machine.

Step time of every method over fine-tuning (EVDA's detector sizes on 1024-dimensional features, minibatches of 32), time
to build projectors, LFCC extraction over real time, and start-up of a training job. One thread.
"""

import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from rich.table import Table

from rawm.config.models import LFCC, MLP
from rawm.config.study import Training
from rawm.detectors import build as build_detector
from rawm.methods.method import Task
from rawm.samples import Samples
from rawm.training import fit

sys.path.insert(0, str(Path(__file__).parent / "methods"))
from problems import CLASSES, CPU, VARIANTS, method_for

D, N, BATCH, ROUNDS = 1024, 640, 32, 5


def random_task(number: int) -> Samples:
    """Features that fill a third of the space, as real ones do at most."""
    generator = torch.Generator().manual_seed(number)
    x = torch.randn(N, D // 3, generator=generator) @ torch.randn(D // 3, D, generator=generator) / D**0.5
    return Samples([str(i) for i in range(N)], torch.arange(N) % 2, x)


def second_task_seconds(variant: str) -> tuple[float, float]:
    """Seconds a step of task 2, and seconds to remember task 1 (projectors)."""
    torch.manual_seed(0)
    detector = build_detector(MLP(type="mlp", hidden=[512] * 4), D, True, len(CLASSES))
    method = method_for(VARIANTS[variant])
    training = Training(epochs=1, batch_size=BATCH)
    tasks = [Task(number, random_task(number), BATCH, 0, CPU) for number in (1, 2)]
    end_task, took = method.end_task, []

    def timed(*arguments):
        start = time.perf_counter()
        end_task(*arguments)
        took.append(time.perf_counter() - start)

    method.end_task = timed
    fit(detector, method, tasks[0], training)
    history = fit(detector, method, tasks[1], training)
    return history[0]["seconds"] / history[0]["step"], took[0]


def methods_table() -> Table:
    """Medians over rounds in which every method takes its turn, so that a slow moment hits all alike."""
    times = {variant: [] for variant in VARIANTS}
    for _ in range(ROUNDS):
        for variant in VARIANTS:
            times[variant].append(second_task_seconds(variant))
    table = Table(title=f"Step time, {D}-512-512-512-512-2, minibatches of {BATCH}")
    for column in ("method", "ms a step", "over fine-tuning", "ms to remember a task"):
        table.add_column(column, justify="left" if column == "method" else "right")
    base = np.median([step for step, _ in times["finetune"]])
    for variant, pairs in times.items():
        step, end = np.median(pairs, axis=0)
        table.add_row(variant, f"{1e3 * step:.2f}", f"{step / base:.2f}", f"{1e3 * end:.0f}")
    return table


def lfcc_over_real_time() -> float:
    """Seconds of audio a second, FLAC decoding included."""
    from rawm import audio, frontends

    frontend = frontends.build(LFCC(type="lfcc", pooling="mean_std"))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "noise.flac"
        audio.save_flac(path, 0.1 * np.random.default_rng(0).standard_normal(4 * 16000).astype(np.float32), 16000)
        frontend(torch.from_numpy(audio.load(path, 16000)))
        start = time.perf_counter()
        for _ in range(100):
            frontend(torch.from_numpy(audio.load(path, 16000)))
        return 400 / (time.perf_counter() - start)


def start_seconds(code: str) -> float:
    """Median seconds of a new process that runs some code."""
    taken = []
    for _ in range(3):
        start = time.perf_counter()
        subprocess.run([sys.executable, "-c", code], check=True)
        taken.append(time.perf_counter() - start)
    return float(np.median(taken))


def main() -> None:
    torch.set_num_threads(1)
    console = Console()
    console.print(methods_table())
    console.print(f"LFCC with deltas, FLAC decoding included: {lfcc_over_real_time():.0f} times real time on one core")
    optimizer = "import torch; from rawm.eager import skip_compiler; {} torch.optim.Adam([torch.zeros(1)])"
    with_compiler = start_seconds(optimizer.format(""))
    without = start_seconds(optimizer.format("skip_compiler();"))
    console.print(
        f"Start of a training job: {without:.1f} s, {without / with_compiler:.2f} of what torch takes by itself"
    )


if __name__ == "__main__":
    main()
