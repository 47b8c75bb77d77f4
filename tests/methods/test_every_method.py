"""What every registered method, and every variant of it, must do. A new method in METHODS is tested here at once."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from problems import (
    VARIANTS,
    assert_equal_weights,
    assert_every_layer_differs,
    detector_for,
    gaussian_task,
    method_for,
    train,
    weights,
)

from rawm import checkpoint
from rawm.config.models import MLP

TASKS = [gaussian_task(number) for number in (1, 2, 3)]
EVERY_VARIANT = pytest.mark.parametrize("variant", VARIANTS)

CONTINUE = """
import sys
from pathlib import Path
import torch
from problems import *
from rawm import checkpoint
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
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("round_trip")
    for variant, values in VARIANTS.items():
        detector, method = detector_for(TASKS[0]), method_for(values)
        train(detector, method, TASKS, numbers=[1])
        shape = checkpoint.describe(MLP(type="mlp", hidden=[16, 16]), 8, True, ("fake", "genuine"))
        checkpoint.save_detector(folder / variant / "detector.safetensors", detector, shape)
        checkpoint.save(folder / variant / "memory.safetensors", method.state(), {"method": variant})
    subprocess.run([sys.executable, "-c", CONTINUE, folder], check=True, cwd=Path(__file__).parent)
    return folder


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
        assert_every_layer_differs(before, after)
        before = after


@EVERY_VARIANT
@pytest.mark.parametrize("n_classes", [2, 5])
def test_one_class_tasks_and_one_sample_minibatches_stay_finite(variant, n_classes):
    classes = tuple(f"class{i}" for i in range(n_classes))
    values = VARIANTS[variant]
    if values["algorithm"] in ("rawm", "rwm") and "compact" not in values:
        values = values | {"compact": ["class1"]}
    tasks = [
        gaussian_task(1, classes=n_classes),
        gaussian_task(2, n=17, classes=n_classes, only=0),  # one class; the last minibatch of 16 has one sample
        gaussian_task(3, n=17, classes=n_classes, only=1),
        gaussian_task(4, n=1, classes=n_classes),
    ]
    detector = train(detector_for(tasks[0], classes=n_classes), method_for(values, classes), tasks)
    assert all(torch.isfinite(parameter).all() for parameter in detector.parameters())


@EVERY_VARIANT
def test_frame_features_train_too(variant):
    tasks = [gaussian_task(number, frames=True) for number in (1, 2)]
    detector = detector_for(tasks[0])
    before = weights(detector)
    assert_every_layer_differs(before, weights(train(detector, method_for(VARIANTS[variant]), tasks)))


@EVERY_VARIANT
def test_state_is_flat_named_tensors(variant):
    method = method_for(VARIANTS[variant])
    train(detector_for(TASKS[0]), method, TASKS[:1])
    for name, value in method.state().items():
        assert isinstance(name, str)
        assert isinstance(value, torch.Tensor)
