"""Train one task of one run."""

import re
import sys
from dataclasses import replace

import torch

from rawm.config.shown import shown
from rawm.config.study import Training
from rawm.detectors import build as build_detector
from rawm.detectors import checkpoint
from rawm.detectors.detector import Detector
from rawm.errors import UserError
from rawm.methods import build as build_method
from rawm.methods.method import Method, Task
from rawm.progress import track
from rawm.runs.run import Run
from rawm.seeding import derive
from rawm.study import Study
from rawm.tasks.loading import load_split
from rawm.tasks.samples import Samples, concatenate
from rawm.training.loop import fit

LARGE = 20.0  # standard deviations of the first task
SHOWN = 10  # features that a warning names


def train_task(run: Run, number: int, device: torch.device) -> None:
    """Train task 1, 2, ... of a run from the files of the task before, and write its own."""
    study = run.study
    classes = study.classes_after(number)
    method = build_method(study.methods[run.method], classes)
    training = study.training(run.method)
    task = task_of(study, number, run.seed, method, training, device)
    if number == 1:
        detector = untrained(study, run.seed, task.train)
    else:
        detector = run.detector(number - 1)
        extend(detector, study, number, run.seed)
        method.load(run.memory(number - 1))
        restandardise(detector, task)
    title = f"{study.name} {run} task {number}/{len(study.tasks)}"
    history = fit(
        detector,
        method,
        task,
        training,
        dev=load_split(study, number, "dev", run.seed),
        epochs=lambda n: track(range(n), title, n),
        measure=study.measure,
    )
    description = checkpoint.describe(study.detector, task.train.n_features, task.train.pooled, classes)
    run.write_task(number, detector, method.state(), history, description)


def task_of(study: Study, number: int, seed: int, learner: Method, training: Training, device: torch.device) -> Task:
    """Task 1, 2, ... of a run, with the training samples that its method may see.

    Args:
        learner: the method of the run.
    """
    numbers = range(1, number + 1) if learner.uses_old_data else [number]
    train = concatenate([load_split(study, n, "train", seed) for n in numbers])
    train = replace(train, crop=training.crop_frames)
    return Task(number, train, training.batch_size, derive(seed, "task", number), device)


def untrained(study: Study, seed: int, first: Samples) -> Detector:
    """The detector before any task: weights from the seed, standardisation from the first task's training samples."""
    torch.manual_seed(derive(seed, "weights"))
    detector = build_detector(study.detector, first.n_features, first.pooled, len(study.classes_after(1)))
    detector.standardise(*first.mean_std())
    return detector


def restandardise(detector: Detector, task: Task) -> None:
    """Before a later task: take its mean and deviation where standardisation is `per_task`, else warn of large inputs.

    An input is large where the root mean square of a standardised feature over the task is more than `LARGE`; such a
    feature hardly varied in the first task, e.g. a band that its recordings do not have.
    """
    mean, std = task.train.mean_std()
    if detector.standardisation == "per_task":
        detector.standardise(mean, std)
    size = ((mean - detector.input_mean).square() + std.square()).sqrt() / detector.input_std
    large = (size > LARGE).nonzero().flatten().tolist()
    if large and detector.standardisation != "clipped":
        print(f"warning: {_large_inputs_message(task.number, large, float(size.max()))}", file=sys.stderr)


def _large_inputs_message(number: int, features: list[int], most: float) -> str:
    """The message about features that a later task has far from the first one's."""
    others = f" and {len(features) - SHOWN} others" if len(features) > SHOWN else ""
    named = ", ".join(map(str, features[:SHOWN])) + others
    return (
        f"task {number}: features {named} (counted from 0) lie far from what the first task has, {most:.0f} of its "
        "standard deviations (root mean square): it hardly varies there, e.g. has less bandwidth, and training on such "
        "inputs may fail; try `standardisation: clipped` in the detector's file"
    )


def extend(detector: Detector, study: Study, number: int, seed: int) -> None:
    """Give the detector of the task before an output for each class that is new in this task, with weights of the seed.

    A detector that has all classes of the task stays as it is.
    """
    size = len(study.classes_after(number))
    if size > detector.output.out_features:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(derive(seed, "outputs", number))
            detector.extend(size)


def choose_device(name: str) -> torch.device:
    """Choose a device.

    Args:
        name: cpu, cuda, cuda:N or mps; auto = a CUDA or Apple GPU where there is one, else the CPU.

    Raises:
        UserError: it is another name, or there is no such device.
    """
    gpus, has_mps = torch.cuda.device_count(), torch.backends.mps.is_available()
    if name == "auto":
        return torch.device("cuda" if gpus else "mps" if has_mps else "cpu")
    if not re.fullmatch(r"cpu|mps|cuda(:\d{1,3})?", name, re.ASCII):
        raise UserError(f"device {shown(name)}: is unknown; use auto, cpu, cuda, cuda:N or mps")
    if name == "mps" and not has_mps:
        raise UserError("device mps: torch finds no Apple GPU; use cpu, or auto")
    if name.startswith("cuda") and int(name.partition(":")[2] or 0) >= gpus:
        there = f"cuda:0 to cuda:{gpus - 1}" if gpus else "no CUDA GPU"
        raise UserError(f"device {name}: torch finds {there}; use {'one of them' if gpus else 'cpu'}, or auto")
    return torch.device(name)
