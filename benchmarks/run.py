"""`make bench`: ratios measured in one run, since absolute times depend on the machine.

Step time of every method over fine-tuning, on the perceptron of the RegO protocol (1024-512-512-512-512-2, minibatches
of 32) and on the linear head of CLEAR (2048-11, minibatches of 512); what a method needs to remember a task; the rule
released with RAWM; start-up of a training job; then every module of `MODULES`. One thread. `--output FILE` writes all
of it as JSON: first the ratios of step times, problem by problem; `measured`, every number with its target; `steps`,
the other columns of the step times; `machine`. tools/methods_table.py and tools/performance_table.py read it.
"""

import copy
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
import typer
from measured import Measured, read, report
from rich.console import Console
from rich.table import Table

from rawm.config.detectors import MLP
from rawm.config.study import Training
from rawm.detectors import build as build_detector
from rawm.detectors.detector import Detector
from rawm.files import write_json
from rawm.methods import METHODS
from rawm.methods.method import Method, Task
from rawm.methods.parts.projection import eigen, spectral
from rawm.progress import track
from rawm.tasks.samples import Samples
from rawm.training.loop import fit

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from support.problems import CPU, VARIANTS, method_for
from support.released import released_update

ROUNDS, STEPS, EPOCHS = 7, 20, 10  # steps of an epoch; epochs of the second task
STEP_TARGETS = dict.fromkeys(("owm", "rawm", "rwm"), "<= 1.3")
MODULES = ("frontends", "detection", "training", "peers", "protocols", "size")


class Problem(NamedTuple):
    """Two tasks of random features.

    Attributes:
        short: its name in `measured`.
        decay: the standard deviation of the features' i-th direction falls as i^-decay; 0 fills the whole space.
    """

    title: str
    short: str
    n_features: int
    hidden: list[int]
    n_classes: int
    batch_size: int
    decay: float

    def samples(self, number: int) -> Samples:
        """The training samples of a task."""
        generator = torch.Generator().manual_seed(number)
        n, d = STEPS * self.batch_size, self.n_features
        basis = torch.linalg.qr(torch.randn(d, d, generator=torch.Generator().manual_seed(0)))[0]
        x = torch.randn(n, d, generator=generator) * torch.arange(1, d + 1) ** -self.decay @ basis
        return Samples([str(i) for i in range(n)], torch.arange(n) % self.n_classes, x)


PERCEPTRON = Problem("perceptron 1024-512-512-512-512-2, minibatches of 32", "perceptron", 1024, [512] * 4, 2, 32, 1.0)
FULL = PERCEPTRON._replace(
    title="the same, on features that fill the whole space", short="perceptron, full space", decay=0.0
)
HEAD = Problem("linear head 2048-11, minibatches of 512", "linear head", 2048, [], 11, 512, 1.0)
PROJECTING = [name for name, values in VARIANTS.items() if values["algorithm"] in ("owm", "rawm", "rwm")]


class Timing(NamedTuple):
    """What a method takes.

    Attributes:
        step: seconds a step of task 2, median over rounds; None without steps.
        ratio: the same over fine-tuning, median over the ratios of each round.
        remember: seconds to remember task 1.
        kept: numbers kept of it.
        rank: the largest of its projectors.
    """

    step: float | None
    ratio: float | None
    remember: float
    kept: int
    rank: int | None


class Learned:
    """A detector that has learned task 1 by a method, to be trained on task 2 again and again."""

    def __init__(self, problem: Problem, variant: str):
        torch.manual_seed(0)
        self._problem = problem
        self._detector = build_detector(
            MLP(type="mlp", hidden=problem.hidden), problem.n_features, True, problem.n_classes
        )
        classes = ("fake", "genuine", *map(str, range(2, problem.n_classes)))
        self._method = method_for(VARIANTS[variant], classes)
        self._train(self._detector, self._method, 1, 1)

    def _train(self, detector: Detector, method: Method, number: int, epochs: int) -> float | None:
        """Seconds a step of a task, with what comes before it: the old detector's outputs."""
        problem, end_task = self._problem, method.end_task
        task = Task(number, problem.samples(number), problem.batch_size, 0, CPU)

        def timed(*arguments):
            before = time.perf_counter()
            end_task(*arguments)
            self.remember = time.perf_counter() - before

        method.end_task = timed if number == 1 else lambda *_: None
        start = time.perf_counter()
        history = fit(detector, method, task, Training(epochs=epochs, batch_size=problem.batch_size))
        seconds = time.perf_counter() - start
        del method.end_task
        return seconds / history[-1]["step"] if method.samples(task) is not None else None

    def step(self) -> float | None:
        """Seconds a step of task 2."""
        return self._train(*copy.deepcopy((self._detector, self._method)), 2, EPOCHS)

    def timing(self, steps: list[float | None], base: list[float]) -> Timing:
        """What was measured, with the steps of each round and fine-tuning's."""
        state = self._method.state()
        ranks = [value.shape[1] for name, value in state.items() if name.endswith("basis")]
        kept = sum(value.numel() for value in state.values())
        known = (None, None) if None in steps else (float(np.median(steps)), float(np.median(np.divide(steps, base))))
        return Timing(*known, self.remember, kept, max(ranks, default=None))


