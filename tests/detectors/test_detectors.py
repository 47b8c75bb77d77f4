"""Detectors: the papers' parameter counts, padding without effect, weights that methods can protect."""

import pytest
import torch
from pydantic import TypeAdapter
from torch import nn

from rawm.config.detectors import DetectorFile
from rawm.config.reading import read_model
from rawm.detectors import DETECTORS, build, checkpoint
from rawm.detectors.detector import MaskedBatchNorm, valid
from rawm.detectors.recurrent import BidirectionalLSTM, reverse
from rawm.errors import UserError
from rawm.methods.method import freeze_all_but
from rawm.methods.parts.projected_layers import protectable
from rawm.paths import CONFIG
from rawm.study import labels

pytestmark = pytest.mark.usefixtures("one_thread")

#: Small versions of every type, without dropout.
SMALL = {
    "mlp": {"hidden": [16]},
    "linear": {"type": "mlp", "hidden": []},
    "scnn": {"projection": 8, "channels": 6, "kernel": 3},
    "lcnn": {"channels": 4, "embedding": 8, "dropout": 0},
    "aasist": {"projection": 12, "channels": [4, 6], "graph": [6, 4], "dropout": 0, "graph_dropout": 0},
}
EVERY = pytest.mark.parametrize("name", SMALL)
LENGTHS = torch.tensor([1, 2, 40, 3, 33, 17, 16, 64])


def settings(**values):
    return TypeAdapter(DetectorFile).validate_python(values)


def small(name, n_features=20):
    torch.manual_seed(0)
    return build(settings(**{"type": name} | SMALL[name]), n_features, False, 2)


def frames(n_features=20):
    return torch.randn(len(LENGTHS), 64, n_features, generator=torch.Generator().manual_seed(1))


def trained(detector):
    """Train for some steps, so that normalisation has running statistics."""
    optimizer = torch.optim.Adam(detector.parameters(), 0.01)
    for _ in range(3):
        loss = nn.functional.cross_entropy(detector(frames(), LENGTHS).logits, torch.arange(len(LENGTHS)) % 2)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return detector


def test_the_table_has_every_type():
    assert {values.get("type", name) for name, values in SMALL.items()} == set(DETECTORS)


@EVERY
def test_a_padded_minibatch_equals_single_utterances(name):
    detector = trained(small(name)).eval()
    with torch.no_grad():
        together = detector(frames(), LENGTHS)
        for row, length in enumerate(LENGTHS):
            alone = detector(frames()[row : row + 1, :length], LENGTHS[row : row + 1])
            torch.testing.assert_close(together.embedding[row], alone.embedding[0], atol=1e-5, rtol=1e-5)
            torch.testing.assert_close(together.logits[row], alone.logits[0], atol=1e-5, rtol=1e-5)


@EVERY
def test_padding_changes_neither_gradients_nor_running_statistics(name):
    plain, padded = small(name), small(name)
    more = torch.cat([frames(), torch.full((len(LENGTHS), 23, 20), 1e3)], dim=1)
    for detector, x in ((plain, frames()), (padded, more)):
        nn.functional.cross_entropy(detector(x, LENGTHS).logits, torch.arange(len(LENGTHS)) % 2).backward()
    for (key, one), other in zip(plain.named_buffers(), padded.buffers(), strict=True):
        torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-4, msg=key)
    for (key, one), other in zip(plain.named_parameters(), padded.parameters(), strict=True):
        torch.testing.assert_close(one.grad, other.grad, atol=1e-5, rtol=1e-3, msg=key)


@EVERY
def test_a_frozen_detector_does_not_change_in_training_mode(name):
    detector = trained(small(name))
    detector.train()
    freeze_all_but(detector, {id(p) for p in detector.output.parameters()})
    before = {key: value.clone() for key, value in detector.named_buffers()}
    detector(frames(), LENGTHS)
    assert all(torch.equal(before[key], value) for key, value in detector.named_buffers())
    assert all(parameter.requires_grad == key.startswith("output.") for key, parameter in detector.named_parameters())


@EVERY
def test_projection_methods_protect_all_weights_but_normalisation_and_free_nodes(name):
    detector = small(name)
    protected = {id(p) for layer in protectable(detector).values() for p in layer.parameters()}
    free = {key for key, parameter in detector.named_parameters() if id(parameter) not in protected}
    assert all("norm" in key or key.endswith(("positions", "stack")) for key in free)


