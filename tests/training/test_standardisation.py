"""Input standardisation when a later task varies where the first hardly did.

The kind: features whose spread in the first task says nothing of later ones. Other members than a band that narrow-band
recordings lack: a feature that is constant, one that varies by rounding only, one on another scale than all others.
"""

import pytest
import torch

from rawm.config.detectors import MLP
from rawm.detectors import build
from rawm.detectors.detector import CLIP, FLOOR, Detector
from rawm.methods.method import Task
from rawm.tasks.samples import Samples
from rawm.training.task import restandardise

WAYS = ("frozen", "floored", "clipped", "per_task")


def noise(**scales):
    """200 vectors of 16 features with standard deviation 1, those named (f3=0.1) with another."""
    features = torch.randn(200, 16, generator=torch.Generator().manual_seed(len(scales)))
    for name, scale in scales.items():
        features[:, int(name[1:])] *= scale
    return Samples([str(i) for i in range(200)], torch.arange(200) % 2, features)


def detector_of(way, first):
    torch.manual_seed(0)
    detector = build(MLP(type="mlp", hidden=[8], standardisation=way), 16, True, 2).eval()
    detector.standardise(*first.mean_std())
    return detector


def second(train):
    return Task(2, train, 32, 0, torch.device("cpu"))


def largest(detector, samples):
    return float(detector.standardised(samples.features).abs().max())


def test_frozen_blows_up_what_floored_clipped_and_per_task_bound():
    first, later = noise(f3=0.0018), noise()
    assert largest(detector_of("frozen", first), later) > 1000
    assert largest(detector_of("floored", first), later) < 4.5 / (0.9 * FLOOR)
    assert largest(detector_of("clipped", first), later) == CLIP
    detector = detector_of("per_task", first)
    restandardise(detector, second(later))
    assert largest(detector, later) < 4.5
    assert all(largest(detector_of(way, first), first) < 5 for way in WAYS)


@pytest.mark.parametrize("way", WAYS)
def test_where_features_vary_alike_and_little_every_way_is_the_same(way):
    first = noise()
    before = detector_of(way, first)(first.features).logits
    assert torch.equal(before, detector_of("frozen", first)(first.features).logits)


@pytest.mark.parametrize("scale", [0.0, 1e-7, 0.01, 0.049])
def test_the_floor_is_a_share_of_the_median_of_what_varies(scale):
    detector = Detector(16)
    detector.standardisation = "floored"
    std = torch.full((16,), 2.0)
    std[3] = 2 * scale
    detector.standardise(torch.zeros(16), std)
    constant = std[3] <= 1e-6  # is left unscaled
    assert float(detector.input_std[3]) == pytest.approx(1.0 if constant else 2 * FLOOR)
    detector.standardise(torch.zeros(16), 1000 * std)  # another unit of every feature
    assert float(detector.input_std[3]) == pytest.approx(2000 * FLOOR)
    detector.standardise(torch.zeros(16), torch.zeros(16))
    assert torch.equal(detector.input_std, torch.ones(16))


def test_a_warning_names_the_features_that_a_later_task_has_far_away(capsys):
    first = noise(f3=0.0018, f7=0.001)
    restandardise(detector_of("frozen", first), second(noise()))
    said = capsys.readouterr().err
    assert said.startswith("warning: task 2: features 3, 7 (counted from 0) lie far") and said.count("\n") == 1
    assert "standardisation: clipped" in said


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("scale", [0.06, 0.2, 1.0, 15.0])
def test_no_warning_where_a_later_task_is_within_twenty_deviations(way, scale, capsys):
    restandardise(detector_of(way, noise()), second(noise(f2=scale, f5=scale)))
    restandardise(detector_of(way, noise(f3=0.06)), second(noise()))
    assert capsys.readouterr().err == ""


def test_many_features_are_counted_and_some_named(capsys):
    first = noise(**{f"f{number}": 1e-3 for number in range(14)})
    restandardise(detector_of("frozen", first), second(noise()))
    assert "features 0, 1, 2, 3, 4, 5, 6, 7, 8, 9 and 4 others (counted from 0)" in capsys.readouterr().err


@pytest.mark.parametrize("way", WAYS)
def test_only_per_task_changes_what_the_first_task_fixed(way):
    detector = detector_of(way, noise())
    before = detector.input_mean.clone(), detector.input_std.clone()
    restandardise(detector, second(noise(f2=3.0)))
    unchanged = torch.equal(before[0], detector.input_mean) and torch.equal(before[1], detector.input_std)
    assert unchanged == (way != "per_task")