def measure(problem: Problem, variants: list[str]) -> dict[str, Timing]:
    """Rounds in which every method takes its turn, so that a slow moment hits all alike."""
    learned = {variant: Learned(problem, variant) for variant in track(variants, f"{problem.title}: task 1")}
    steps = {variant: [] for variant in variants}
    for variant in track(variants * ROUNDS, f"{problem.title}: task 2"):
        steps[variant].append(learned[variant].step())
    return {variant: learned[variant].timing(steps[variant], steps["finetune"]) for variant in variants}


def shown(problem: Problem, timings: dict[str, Timing]) -> Table:
    """A row a method."""
    table = Table(title=f"Step time, {problem.title}")
    columns = ("method", "ms a step", "over fine-tuning", "target", "ms to remember a task", "numbers kept", "rank")
    for column in columns:
        table.add_column(column, justify="left" if column == "method" else "right", no_wrap=column == "method")
    for variant, timing in timings.items():
        step = ("-", "-") if timing.step is None else (f"{1e3 * timing.step:.2f}", f"{timing.ratio:.2f}")
        rank = "" if timing.rank is None else str(timing.rank)
        target = STEP_TARGETS.get(variant, "")
        table.add_row(variant, *step, target, f"{1e3 * timing.remember:.0f}", f"{timing.kept:,}", rank)
    return table


def released_over_ours(d: int = 1024) -> tuple[float, float]:
    """Seconds that the released rule and ours add to a step of one layer (512 x d), minibatches of 32."""
    x, update = torch.randn(32, d), torch.randn(512, d)
    p = torch.eye(d)
    start = time.perf_counter()
    released_update(p, x.mean(0), update, 1.0, 1.0)
    released = time.perf_counter() - start
    samples = PERCEPTRON.samples(1).features
    projector = spectral(*eigen(samples.T @ samples), 0.97).to(update)
    start = time.perf_counter()
    for _ in range(100):
        projector.apply(update, 0.5)
    return released, (time.perf_counter() - start) / 100


def build_seconds(d: int = 2048) -> float:
    """Seconds to make a projector from C (d, d)."""
    x = torch.randn(2 * d, d, dtype=torch.float64)
    c = x.T @ x
    start = time.perf_counter()
    spectral(*eigen(c), 0.99)
    return time.perf_counter() - start


def start_seconds(code: str) -> float:
    """Median seconds of a new process that runs some code."""
    taken = []
    for _ in range(3):
        start = time.perf_counter()
        subprocess.run([sys.executable, "-c", code], check=True)
        taken.append(time.perf_counter() - start)
    return float(np.median(taken))


def machine() -> dict[str, str | int]:
    """What all of it was measured on."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "cpu": names[0] if names else platform.processor() or platform.machine(),
        "cores": os.cpu_count() or 1,
        "memory_gib": round(memory),
        "python": platform.python_version(),
        "torch": torch.__version__,
    }


def step_rows(problem: Problem, ratios: dict[str, float]) -> list[Measured]:
    """The step times that have a target."""
    return [
        Measured(f"{problem.short}: step of {name} over fine-tuning", ratios[name], "", target)
        for name, target in STEP_TARGETS.items()
    ]


def other_rows() -> list[Measured]:
    """The released rule against ours, a projector's making, and the start of a training job."""
    released, ours = released_over_ours()
    optimizer = "import torch; from rawm.training.eager import skip_compiler; {} torch.optim.Adam([torch.zeros(1)])"
    with_compiler = start_seconds(optimizer.format(""))
    without = start_seconds(optimizer.format("skip_compiler();"))
    return [
        Measured("released RAWM rule: added to a step of one layer of 1024 inputs", 1e3 * released, "ms"),
        Measured("rawm: added to the same step", 1e3 * ours, "ms"),
        Measured("released rule over rawm, added time", released / ours, "", ">= 100"),
        Measured("projector of 2048 inputs", build_seconds(), "s", "< 3"),
        Measured("start of a training job", without, "s"),
        Measured("start of a training job over what torch takes by itself", without / with_compiler),
    ]


def main(output: Path | None = None) -> None:
    """Measure, print and write everything."""
    torch.set_num_threads(1)
    results, steps, rows = {}, {}, []
    for problem, variants in ((PERCEPTRON, list(VARIANTS)), (FULL, ["finetune", *PROJECTING]), (HEAD, list(METHODS))):
        timings = measure(problem, variants)
        Console().print(shown(problem, timings))
        ratios = {name: t.ratio for name, t in timings.items() if t.ratio is not None}
        results[problem.title] = ratios
        steps[problem.title] = {name: t._asdict() for name, t in timings.items()}
        rows += step_rows(problem, ratios)
    others = other_rows()
    report("Projectors and start-up, one thread", others)
    records = [row.record() for row in [*rows, *others]]
    with tempfile.TemporaryDirectory() as folder:
        for module in MODULES:
            path = Path(folder) / f"{module}.json"
            script = Path(__file__).with_name(f"{module}.py")
            subprocess.run([sys.executable, str(script), "--output", str(path)], check=True)
            records += read(path)
    if output:
        write_json(output, results | {"measured": records, "steps": steps, "machine": machine()})


if __name__ == "__main__":
    typer.run(main)
