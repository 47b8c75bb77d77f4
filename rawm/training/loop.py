"""The one training loop: one task, any method, any detector."""

import json
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch

from rawm import paths
from rawm.config.study import Training
from rawm.detectors import build as build_detector
from rawm.detectors import checkpoint
from rawm.detectors.detector import Detector
from rawm.detectors.scoring import measured, outputs
from rawm.errors import UserError
from rawm.files import atomic
from rawm.methods import build as build_method
from rawm.methods.method import Method, Task
from rawm.metrics.measure import EER, Measure
from rawm.progress import track
from rawm.seeding import derive
from rawm.study import Study
from rawm.tasks.loading import load_split
from rawm.tasks.samples import Samples, concatenate


class Diverged(UserError):
    """Training has made weights that are not finite."""


def fit(
    detector: Detector,
    method: Method,
    task: Task,
    training: Training,
    dev: Samples | None = None,
    epochs: Callable = range,
    measure: Measure = EER,
) -> list[dict]:
    """Train `detector` on one task, in place, and let `method` remember it.

    Args:
        dev: the current task's development samples, for the curve and for `checkpoint: best_dev`.
        epochs: gives the epochs to run, e.g. a progress bar around `range`.
        measure: what the development samples are judged by.

    Returns:
        One record an epoch, or one in all where the method needs no epochs: epoch, step, loss (mean over minibatches),
        dev_eer or dev_accuracy (percent or None), seconds, time.

    Raises:
        Diverged: weights are not finite any more.
    """
    torch.manual_seed(derive(task.seed, "training"))
    order = torch.Generator().manual_seed(derive(task.seed, "order"))
    detector.to(task.device).requires_grad_(True).train()
    method.begin_task(detector, task)
    samples = method.samples(task)
    optimizer = make_optimizer(detector, training)
    criterion = torch.nn.CrossEntropyLoss(weight=class_weights(samples or task.train, training, detector))
    samples = samples and samples.resident(task.device)
    precision = torch.autocast(task.device.type, torch.bfloat16, enabled=training.autocast == "bf16")
    history, step, best = [], 0, (float("inf"), None)
    for epoch in epochs(training.epochs if samples is not None else 0):
        started, losses = time.time(), []
        for batch in samples.batches(task.batch_size, order):
            batch = batch.to(task.device)
            optimizer.zero_grad(set_to_none=True)
            with precision:
                output = detector(batch.features, batch.lengths)
                loss = method.loss(detector, batch, output, criterion(output.logits, batch.labels))
            loss.backward()
            method.step(detector, optimizer, batch, output)
            losses.append(loss.detach())
        _require_finite(detector, task.number, epoch + 1)
        step += len(losses)
        value = measured(detector, dev, task.device, measure)
        loss = float(torch.stack(losses).mean())
        history.append({"epoch": epoch + 1, "step": step, "loss": loss, measure.dev: value, **_clock(started)})
        if training.checkpoint == "best_dev" and value is not None and measure.errors(value) < best[0]:
            best = (measure.errors(value), {name: value.clone() for name, value in detector.state_dict().items()})
    if best[1] is not None:
        detector.load_state_dict(best[1])
    started = time.time()
    method.end_task(detector, task)
    if samples is None:
        loss = float(criterion(outputs(detector, task.train, task.device).logits, task.train.labels.to(task.device)))
        value = measured(detector, dev, task.device, measure)
        history.append({"epoch": 1, "step": 1, "loss": loss, measure.dev: value, **_clock(started)})
    return history


def _clock(started: float) -> dict[str, float]:
    """What of a record is about time."""
    return {"seconds": round(time.time() - started, 4), "time": time.time()}


def _require_finite(detector: Detector, task: int, epoch: int) -> None:
    if not all(bool(parameter.isfinite().all()) for parameter in detector.parameters()):
        raise Diverged(
            f"task {task}, epoch {epoch}: training diverged, weights are not finite any more; lower "
            "training.learning_rate in the method's file or the study's"
        )


def make_optimizer(detector: Detector, training: Training) -> torch.optim.Optimizer:
    """A fresh optimizer over the parameters that are not frozen."""
    parameters = [p for p in detector.parameters() if p.requires_grad]
    common = {"lr": training.learning_rate, "weight_decay": training.weight_decay, "fused": True}
    if training.optimizer == "sgd":
        return torch.optim.SGD(parameters, momentum=training.momentum, **common)
    return {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[training.optimizer](parameters, **common)


def class_weights(samples: Samples, training: Training, detector: Detector) -> torch.Tensor | None:
    """(classes,) inverse class frequencies with mean 1 over the samples; None where classes are not weighted."""
    if training.class_weights == "none":
        return None
    counts = torch.bincount(samples.labels, minlength=detector.output.out_features).float()
    weights = len(samples) / (counts.clamp_min(1) * (counts > 0).sum())
    return weights.to(detector.output.weight.device)


def untrained(study: Study, seed: int, first: Samples) -> Detector:
    """The detector before any task: weights from the seed, standardisation from the first task's training samples."""
    torch.manual_seed(derive(seed, "weights"))
    detector = build_detector(study.detector, first.n_features, first.pooled, len(study.classes))
    detector.standardise(*first.mean_std())
    return detector


def task_of(study: Study, method: Method, training: Training, seed: int, number: int, device: torch.device) -> Task:
    """Task `number` of a run, with the training samples that its method may see."""
    numbers = range(1, number + 1) if method.uses_old_data else [number]
    train = concatenate([load_split(study, n, "train", seed) for n in numbers])
    train = replace(train, crop=training.crop_frames)
    return Task(number, train, training.batch_size, derive(seed, "task", number), device)


def train_task(study: Study, method: str, seed: int, number: int, device: torch.device) -> None:
    """Train task `number` of one run from the files of the task before, and write its own.

    Writes detector.safetensors, memory.safetensors and history.jsonl under `paths.task(...)`.
    """
    learner = build_method(study.methods[method], study.classes)
    training = study.training(method)
    task = task_of(study, learner, training, seed, number, device)
    if number == 1:
        detector = untrained(study, seed, task.train)
    else:
        detector, _ = checkpoint.load_detector(paths.detector(study.name, method, seed, number - 1))
        learner.load(checkpoint.load(paths.memory(study.name, method, seed, number - 1))[0])
    title = f"{study.name} {method} seed {seed} task {number}/{len(study.tasks)}"
    history = fit(
        detector,
        learner,
        task,
        training,
        dev=load_split(study, number, "dev", seed),
        epochs=lambda n: track(range(n), title, n),
        measure=study.measure,
    )
    header = {"study": study.name, "method": method, "seed": str(seed), "task": str(number)}
    header["frontend"] = study.frontend.model_dump_json()
    shape = checkpoint.describe(study.detector, task.train.n_features, task.train.pooled, study.classes)
    checkpoint.save_detector(paths.detector(study.name, method, seed, number), detector, header | shape)
    checkpoint.save(paths.memory(study.name, method, seed, number), learner.state(), header)
    _write_history(paths.history(study.name, method, seed, number), number, history)


def _write_history(path: Path, number: int, history: list[dict]) -> None:
    with atomic(path) as temporary:
        temporary.write_text("".join(json.dumps({"task": number} | record) + "\n" for record in history))


def choose_device(name: str) -> torch.device:
    """`auto` takes a CUDA or Apple GPU where there is one; anything else is torch's own name."""
    if name != "auto":
        return torch.device(name)
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
