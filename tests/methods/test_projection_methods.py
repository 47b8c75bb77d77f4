"""OWM, RAWM and RWM: what is protected, and the methods they equal at extreme settings."""

import math
from dataclasses import replace
from functools import partial

import pytest
import torch
from support.problems import (
    CPU,
    DETECTORS,
    assert_equal_weights,
    assert_every_layer_differs,
    detector_for,
    gaussian_task,
    method_for,
    train,
    weights,
)
from torch import nn

from rawm.config.study import Training
from rawm.features.frames import Frames
from rawm.methods import METHODS
from rawm.methods.method import Task
from rawm.methods.parts.class_ratio import class_ratio
from rawm.methods.parts.projected_layers import layer_inputs, matrix, protectable
from rawm.methods.rwm import radian_ratio
from rawm.training.loop import fit

#: Algorithms with a projector whose directions accumulate.
PROTECTING = [name for name in METHODS if "energy" in type(method_for({"algorithm": name}).settings).model_fields]

TASKS = [gaussian_task(number) for number in (1, 2, 3)]


def fully_protecting(algorithm):
    """The settings under which nothing along directions of old inputs may change."""
    values = {"algorithm": algorithm, "energy": 1.0}
    return values | {"scale": 0, "eta": 0} if algorithm in ("rawm", "rwm") else values


def trained(values, hidden=(16, 16), tasks=TASKS, **training):
    training = Training(**{"epochs": 2, "batch_size": 16, "learning_rate": 0.01} | training)
    return train(detector_for(tasks[0], hidden), method_for(values), tasks, training)


@pytest.mark.parametrize(
    "training",
    [
        {"optimizer": "adam"},
        {"optimizer": "adam", "weight_decay": 0.1},
        {"optimizer": "adamw", "weight_decay": 0.1},
        {"optimizer": "sgd", "momentum": 0.9, "learning_rate": 0.05},
    ],
)
@pytest.mark.parametrize("algorithm", PROTECTING)
def test_a_linear_detector_keeps_every_old_logit_exactly(algorithm, training):
    if algorithm == "gpm" and (training["optimizer"] != "sgd" or training.get("weight_decay")):
        pytest.skip("projects the gradient, which only SGD without weight decay follows")
    tasks = [gaussian_task(number, n=50, d=24) for number in (1, 2)]  # task 1 lies in 12 of 24 dimensions
    detector, method = detector_for(tasks[0], hidden=()), method_for(fully_protecting(algorithm))
    training = Training(**{"epochs": 10, "batch_size": 16, "learning_rate": 0.01} | training)
    train(detector, method, tasks, training, numbers=[1])
    old, new = (detector(t.features).logits.detach() for t in tasks)
    train(detector, method, tasks, training, numbers=[2])
    torch.testing.assert_close(detector(tasks[0].features).logits, old, atol=1e-5, rtol=0)
    assert (detector(tasks[1].features).logits - new).abs().max() > 0.1  # and yet it learned


@pytest.mark.parametrize("training", [{"optimizer": "adam"}, {"optimizer": "sgd", "momentum": 0.9}])
def test_rounding_does_not_add_up_over_thousands_of_steps(training):
    tasks = [gaussian_task(number, n=50, d=24) for number in (1, 2)]
    detector, method = detector_for(tasks[0], hidden=()), method_for({"algorithm": "owm", "energy": 1.0})
    train(detector, method, tasks, Training(epochs=10, batch_size=16, learning_rate=0.01), numbers=[1])
    old = detector(tasks[0].features).logits.detach()
    train(detector, method, tasks, Training(epochs=1000, batch_size=16, learning_rate=0.01, **training), numbers=[2])
    torch.testing.assert_close(detector(tasks[0].features).logits, old, atol=5e-6, rtol=0)


def test_fine_tuning_changes_old_logits():
    tasks = [gaussian_task(number, n=50, d=24) for number in (1, 2)]
    detector, method = detector_for(tasks[0], hidden=()), method_for({"algorithm": "finetune"})
    train(detector, method, tasks, numbers=[1])
    old = detector(tasks[0].features).logits.detach()
    train(detector, method, tasks, numbers=[2])
    assert (detector(tasks[0].features).logits - old).abs().max() > 0.1


