"""Methods on utterances of different lengths: padding, crops, the teacher."""

from dataclasses import replace

import pytest
import torch
from support.problems import CPU, DETECTORS, detector_for, gaussian_task

from rawm.methods.method import Task
from rawm.methods.parts.buffer import Buffer
from rawm.methods.parts.distillation import Teacher
from rawm.methods.parts.projected_layers import ProjectedLayers
from rawm.methods.parts.projection import residual

SAMPLES = gaussian_task(1, n=20, frames=True)


def task(crop=None):
    return Task(2, replace(SAMPLES, crop=crop), 8, 5, CPU)


@pytest.mark.parametrize("kind", DETECTORS)
@pytest.mark.parametrize("batch_means", [True, False])
def test_input_statistics_ignore_padding(kind, batch_means):
    detector = detector_for(SAMPLES, **DETECTORS[kind])
    batch = SAMPLES.batch(torch.arange(20))
    longer = batch._replace(features=torch.nn.functional.pad(batch.features, (0, 0, 0, 50), value=100.0))
    states = []
    for seen in (batch, longer):
        layers = ProjectedLayers(lambda task, total, previous: residual(task, 0.99, previous), batch_means)
        layers.learn(detector, [seen])
        states.append(layers.state())
    for name in states[0]:
        if name.endswith("statistics"):
            torch.testing.assert_close(states[0][name], states[1][name], atol=1e-9, rtol=1e-6)
    inputs = states[0].get("convolutions.0.statistics")
    if inputs is not None and not batch_means and kind == "scnn":
        assert inputs[-1, -1] == sum(SAMPLES.features.lengths)  # the constant input, once a frame


@pytest.mark.parametrize("crop", [None, 4])
def test_the_teacher_equals_the_old_detector_on_the_same_frames(crop):
    detector = detector_for(SAMPLES, **DETECTORS["scnn"])
    old = detector_for(SAMPLES, **DETECTORS["scnn"])
    now = task(crop)
    teacher = Teacher(detector, now, embeddings=True)
    with torch.no_grad():
        detector.output.weight.zero_()  # training goes on
        for batch in now.train.batches(8, torch.Generator().manual_seed(0)):
            expected = old(batch.features, batch.lengths)
            torch.testing.assert_close(teacher(batch).logits, expected.logits, atol=1e-6, rtol=1e-5)
            torch.testing.assert_close(teacher(batch).embedding, expected.embedding, atol=1e-6, rtol=1e-5)


def test_a_buffer_keeps_one_crop_of_each_utterance():
    buffer = Buffer(100, "none")
    buffer.add(task(crop=4))
    kept = buffer.samples
    assert all(1 <= len(frames) <= 4 for frames in kept.features)
    crops = {frames[i : i + 4].numpy().tobytes() for frames in SAMPLES.features for i in range(len(frames))}
    assert all(frames.numpy().tobytes() in crops for frames in kept.features)
    loaded = Buffer(100, "none")
    loaded.load(buffer.state())
    assert all(torch.equal(one, two) for one, two in zip(kept.features, loaded.samples.features, strict=True))
