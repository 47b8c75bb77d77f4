"""Every method where each task brings new classes, and the detector outputs for them."""

import numpy as np
import pytest
import torch
from sklearn.linear_model import Ridge
from support.problems import VARIANTS, assert_equal_weights, detector_for, gaussian_task, method_for, train, weights

from rawm.detectors import checkpoint
from rawm.methods.method import widened
from rawm.methods.parts.distillation import soft_cross_entropy
from rawm.tasks.samples import Samples

CLASSES = ("genuine", "a", "b", "c", "d")
SIZES = (2, 3, 5)  # classes after each task
EVERY_VARIANT = pytest.mark.parametrize("variant", VARIANTS)


def task(number):
    """A task with the class genuine and those that are new in it."""
    new = range(SIZES[number - 2] if number > 1 else 1, SIZES[number - 1])
    samples = gaussian_task(number, classes=len(CLASSES))
    rows = torch.nonzero(torch.isin(samples.labels, torch.tensor([0, *new])))[:, 0]
    return Samples([samples.ids[row] for row in rows], samples.labels[rows], samples.features[rows])


TASKS = [task(number) for number in (1, 2, 3)]


def grown(variant, tmp_path=None):
    """Train the three tasks; each continues from files, as the pipeline does, or without a folder in memory."""
    detector, memory = detector_for(TASKS[0], classes=SIZES[0]), {}
    for number, size in enumerate(SIZES, 1):
        torch.manual_seed(number)
        detector.extend(size)
        method = method_for(VARIANTS[variant], CLASSES[:size])
        if tmp_path is not None and memory:
            checkpoint.save(tmp_path / "memory.safetensors", memory, {})
            memory = checkpoint.load(tmp_path / "memory.safetensors")[0]
        method.load(memory)
        train(detector, method, TASKS, numbers=[number])
        memory = method.state()
    return detector, method


@EVERY_VARIANT
def test_each_task_adds_outputs_and_learns_its_classes(variant, tmp_path):
    detector, _ = grown(variant, tmp_path)
    assert detector.output.weight.shape[0] == detector.output.bias.shape[0] == 5
    with torch.no_grad():
        logits = detector.eval()(TASKS[2].features).logits
    assert logits.shape == (len(TASKS[2]), 5) and logits.isfinite().all()
    assert set(logits.argmax(1).tolist()) & {3, 4}
    assert_equal_weights(dict(detector.state_dict()), dict(grown(variant)[0].state_dict()))


def test_outputs_that_were_there_keep_their_weights():
    for variant in ("finetune", "analytic"):
        detector = train(detector_for(TASKS[0]), method_for(VARIANTS[variant], CLASSES[:2]), TASKS, numbers=[1])
        before = weights(detector)
        with torch.no_grad():
            known = detector.eval()(TASKS[0].features).logits
            detector.extend(4)
            after = detector(TASKS[0].features).logits
        torch.testing.assert_close(after[:, :2], known)
        assert torch.equal(detector.output.weight[:2], before["output.weight"])
        assert (detector.output.weight[2:] != 0).any()


@pytest.mark.parametrize("variant", ["ewc", "ewc_online", "si", "mas"])
def test_new_outputs_have_no_importance_until_their_task_ends(variant):
    detector = detector_for(TASKS[0])
    method = method_for(VARIANTS[variant], CLASSES[:2])
    train(detector, method, TASKS, numbers=[1])
    before = float(method.penalty.value(detector))
    detector.extend(5)
    method.penalty.begin_task(detector, torch.device("cpu"))
    assert not method.penalty.importance["output.weight"][2:].any()
    torch.testing.assert_close(float(method.penalty.value(detector)), before)


def test_the_closed_form_is_that_of_all_data_at_once():
    """As scikit-learn's ridge regression on one-hot targets of all tasks, with the bias as one more weight."""
    detector, method = grown("analytic_input")
    features = torch.cat([samples.features for samples in TASKS])
    labels = torch.cat([samples.labels for samples in TASKS])
    with torch.no_grad():
        phi = detector.output.features(detector(features).embedding).double().numpy()
        logits = detector(features).logits
    phi = np.hstack([phi, np.ones((len(phi), 1))])
    model = Ridge(method.settings.ridge, fit_intercept=False).fit(phi, np.eye(5)[labels])
    np.testing.assert_allclose(logits.numpy(), model.predict(phi), atol=1e-4)


def test_distillation_compares_the_outputs_that_both_have():
    new, old = torch.randn(6, 5), torch.randn(6, 3)
    assert torch.equal(soft_cross_entropy(new, old, 2.0), soft_cross_entropy(new[:, :3], old, 2.0))


def test_the_buffer_of_derpp_marks_outputs_that_a_sample_has_no_logit_of():
    _, method = grown("derpp")
    kept = method.state()
    missing = kept["buffer.logits"].isnan().sum(1)
    assert missing.tolist() == [5 - SIZES[number - 1] for number in kept["buffer.tasks"].tolist()]


def test_what_is_widened_keeps_what_it_has():
    wide = widened(torch.ones(2, 3), (4, 3), 7.0)
    assert wide.tolist() == [[1, 1, 1], [1, 1, 1], [7, 7, 7], [7, 7, 7]]
    same = torch.ones(2, 3)
    assert widened(same, (2, 3)) is same