@pytest.mark.parametrize("algorithm", PROTECTING)
def test_in_an_mlp_the_first_step_keeps_each_layers_output_on_its_old_inputs(algorithm):
    tasks = [gaussian_task(number, n=12, d=24) for number in (1, 2)]  # fewer samples than widths: room to move
    detector, method = detector_for(tasks[0], hidden=(32, 32)), method_for(fully_protecting(algorithm))
    train(detector, method, tasks, numbers=[1])
    seen = {}
    layers = {name: layer for name, layer in detector.named_modules() if isinstance(layer, nn.Linear)}
    hooks = [
        layer.register_forward_hook(lambda _, args, out, name=name: seen.update({name: (args[0], out)}))
        for name, layer in layers.items()
    ]
    detector(tasks[0].features)
    for hook in hooks:
        hook.remove()
    before = weights(detector)
    step = Training(epochs=1, batch_size=12, learning_rate=0.01, optimizer="sgd" if algorithm == "gpm" else "adam")
    fit(detector, method, Task(2, tasks[1], 12, 0, CPU), step)
    assert_every_layer_differs(before, weights(detector))
    for name, (x, out) in seen.items():
        torch.testing.assert_close(layers[name](x), out, atol=1e-5, rtol=0)


@pytest.mark.parametrize("algorithm", ["rawm", "rwm"])
@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
def test_with_scale_0_rawm_and_rwm_are_owm_bit_for_bit(algorithm, optimizer):
    protecting = trained({"algorithm": algorithm, "scale": 0, "eta": 0, "energy": 0.95}, optimizer=optimizer)
    owm = trained({"algorithm": "owm", "energy": 0.95}, optimizer=optimizer)
    assert_equal_weights(weights(protecting), weights(owm))


@pytest.mark.parametrize("beta_of", ["rawm", "rwm"])
def test_the_gain_is_scale_times_beta(beta_of):
    """Along the protected directions a step of plain SGD is m beta times that of fine-tuning, elsewhere equal."""
    batch = gaussian_task(2, n=16)
    batch.labels[:] = torch.arange(16) % 4 == 0
    sgd = Training(epochs=1, batch_size=16, learning_rate=0.01, optimizer="sgd", momentum=0)
    moved, bases = {}, {}
    for algorithm, values in {"finetune": {}, beta_of: {"eta": 0, "scale": 0.3}}.items():
        detector, method = detector_for(TASKS[0], hidden=()), method_for({"algorithm": algorithm, **values})
        train(detector, method, TASKS[:1])
        before = matrix(detector.output.weight, detector.output.bias).detach().clone()
        logits, bases[algorithm] = detector(batch.features).logits, method.state().get("output.basis")
        train(detector, method, [TASKS[0], batch], sgd, numbers=[2])
        moved[algorithm] = (matrix(detector.output.weight, detector.output.bias).detach() - before).double()
    genuine = torch.tensor([False, True])
    beta = class_ratio(batch.labels, genuine) if beta_of == "rawm" else radian_ratio(logits, batch.labels, genuine)
    basis = bases[beta_of]
    assert 0 < basis.shape[1] < len(basis) and abs(beta - 1) > 0.1
    inside = basis @ basis.T
    expected = moved["finetune"] @ (torch.eye(len(basis)).double() - inside + 0.3 * beta * inside)
    torch.testing.assert_close(moved[beta_of], expected, atol=1e-6, rtol=1e-3)


@pytest.mark.parametrize("algorithm", ["rawm", "rwm"])
def test_the_loss_shares_out_cross_entropy_and_distillation(algorithm):
    method, detector = method_for({"algorithm": algorithm, "eta": 0.3, "temperature": 2}), detector_for(TASKS[0])
    train(detector, method, TASKS[:1])
    method.begin_task(detector, Task(2, TASKS[1], 16, 0, CPU))
    batch = TASKS[1].batch(torch.arange(10))
    old = torch.softmax(detector(batch.features).logits.detach() / 2, dim=1)
    with torch.no_grad():
        detector.output.weight += 0.5
    output = detector(batch.features)
    distillation = -(old * torch.log_softmax(output.logits / 2, dim=1)).sum(1).mean()
    loss = method.loss(detector, batch, output, torch.tensor(3.0))
    torch.testing.assert_close(loss, 0.7 * 3 + 0.3 * distillation)


