"""What every front-end in the registry has in common; a new one is a row of SETTINGS."""

import pytest
import torch
from support import encoders

from rawm.config import frontends as models
from rawm.frontends import FRONTENDS, build
from rawm.frontends.frontend import NeuralFrontEnd

SETTINGS = {
    "lfcc": models.LFCC(type="lfcc"),
    "logmel": models.LogMel(type="logmel"),
    "mfcc": models.MFCC(type="mfcc"),
    "spectrogram": models.Spectrogram(type="spectrogram"),
    "ssl": models.SSL(type="ssl", model="custom", weights="set by the fixture"),
}
ATTRIBUTES = {"dim": int, "pooled": bool, "sample_rate": int, "min_samples": int, "max_seconds": float | None}


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """A small encoder, so that the front-end `ssl` needs no published weights."""
    return encoders.save_torchaudio(encoders.encoder("base"), "base", tmp_path_factory.mktemp("weights"))


@pytest.fixture(params=[(kind, pooling) for kind in FRONTENDS for pooling in ("none", "mean_std")], ids=str)
def frontend(request, weights):
    kind, pooling = request.param
    given = {"pooling": pooling}
    if kind == "ssl":
        given["weights"] = str(weights)
    return build(SETTINGS[kind].model_copy(update=given))


def test_every_front_end_has_the_attributes_of_the_interface(frontend):
    for name, kind in ATTRIBUTES.items():
        assert isinstance(getattr(frontend, name), kind), name
    assert frontend.dim > 0 and frontend.min_samples > 0


def test_a_waveform_gives_frames_or_one_vector(frontend):
    waveform = torch.randn(frontend.sample_rate, generator=torch.Generator().manual_seed(0)) / 10
    features = frontend(waveform)
    assert features.dtype == torch.float32 and torch.isfinite(features).all()
    assert features.shape == ((frontend.dim,) if frontend.pooled else (len(features), frontend.dim))
    shortest = frontend(waveform[: frontend.min_samples])
    assert shortest.shape == ((frontend.dim,) if frontend.pooled else (1, frontend.dim))


@pytest.mark.parametrize("shape", ["too short", "two channels"])
def test_other_shapes_are_refused(frontend, shape):
    n = frontend.min_samples
    with pytest.raises(ValueError, match=str(n)):
        frontend(torch.zeros(n - 1) if shape == "too short" else torch.zeros(2, n))


def test_a_neural_front_end_computes_batches_that_equal_one_by_one(weights):
    frontend = build(SETTINGS["ssl"].model_copy(update={"weights": str(weights)}))
    assert isinstance(frontend, NeuralFrontEnd)
    assert frontend.batch_seconds > 0 and frontend.to("cpu") is frontend
    waveforms = [torch.randn(n, generator=torch.Generator().manual_seed(n)) / 10 for n in (4000, 9000)]
    for batched, waveform in zip(frontend.many(waveforms), waveforms, strict=True):
        torch.testing.assert_close(batched, frontend(waveform), atol=1e-4, rtol=1e-3)
