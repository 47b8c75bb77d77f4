"""Properties of every registered method and variant; a new entry of METHODS is tested without further work."""

import copy
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest
import torch
from support.problems import (
    CPU,
    DETECTORS,
    ON_VECTORS,
    SWITCHED_OFF,
    VARIANTS,
    assert_equal_weights,
    assert_every_layer_differs,
    detector_for,
    gaussian_task,
    method_for,
    train,
    weights,
)

from rawm.config.detectors import MLP
from rawm.config.study import Training
from rawm.detectors import checkpoint
from rawm.methods.method import Task
from rawm.tasks.samples import Samples, concatenate
from rawm.training.loop import fit

TASKS = [gaussian_task(number) for number in (1, 2, 3)]
EVERY_VARIANT = pytest.mark.parametrize("variant", VARIANTS)

CONTINUE = """
import sys
from pathlib import Path
import torch
from support.problems import *
from rawm.detectors import checkpoint
torch.set_num_threads(1)
tasks = [gaussian_task(number) for number in (1, 2, 3)]
for variant in VARIANTS:
    folder = Path(sys.argv[1]) / variant
    detector, _ = checkpoint.load_detector(folder / "detector.safetensors")
    method = method_for(VARIANTS[variant])
    method.load(checkpoint.load(folder / "memory.safetensors")[0])
    train(detector, method, tasks, numbers=[2, 3])
    checkpoint.save(folder / "continued.safetensors", detector.state_dict(), {})
"""


@pytest.fixture(scope="module")
def continued(tmp_path_factory):
    """Task 1 trained and saved here, tasks 2 and 3 trained from the files in a new process."""
    folder = tmp_path_factory.mktemp("round_trip")
    for variant, values in VARIANTS.items():
        detector, method = detector_for(TASKS[0]), method_for(values)
        train(detector, method, TASKS, numbers=[1])
        shape = checkpoint.describe(MLP(type="mlp", hidden=[16, 16]), 8, True, ("fake", "genuine"))
        checkpoint.save_detector(folder / variant / "detector.safetensors", detector, shape)
        checkpoint.save(folder / variant / "memory.safetensors", method.state(), {"method": variant})
    subprocess.run([sys.executable, "-c", CONTINUE, folder], check=True, cwd=Path(__file__).parents[1])
    return folder


@pytest.mark.slow
@EVERY_VARIANT
def test_stopping_and_loading_in_a_new_process_changes_no_bit(variant, continued):
    detector = train(detector_for(TASKS[0]), method_for(VARIANTS[variant]), TASKS)
    loaded, _ = checkpoint.load(continued / variant / "continued.safetensors")
    assert_equal_weights(dict(detector.state_dict()), loaded)


@EVERY_VARIANT
def test_every_layer_changes_in_every_task(variant):
    detector, method = detector_for(TASKS[0]), method_for(VARIANTS[variant])
    before = weights(detector)
    for number in (1, 2, 3):
        train(detector, method, TASKS, numbers=[number])
        after = weights(detector)
        if method.freezes_body and number > 1:
            assert not torch.equal(before["output.weight"], after["output.weight"])
            for name in (name for name in after if not name.startswith("output.")):
                assert torch.equal(before[name], after[name])
        else:
            frozen = {name for name, value in detector.named_parameters() if not value.requires_grad}
            assert_equal_weights({n: before[n] for n in frozen}, {n: after[n] for n in frozen})
            assert_every_layer_differs(*({n: v for n, v in d.items() if n not in frozen} for d in (before, after)))
            assert not frozen or method.settings.algorithm == "freeze"
        before = after


@EVERY_VARIANT
@pytest.mark.parametrize(
    ("kind", "n_classes"), [("mlp", 2), ("mlp", 5), pytest.param("lcnn", 2, marks=pytest.mark.slow)]
)
def test_one_class_tasks_and_one_sample_minibatches_stay_finite(variant, kind, n_classes):
    if variant in ON_VECTORS and kind == "lcnn":
        pytest.skip("needs a detector on one vector per utterance")
    classes = tuple(f"class{i}" for i in range(n_classes))
    make = partial(gaussian_task, classes=n_classes, frames=kind == "lcnn")
    tasks = [
        make(1, n=60),
        make(2, n=17, only=0),  # one class; the last minibatch of 16 has one sample
        make(3, n=17, only=1),
        make(4, n=1),
    ]
    method, losses = method_for(VARIANTS[variant], classes), []
    loss = method.loss

    def watched(*arguments):
        losses.append(loss(*arguments))
        return losses[-1]

    method.loss = watched
    detector = train(detector_for(tasks[0], classes=n_classes, **DETECTORS[kind]), method, tasks)
    assert all(torch.isfinite(parameter).all() for parameter in detector.parameters())
    assert all(torch.isfinite(value) for value in losses)


