"""Small learning problems for the methods: Gaussian classes that move from task to task."""

import torch
from pydantic import TypeAdapter

from rawm.config import Training
from rawm.config.methods import MethodFile
from rawm.config.models import MLP
from rawm.detectors import build as build_detector
from rawm.methods import METHODS
from rawm.methods import build as build_method
from rawm.methods.method import Task
from rawm.samples import Samples, concatenate
from rawm.seeding import derive
from rawm.training import fit

CLASSES = ("fake", "genuine")
CPU = torch.device("cpu")

#: Every registered algorithm, and the variants that its file can ask for.
VARIANTS = {name: {"algorithm": name} for name in METHODS} | {
    "owm_rls": {"algorithm": "owm", "projector": "rls"},
    "owm_batch_mean": {"algorithm": "owm", "statistics": "batch_mean"},
    "owm_gradient": {"algorithm": "owm", "apply_to": "gradient"},
    "rawm_paper": {"algorithm": "rawm", "variant": "paper", "statistics": "batch_mean"},
    "rawm_task": {"algorithm": "rawm", "balance": "task"},
    "rawm_constant": {"algorithm": "rawm", "balance": "constant", "beta": 0.5},
    "rwm_measured": {"algorithm": "rwm", "compact": "measured"},
    "rwm_paper": {"algorithm": "rwm", "variant": "paper"},
}


def settings(**values):
    """The validated settings of a method file with these values."""
    return TypeAdapter(MethodFile).validate_python(values)


def gaussian_task(number, n=60, d=8, classes=2, frames=False, only=None):
    """Samples whose class means are drawn anew for each task and lie in a subspace that changes with it."""
    generator = torch.Generator().manual_seed(100 + number)
    basis = torch.linalg.qr(torch.randn(d, d, generator=generator))[0][: d // 2]
    means = 2 * torch.randn(classes, d // 2, generator=generator)
    labels = torch.arange(n) % classes if only is None else torch.full((n,), only)
    labels = labels[torch.randperm(n, generator=generator)]
    x = (means[labels] + 0.5 * torch.randn(n, d // 2, generator=generator)) @ basis
    ids = [f"task{number}_{row}" for row in range(n)]
    if not frames:
        return Samples(ids, labels, x)
    lengths = torch.randint(3, 9, (n,), generator=generator).tolist()
    return Samples(ids, labels, [x[i] + 0.1 * torch.randn(m, d, generator=generator) for i, m in enumerate(lengths)])


def detector_for(samples, hidden=(16, 16), classes=2, seed=0):
    """An untrained MLP for some samples."""
    torch.manual_seed(derive(seed, "weights"))
    detector = build_detector(MLP(type="mlp", hidden=list(hidden)), samples.n_features, samples.pooled, classes)
    detector.standardise(*samples.mean_std())
    return detector


def method_for(values, classes=CLASSES):
    """The method of a dict of settings, without memory."""
    return build_method(settings(**values), classes)


def train(detector, method, tasks, training=None, seed=0, numbers=None, batch_size=16):
    """Train on tasks one after another, as the pipeline does; `numbers` picks some of them (1, 2, ...)."""
    training = training or Training(epochs=2, batch_size=batch_size, learning_rate=0.01)
    for number in numbers or range(1, len(tasks) + 1):
        samples = concatenate(tasks[:number]) if method.uses_old_data else tasks[number - 1]
        task = Task(number, samples, training.batch_size, derive(seed, "task", number), CPU)
        fit(detector, method, task, training)
    return detector


def weights(detector):
    """Name -> a copy of each parameter."""
    return {name: parameter.detach().clone() for name, parameter in detector.named_parameters()}


def assert_equal_weights(one, other):
    """Bit for bit."""
    assert one.keys() == other.keys()
    for name in one:
        assert torch.equal(one[name], other[name]), name


def assert_every_layer_differs(one, other):
    """No weight matrix is the same."""
    for name in one:
        if name.endswith("weight"):
            assert not torch.equal(one[name], other[name]), name