def test_beta_is_counted_in_the_minibatch_or_the_task_or_constant():
    samples = gaussian_task(1, n=20)
    samples.labels[:] = torch.arange(20) < 4
    batch = samples.batch(torch.arange(10))
    for values, beta in (({}, 5 / 7), ({"balance": "task"}, 5 / 17), ({"balance": "constant", "beta": 0.4}, 0.4)):
        method = method_for({"algorithm": "rawm", **values})
        method.begin_task(detector_for(samples), Task(1, samples, 10, 0, CPU))
        assert method.beta(batch) == pytest.approx(beta)


def test_gpm_is_owm_on_the_gradient_bit_for_bit():
    gpm = trained({"algorithm": "gpm", "energy": 0.95}, optimizer="sgd")
    owm = trained({"algorithm": "owm", "energy": 0.95, "apply_to": "gradient"}, optimizer="sgd")
    assert_equal_weights(weights(gpm), weights(owm))


def test_projecting_the_gradient_or_the_step_is_the_same_for_plain_sgd():
    gradient = trained({"algorithm": "owm", "apply_to": "gradient"}, optimizer="sgd")
    step = trained({"algorithm": "owm", "apply_to": "step"}, optimizer="sgd")
    for name, value in weights(step).items():
        torch.testing.assert_close(value, weights(gradient)[name], atol=1e-5, rtol=1e-5)


def test_the_first_task_is_plain_training():
    for values in ({"algorithm": "owm"}, {"algorithm": "rawm"}, {"algorithm": "rwm"}, {"algorithm": "lwf"}):
        finetune = trained({"algorithm": "finetune"}, tasks=TASKS[:1])
        assert_equal_weights(weights(trained(values, tasks=TASKS[:1])), weights(finetune))


def test_class_ratio_counts_with_one_added():
    genuine = torch.tensor([False, True])
    assert class_ratio(torch.tensor([1, 0, 0, 0]), genuine) == 2 / 4
    assert class_ratio(torch.tensor([0, 0]), genuine) == 1 / 3
    assert class_ratio(torch.tensor([1, 1]), genuine) == 3
    many = torch.tensor([True, False, True])
    assert class_ratio(torch.tensor([0, 1, 2, 2]), many) == 4 / 2


def released_radian_ratio(logits, labels, compact):
    """beta, one sample after another: a softmax over the minibatch of each sample's logit of its own class."""
    own = [float(logits[i, label]) for i, label in enumerate(labels.tolist())]
    total = sum(math.exp(value) for value in own)
    theta = math.pi / 4
    for value, label in zip(own, labels.tolist(), strict=True):
        theta += (0.5 if compact[label] else -0.5) * math.asin(math.exp(value) / total)
    return math.tan(theta)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("classes", [2, 5])
def test_radian_ratio_is_an_independent_loop(seed, classes):
    generator = torch.Generator().manual_seed(seed)
    logits, labels = torch.randn(32, classes, generator=generator), torch.randint(classes, (32,), generator=generator)
    compact = torch.arange(classes) % 2 == 1
    assert radian_ratio(logits, labels, compact) == pytest.approx(released_radian_ratio(logits, labels, compact))


def test_radian_ratio_is_1_for_balanced_groups_of_equal_confidence():
    logits = torch.tensor([[2.0, 0.0], [0.0, 2.0]])
    assert radian_ratio(logits, torch.tensor([0, 1]), torch.tensor([False, True])) == pytest.approx(1)


def test_the_radian_ratio_moves_with_the_minibatch():
    """At four fakes to one genuine sample and minibatches of 32, beta takes many values and is seldom at its limits."""
    tasks = [gaussian_task(number, n=640) for number in (1, 2)]
    tasks = [replace(task, labels=(torch.arange(640) % 5 == 0).long()) for task in tasks]
    detector, method = detector_for(tasks[0]), method_for({"algorithm": "rwm"})
    train(detector, method, tasks, numbers=[1], batch_size=32)
    betas, step = [], method.step

    def watched(detector, optimizer, batch, output):
        betas.append(radian_ratio(output.logits, batch.labels, method.compact()))
        step(detector, optimizer, batch, output)

    method.step = watched
    train(detector, method, tasks, Training(epochs=10, batch_size=32, learning_rate=0.003), numbers=[2])
    assert len(betas) == 200 and len({round(beta, 9) for beta in betas}) > 100
    limits = math.tan(0.02), math.tan(math.pi / 2 - 0.02)
    assert sum(not limits[0] * 1.001 < beta < limits[1] / 1.001 for beta in betas) < 0.05 * len(betas)