@EVERY
def test_a_saved_detector_gives_the_same_logits(name, tmp_path):
    detector = trained(small(name)).eval()
    header = checkpoint.describe(settings(**{"type": name} | SMALL[name]), 20, False, ("fake", "genuine"))
    checkpoint.save_detector(tmp_path / "detector.safetensors", detector, header)
    loaded, _ = checkpoint.load_detector(tmp_path / "detector.safetensors")
    assert torch.equal(detector(frames(), LENGTHS).logits, loaded.eval()(frames(), LENGTHS).logits)


@pytest.mark.parametrize(
    ("label", "n_features", "count"),
    [
        ("scnn", 1024, 435_762),
        ("scnn", 60, 188_978),
        ("lcnn", 60, 275_840 + 130),  # published: 276 thousand up to the embedding of 64
        ("aasist", 1024, 297_866 + 131_200 + 16_960 + 1_216),  # published, projection, attention, more positions
    ],
)
def test_parameter_counts(label, n_features, count):
    detector = build(read_model(CONFIG / "detectors" / f"{label}.yaml", DetectorFile), n_features, False, 2)
    assert sum(parameter.numel() for parameter in detector.parameters()) == count
    assert f"{count:,}" in type(detector).__doc__


@EVERY
def test_the_configuration_knows_the_parts_of_every_detector(name):
    built = {parameter.split(".")[0] for parameter, _ in small(name).named_parameters()}
    without = {"hidden"} if name == "linear" else set()
    assert built == set(settings(**{"type": name} | SMALL[name]).parts) - without


@pytest.mark.parametrize("label", labels("detectors"))
def test_every_detector_file_builds(label):
    chosen = read_model(CONFIG / "detectors" / f"{label}.yaml", DetectorFile)
    detector = build(chosen, 60, not chosen.frames_only, 3).eval()
    features = torch.zeros(2, 100, 60) if chosen.frames_only else torch.zeros(2, 60)
    output = detector(features, torch.tensor([100, 80]) if chosen.frames_only else None)
    assert output.logits.shape == (2, 3)
    assert output.embedding.shape == (2, detector.output.in_features)


@pytest.mark.parametrize("name", ["scnn", "lcnn", "aasist"])
def test_a_detector_of_frames_refuses_single_vectors(name):
    with pytest.raises(UserError, match=r"works on frames.*pooling: none"):
        build(settings(**{"type": name} | SMALL[name]), 20, True, 2)


@pytest.mark.parametrize("affine", [True, False])
@pytest.mark.parametrize("training", [True, False])
def test_masked_normalisation_equals_torchs_on_unmasked_positions(affine, training):
    ours, torchs = MaskedBatchNorm(5, affine=affine), nn.BatchNorm1d(5, affine=affine)
    x, mask = torch.randn(8, 5, 64) * 3 + 2, valid(LENGTHS, 64)
    inside = x.transpose(1, 2)[mask]
    for _ in range(2):
        ours.train()(x * mask[:, None], mask[:, None].float()), torchs.train()(inside)
    result = ours.train(training)(x * mask[:, None], mask[:, None].float())
    torch.testing.assert_close(result.transpose(1, 2)[mask], torchs.train(training)(inside), atol=1e-5, rtol=1e-5)
    assert (result.transpose(1, 2)[~mask] == 0).all()
    for key, value in torchs.state_dict().items():
        torch.testing.assert_close(ours.state_dict()[key], value, atol=1e-5, rtol=1e-5)


def test_the_lstm_equals_torchs():
    torch.manual_seed(0)
    ours, torchs = BidirectionalLSTM(7, 5), nn.LSTM(7, 5, bidirectional=True, batch_first=True)
    for suffix, direction in (("", ours.forwards), ("_reverse", ours.backwards)):
        for kind, layer in (("ih", direction.inputs), ("hh", direction.recurrence)):
            layer.weight.data = getattr(torchs, f"weight_{kind}_l0{suffix}").data
            layer.bias.data = getattr(torchs, f"bias_{kind}_l0{suffix}").data
    x = torch.randn(8, 64, 7)
    packed = nn.utils.rnn.pack_padded_sequence(x, LENGTHS, batch_first=True, enforce_sorted=False)
    expected, _ = nn.utils.rnn.pad_packed_sequence(torchs(packed)[0], batch_first=True)
    result = ours(x, LENGTHS) * valid(LENGTHS, 64)[..., None]
    torch.testing.assert_close(result, expected, atol=1e-5, rtol=1e-5)


def test_reversing_keeps_padding_in_place():
    x = torch.tensor([[1, 2, 3, 0], [1, 2, 0, 0]])[..., None]
    assert reverse(x, torch.tensor([3, 2]))[..., 0].tolist() == [[3, 2, 1, 0], [2, 1, 0, 0]]
