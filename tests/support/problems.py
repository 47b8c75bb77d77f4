"""Small learning problems for the methods: Gaussian classes whose means change with the task."""

from dataclasses import replace

import torch
from pydantic import TypeAdapter

from rawm.config.detectors import DetectorFile
from rawm.config.methods import MethodFile
from rawm.config.study import Training
from rawm.detectors import build as build_detector
from rawm.features.frames import Frames
from rawm.methods import METHODS
from rawm.methods import build as build_method
from rawm.methods.method import Task
from rawm.seeding import derive
from rawm.tasks.samples import Samples, concatenate
from rawm.training.loop import fit

CLASSES = ("fake", "genuine")
CPU = torch.device("cpu")

#: Every registered algorithm and further variants of its settings.
VARIANTS = {name: {"algorithm": name} for name in METHODS} | {
    "replay_reservoir": {"algorithm": "replay", "balance": "reservoir", "capacity": 20},
    "gdumb_small": {"algorithm": "gdumb", "capacity": 20},
    "ewc_online": {"algorithm": "ewc", "form": "online"},
    "ewc_model": {"algorithm": "ewc", "labels": "model"},
    "analytic_plain": {"algorithm": "analytic", "features": 0},
    "analytic_input": {"algorithm": "analytic", "source": "input", "features": 64},
    "slda_features": {"algorithm": "slda", "features": 40},
    "slda_input": {"algorithm": "slda", "source": "input"},
    "freeze_output": {"algorithm": "freeze", "learn": ["output"]},
    "owm_rls": {"algorithm": "owm", "projector": "rls"},
    "owm_batch_mean": {"algorithm": "owm", "statistics": "batch_mean"},
    "owm_gradient": {"algorithm": "owm", "apply_to": "gradient"},
    "rawm_paper": {"algorithm": "rawm", "variant": "paper", "statistics": "batch_mean"},
    "rawm_task": {"algorithm": "rawm", "balance": "task"},
    "rawm_constant": {"algorithm": "rawm", "balance": "constant", "beta": 0.5},
    "rwm_measured": {"algorithm": "rwm", "compact": "measured"},
    "owm_sum": {"algorithm": "owm", "accumulate": "sum"},
    "rawm_free": {"algorithm": "rawm", "limit_gain": False},
    "rego_orthogonal": {"algorithm": "rego", "directions": "orthogonal"},
    "rego_together": {"algorithm": "rego", "by_class": False},
    "rwm_paper": {"algorithm": "rwm", "variant": "paper"},
}

#: Variants that need a detector on one vector per utterance.
ON_VECTORS = ("analytic_input", "slda_input")

#: Settings under which a method must equal fine-tuning.
SWITCHED_OFF = {
    "replay": {"algorithm": "replay", "capacity": 0},
    "derpp": {"algorithm": "derpp", "capacity": 0},
    "derpp_weights": {"algorithm": "derpp", "a": 0, "b": 0},
    "gem": {"algorithm": "gem", "capacity": 0},
    "agem": {"algorithm": "agem", "capacity": 0},
    "ewc": {"algorithm": "ewc", "lambda": 0},
    "si": {"algorithm": "si", "c": 0},
    "mas": {"algorithm": "mas", "lambda": 0},
    "lwf": {"algorithm": "lwf", "lambda": 0},
    "dfwf": {"algorithm": "dfwf", "lambda": 0, "alpha": 0},
    "rawm": {"algorithm": "rawm", "scale": 1, "eta": 0, "balance": "constant", "beta": 1},
    "rawm_limited": {"algorithm": "rawm", "scale": 1000, "eta": 0},  # m beta is more than 1 in every minibatch
    "rwm_limited": {"algorithm": "rwm", "scale": 1000, "eta": 0},
    "rego": {"algorithm": "rego", "gamma": 1000},  # every mark is released
}


#: Small detectors of every kind, for frames.
DETECTORS = {
    "mlp": {"type": "mlp", "hidden": [16, 16]},
    "linear": {"type": "mlp", "hidden": []},
    "scnn": {"type": "scnn", "projection": 8, "channels": 12, "kernel": 3},
    "lcnn": {"type": "lcnn", "channels": 4, "recurrent_layers": 1, "embedding": 12, "dropout": 0.2},
    "aasist": {"type": "aasist", "projection": 9, "channels": [2, 6], "graph": [6, 6], "temperatures": [2, 2]},
}


def settings(**values):
    """The validated settings of a method file with these values."""
    return TypeAdapter(MethodFile).validate_python(values)


def gaussian_task(number, n=60, d=8, classes=2, frames=False, only=None):
    """Samples of Gaussian classes; each task has new class means, in a new random subspace of half the dimensions."""
    generator = torch.Generator().manual_seed(100 + number)
    basis = torch.linalg.qr(torch.randn(d, d, generator=generator))[0][: d // 2]
    means = 2 * torch.randn(classes, d // 2, generator=generator)
    labels = torch.arange(n) % classes if only is None else torch.full((n,), only)
    labels = labels[torch.randperm(n, generator=generator)]
    x = (means[labels] + 0.5 * torch.randn(n, d // 2, generator=generator)) @ basis
    ids = [f"task{number}_{row}" for row in range(n)]
    if not frames:
        return Samples(ids, labels, x)
    lengths = torch.randint(3, 20, (n,), generator=generator).tolist()
    frames = [x[i] + 0.1 * torch.randn(m, d, generator=generator) for i, m in enumerate(lengths)]
    return Samples(ids, labels, Frames.pack(frames))


def detector_for(samples, hidden=(16, 16), classes=2, seed=0, **values):
    """An untrained detector for some samples: an MLP, or that of the `values` of a detector file."""
    torch.manual_seed(derive(seed, "weights"))
    if values.setdefault("type", "mlp") == "mlp":
        values["hidden"] = list(hidden)
    chosen = TypeAdapter(DetectorFile).validate_python(values)
    detector = build_detector(chosen, samples.n_features, samples.pooled, classes)
    detector.standardise(*samples.mean_std())
    return detector


def method_for(values, classes=CLASSES):
    """The method of a dict of settings, without memory; without a class "genuine", the second class is compact."""
    chosen = settings(**values)
    if isinstance(getattr(chosen, "compact", None), list) and "genuine" not in classes:
        chosen = chosen.model_copy(update={"compact": [classes[1]]})
    return build_method(chosen, classes)


def train(detector, method, tasks, training=None, seed=0, numbers=None, batch_size=16):
    """Train on tasks one after another, as the pipeline does; `numbers` selects tasks (1, 2, ...)."""
    training = training or Training(epochs=2, batch_size=batch_size, learning_rate=0.01)
    for number in numbers or range(1, len(tasks) + 1):
        samples = concatenate(tasks[:number]) if method.uses_old_data else tasks[number - 1]
        samples = replace(samples, crop=training.crop_frames)
        task = Task(number, samples, training.batch_size, derive(seed, "task", number), CPU)
        fit(detector, method, task, training)
    return detector


def weights(detector):
    """Parameter name -> copy."""
    return {name: parameter.detach().clone() for name, parameter in detector.named_parameters()}


def assert_equal_weights(one, other):
    """Both have the same weights, bit for bit."""
    assert one.keys() == other.keys()
    for name in one:
        assert torch.equal(one[name], other[name]), name


def assert_every_layer_differs(one, other):
    """Every weight matrix differs."""
    for name in one:
        same = name in other and one[name].shape == other[name].shape
        if name.endswith("weight") and "norm" not in name and same:
            assert not torch.equal(one[name], other[name]), name