@pytest.mark.slow
@EVERY_VARIANT
@pytest.mark.parametrize("kind", DETECTORS)
def test_every_detector_learns_from_frames_and_continues_after_loading(variant, kind):
    if variant in ON_VECTORS and kind not in ("mlp", "linear"):
        pytest.skip("needs a detector on one vector per utterance")
    tasks = [gaussian_task(number, n=32, frames=True) for number in (1, 2)]
    detector, method = detector_for(tasks[0], **DETECTORS[kind]), method_for(VARIANTS[variant])
    before = weights(detector)
    train(detector, method, tasks, numbers=[1])
    assert_every_layer_differs(before, weights(detector))
    again, loaded = copy.deepcopy(detector), method_for(VARIANTS[variant])
    loaded.load({name: value.clone() for name, value in method.state().items()})
    train(detector, method, tasks, numbers=[2])
    train(again, loaded, tasks, numbers=[2])
    assert_equal_weights(dict(detector.state_dict()), dict(again.state_dict()))
    assert all(torch.isfinite(parameter).all() for parameter in detector.parameters())


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["lcnn", "aasist"])
@EVERY_VARIANT
def test_between_tasks_no_detector_changes(variant, kind):
    """When a task begins or ends, no parameter and no running statistic changes.

    The exceptions are GDumb's new weights, and the output layer of methods that solve for it or consolidate it.
    """
    if variant in ON_VECTORS:
        pytest.skip("needs a detector on one vector per utterance")
    tasks = [gaussian_task(number, n=32, frames=True) for number in (1, 2)]
    detector, method = detector_for(tasks[0], **DETECTORS[kind]), method_for(VARIANTS[variant])
    begin_task, end_task, compared = method.begin_task, method.end_task, []

    def compare(moment, detector, task):
        before = {name: value.clone() for name, value in detector.state_dict().items()}
        moment(detector, task)
        after = detector.state_dict()
        own = {name for name in after if method.freezes_body and name.startswith("output.")}
        assert_equal_weights(*({n: v for n, v in d.items() if n not in own} for d in (before, dict(after))))
        compared.append(task.number)

    if VARIANTS[variant]["algorithm"] != "gdumb":
        method.begin_task = partial(compare, begin_task)
    method.end_task = partial(compare, end_task)
    train(detector, method, tasks)
    assert set(compared) == {1, 2}


@EVERY_VARIANT
@pytest.mark.parametrize("kind", ["mlp", pytest.param("lcnn", marks=pytest.mark.slow)])
def test_the_best_epoch_is_as_if_training_had_stopped_there(variant, kind):
    """With `checkpoint: best_dev`, weights, running statistics and memory are those of a run with so many epochs."""
    if variant in ON_VECTORS and kind == "lcnn":
        pytest.skip("needs a detector on one vector per utterance")
    tasks = [gaussian_task(number, n=32, frames=True) for number in (1, 2)] if kind == "lcnn" else TASKS
    dev = gaussian_task(6, n=40, frames=True) if kind == "lcnn" else gaussian_task(3, n=40)
    detector, method = detector_for(tasks[0], **DETECTORS[kind]), method_for(VARIANTS[variant])
    train(detector, method, tasks, numbers=[1])

    def second_task(**values):
        learned, learner = copy.deepcopy(detector), method_for(VARIANTS[variant])
        learner.load({name: value.clone() for name, value in method.state().items()})
        training = Training(**{"epochs": 8, "batch_size": 16, "learning_rate": 0.01} | values)
        samples = concatenate(tasks[:2]) if learner.uses_old_data else tasks[1]
        history = fit(learned, learner, Task(2, samples, 16, 5, CPU), training, dev=dev)
        return learned, learner, history

    learned, learner, history = second_task(checkpoint="best_dev")
    errors = [epoch["dev_eer"] for epoch in history]
    epochs = errors.index(min(errors)) + 1
    again, stopped, _ = second_task(epochs=epochs)
    assert_equal_weights(dict(learned.state_dict()), dict(again.state_dict()))
    assert_equal_weights(learner.state(), stopped.state())
    assert epochs < 8 or variant in ("joint", "gdumb", "gdumb_small")  # the last epochs were discarded