@pytest.mark.parametrize("label", [0, 1])
@pytest.mark.parametrize("n", [1, 64])
def test_radian_ratio_of_one_class_only_stays_finite(label, n):
    logits = torch.full((n, 2), 30.0) * torch.tensor([1.0 - label, float(label)])
    logits[0] *= 2  # all of the weight is on one sample
    beta = radian_ratio(logits, torch.full((n,), label), torch.tensor([False, True]))
    assert beta == pytest.approx(math.tan(0.02) if label == 0 else math.tan(math.pi / 2 - 0.02))


@pytest.mark.parametrize("algorithm", ["rawm", "rwm"])
def test_with_its_gain_limited_no_step_is_larger_than_that_of_fine_tuning(algorithm):
    """A minibatch of genuine samples alone has the largest beta; with plain SGD the steps can be compared."""
    new = gaussian_task(2, n=16, only=1)
    sgd = Training(epochs=1, batch_size=16, learning_rate=0.01, optimizer="sgd", momentum=0)
    distance = {}
    for name, values in {"limited": {}, "free": {"limit_gain": False}, "finetune": None}.items():
        chosen = {"algorithm": "finetune"} if values is None else {"algorithm": algorithm, "eta": 0, **values}
        detector, method = detector_for(TASKS[0]), method_for(chosen)
        train(detector, method, TASKS[:1])
        before = weights(detector)
        train(detector, method, [TASKS[0], new], sgd, numbers=[2])
        distance[name] = {n: float((value - before[n]).norm()) for n, value in weights(detector).items()}
    for name, length in distance["finetune"].items():
        if name.endswith("weight"):
            assert distance["limited"][name] <= length * 1.0001
            assert distance["free"][name] > length * 1.5


def five_times(samples):
    """The samples with features five times as large."""
    if samples.pooled:
        return replace(samples, features=5 * samples.features)
    return replace(samples, features=Frames.pack([5 * frames for frames in samples.features]))


def collect(statistics, name, module, arguments):
    """Add a layer's inputs to C of its name."""
    a = layer_inputs(module, arguments[0].detach()).double()
    statistics[name] = statistics.get(name, 0) + a.T @ a


def input_statistics(detector, task):
    """Layer -> C (d, d) of a task's inputs to it."""
    statistics = {}
    layers = protectable(detector).items()
    hooks = [module.register_forward_pre_hook(partial(collect, statistics, name)) for name, module in layers]
    detector.eval()
    for row in range(len(task)):  # one at a time: no padding
        batch = task.batch(torch.tensor([row]))
        detector(batch.features, batch.lengths)
    for hook in hooks:
        hook.remove()
    return statistics


@pytest.mark.parametrize("energy", [0.8, 0.95, 1.0])
@pytest.mark.parametrize("algorithm", PROTECTING)
@pytest.mark.parametrize("kind", ["mlp", "scnn"])
def test_no_later_task_takes_protection_from_an_earlier_one(algorithm, energy, kind):
    """In every layer, tr(U^T C_t U) >= energy tr(C_t) for each task t seen; later inputs are five times as large."""
    tasks = [gaussian_task(number, n=30, d=24, frames=kind == "scnn") for number in range(1, 6)]
    tasks = [tasks[0], *(five_times(task) for task in tasks[1:])]
    detector = detector_for(tasks[0], **DETECTORS[kind])
    method = method_for({"algorithm": algorithm, "energy": energy})
    seen = []
    for number, task in enumerate(tasks, 1):
        train(detector, method, tasks, numbers=[number])
        seen.append(input_statistics(detector, task))
        memory = method.state()
        for layer, c in ((layer, c) for statistics in seen for layer, c in statistics.items()):
            basis = memory[f"{layer}.basis"]
            torch.testing.assert_close(basis.T @ basis, torch.eye(basis.shape[1], dtype=torch.float64))
            assert float((basis * (c @ basis)).sum() / c.trace()) >= energy - 1e-9, layer


