"""The one training loop: one task, any method, any detector."""

import time
from collections.abc import Callable

import torch

from rawm.config.study import Training
from rawm.detectors.detector import Detector
from rawm.detectors.scoring import measured, outputs
from rawm.errors import Diverged
from rawm.methods.method import Method, Task
from rawm.metrics.measure import EER, Measure
from rawm.seeding import derive
from rawm.tasks.samples import Samples


def fit(
    detector: Detector,
    method: Method,
    task: Task,
    training: Training,
    dev: Samples | None = None,
    epochs: Callable = range,
    measure: Measure = EER,
) -> list[dict]:
    """Train `detector` on one task, in place, with the method's five moments.

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
    data = task.train if samples is None else samples
    criterion = torch.nn.CrossEntropyLoss(weight=class_weights(data, training, detector))
    if samples is not None:
        data = samples.resident(task.device)
    precision = torch.autocast(task.device.type, torch.bfloat16, enabled=training.autocast == "bf16")
    history, step, best, least = [], 0, None, float("inf")
    for epoch in epochs(0 if samples is None else training.epochs):
        started, losses = time.monotonic(), []
        for batch in data.batches(task.batch_size, order):
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
        if training.checkpoint == "best_dev" and value is not None and measure.errors(value) < least:
            least = measure.errors(value)
            best = {name: tensor.clone() for name, tensor in detector.state_dict().items()}, method.integrals()
    if best is not None:
        detector.load_state_dict(best[0])
        method.restore(best[1])
    started = time.monotonic()
    method.end_task(detector, task)
    if samples is None:
        loss = float(criterion(outputs(detector, task.train, task.device).logits, task.train.labels.to(task.device)))
        value = measured(detector, dev, task.device, measure)
        history.append({"epoch": 1, "step": 1, "loss": loss, measure.dev: value, **_clock(started)})
    return history


def _clock(started: float) -> dict[str, float]:
    """Time fields of a history record; the seconds do not depend on the clock being right."""
    return {"seconds": round(time.monotonic() - started, 4), "time": time.time()}


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