@EVERY_VARIANT
def test_training_on_crops_is_reproducible_bit_for_bit(variant):
    kind = "mlp" if variant in ON_VECTORS else "scnn"
    training = Training(epochs=1, batch_size=16, learning_rate=0.01, crop_frames=5)
    tasks = [gaussian_task(number, n=32, frames=True) for number in (1, 2)]
    one, two = (
        train(detector_for(tasks[0], **DETECTORS[kind]), method_for(VARIANTS[variant]), tasks, training)
        for _ in range(2)
    )
    assert_equal_weights(dict(one.state_dict()), dict(two.state_dict()))
    assert all(torch.isfinite(value).all() for value in one.parameters())


@pytest.mark.parametrize("variant", ["finetune", "ewc", "owm", "rawm", "derpp"])
def test_training_in_bfloat16_gives_nearly_the_same_weights_in_float32(variant):
    plain = train(detector_for(TASKS[0]), method_for(VARIANTS[variant]), TASKS[:2])
    training = Training(epochs=2, batch_size=16, learning_rate=0.01, autocast="bf16")
    short = train(detector_for(TASKS[0]), method_for(VARIANTS[variant]), TASKS[:2], training)
    for (name, one), other in zip(plain.named_parameters(), short.parameters(), strict=True):
        assert other.dtype == torch.float32
        assert not torch.equal(one, other)
        assert (one - other).norm() < 0.1 * one.norm(), name


@pytest.mark.parametrize("name", SWITCHED_OFF)
@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
def test_a_method_of_strength_0_is_fine_tuning_bit_for_bit(name, optimizer):
    training = Training(epochs=2, batch_size=16, learning_rate=0.01, optimizer=optimizer)
    plain = train(detector_for(TASKS[0]), method_for({"algorithm": "finetune"}), TASKS, training)
    same = train(detector_for(TASKS[0]), method_for(SWITCHED_OFF[name]), TASKS, training)
    assert_equal_weights(weights(plain), weights(same))


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in SWITCHED_OFF if not name.startswith(("rawm", "rwm"))])
def test_a_method_of_strength_0_leaves_dropout_and_running_statistics_alone(name):
    """RAWM and RWM are left out: they hold running statistics fixed after the first task, whatever their strength."""
    tasks = [gaussian_task(number, n=32, frames=True) for number in (1, 2)]
    plain, same = (
        train(detector_for(tasks[0], **DETECTORS["lcnn"]), method_for(values), tasks)
        for values in ({"algorithm": "finetune"}, SWITCHED_OFF[name])
    )
    assert_equal_weights(dict(plain.state_dict()), dict(same.state_dict()))


@EVERY_VARIANT
def test_a_method_differs_from_fine_tuning_after_the_second_task(variant):
    if VARIANTS[variant]["algorithm"] == "finetune":
        pytest.skip("is fine-tuning")
    plain = weights(train(detector_for(TASKS[0]), method_for({"algorithm": "finetune"}), TASKS))
    other = weights(train(detector_for(TASKS[0]), method_for(VARIANTS[variant]), TASKS))
    assert_every_layer_differs({name: value for name, value in plain.items() if name in other}, other)


@pytest.mark.parametrize("variant", [name for name in VARIANTS if method_for(VARIANTS[name]).keeps_samples])
@pytest.mark.parametrize("frames", [False, True])
def test_the_buffer_does_not_depend_on_the_order_of_samples(variant, frames):
    """Neither the samples kept of three tasks, nor which crop of them, nor their order."""
    training = Training(epochs=1, batch_size=16, learning_rate=0.01, crop_frames=5)
    tasks = [gaussian_task(number, n=40, frames=frames) for number in (1, 2, 3)]
    order = torch.randperm(40, generator=torch.Generator().manual_seed(5))
    states = []
    for samples in (tasks, [reordered(task, order) for task in tasks]):
        method = method_for(VARIANTS[variant] | {"capacity": 30})
        train(detector_for(tasks[0]), method, samples, training)
        states.append(method.state())
    one, two = states
    assert one.keys() == two.keys() and len(one["buffer.keys"]) == 30
    for name in one.keys() - {"buffer.logits"}:  # of a detector that saw the samples in another order
        assert torch.equal(one[name], two[name]), name


def reordered(samples, order):
    """The same samples in another order."""
    features = samples.features[order] if samples.pooled else samples.features.take(order)
    return Samples([samples.ids[row] for row in order], samples.labels[order], features)


@EVERY_VARIANT
def test_state_is_flat_named_tensors(variant):
    method = method_for(VARIANTS[variant])
    train(detector_for(TASKS[0]), method, TASKS[:1])
    for name, value in method.state().items():
        assert isinstance(name, str)
        assert isinstance(value, torch.Tensor)