@pytest.mark.parametrize(
    "layer, shape",
    [
        (nn.Linear(5, 3), (7, 5)),
        (nn.Linear(5, 3, bias=False), (7, 4, 5)),
        (nn.Conv1d(4, 3, 3, padding=1, stride=2), (2, 4, 11)),
        (nn.Conv1d(4, 3, 3, padding="same", dilation=2), (2, 4, 11)),
        (nn.Conv2d(2, 3, (3, 5), padding=(1, 2), dilation=(1, 2)), (2, 2, 9, 12)),
        (nn.Conv2d(2, 3, 3, padding="valid", bias=False), (2, 2, 9, 12)),
    ],
)
def test_layer_inputs_times_the_weight_matrix_is_the_layer(layer, shape):
    x = torch.randn(shape)
    out = layer(x)
    channels_last = out if isinstance(layer, nn.Linear) else out.flatten(2).transpose(1, 2)
    product = layer_inputs(layer, x) @ matrix(layer.weight, layer.bias).T
    torch.testing.assert_close(product, channels_last.reshape(-1, 3), atol=1e-5, rtol=1e-4)


class ConvNet(nn.Module):
    """A convolution, batch normalisation and a linear layer; parameters without projector must not change."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv1d(4, 6, 3)
        self.norm = nn.BatchNorm1d(6)
        self.linear = nn.Linear(6, 2)

    def forward(self, x, lengths=None):
        return self.linear(torch.relu(self.norm(self.conv(x))).mean(2))


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["lcnn", "aasist"])
@pytest.mark.parametrize("algorithm", PROTECTING)
def test_after_the_first_task_nothing_without_a_projector_changes(algorithm, kind):
    """Normalisation layers, with their running statistics, and weights outside of the protected layers."""
    tasks = [gaussian_task(number, n=32, frames=True) for number in (1, 2)]
    detector, method = detector_for(tasks[0], **DETECTORS[kind]), method_for({"algorithm": algorithm})
    train(detector, method, tasks, numbers=[1])
    before = {name: value.clone() for name, value in detector.state_dict().items()}
    train(detector, method, tasks, numbers=[2])
    projected = {name.removesuffix(".basis") for name in method.state() if name.endswith(".basis")}
    changed = {name for name, value in detector.state_dict().items() if not torch.equal(value, before[name])}
    assert {name.rpartition(".")[0] for name in changed} == projected


def test_convolutions_are_protected_and_normalisation_is_frozen():
    torch.manual_seed(0)
    net = ConvNet()
    old, new = torch.randn(3, 4, 4), torch.randn(20, 4, 9)
    net(torch.randn(8, 4, 9))
    net.eval()
    owm = method_for({"algorithm": "owm", "energy": 1.0})
    owm.layers.learn(net, [type("Batch", (), {"features": old, "lengths": None})])
    net.train()
    owm.begin_task(net, None)
    assert not net.norm.training
    assert not net.norm.weight.requires_grad
    before = net.conv(old).detach()
    optimizer = torch.optim.Adam([p for p in net.parameters() if p.requires_grad], lr=0.05)
    net(new).square().sum().backward()
    weight = net.conv.weight.detach().clone()
    owm.step(net, optimizer, None, None)
    assert not torch.equal(weight, net.conv.weight)
    torch.testing.assert_close(net.conv(old), before, atol=1e-5, rtol=0)


def test_the_measured_compact_class_has_the_closest_embeddings():
    generator = torch.Generator().manual_seed(0)
    tight = torch.tensor([5.0] * 8) + 0.1 * torch.randn(40, 8, generator=generator)
    spread = 5 * torch.randn(40, 8, generator=generator)
    from rawm.tasks.samples import Samples

    samples = Samples([str(i) for i in range(80)], torch.tensor([1] * 40 + [0] * 40), torch.cat([tight, spread]))
    method = method_for({"algorithm": "rwm", "compact": "measured"})
    train(detector_for(samples), method, [samples])
    assert method.compact().tolist() == [False, True]
