"""Self-supervised front-ends: small random encoders of every family, in every kind of file."""

import collections
import json
import os
import subprocess
import sys
import types

import numpy as np
import pytest
import torch
import torchaudio
from support import encoders

from rawm.config.frontends import SSL
from rawm.errors import UserError
from rawm.frontends import build, ssl_weights
from rawm.frontends.ssl_encoders import PUBLISHED
from rawm.study import load_frontend

SAVERS = {
    "torchaudio": encoders.save_torchaudio,
    "hugging_face": encoders.save_hugging_face,
    "fairseq": encoders.save_fairseq,
}


def settings(path, **given):
    return SSL(type="ssl", model="custom", weights=str(path), **given)


def noise(n, seed=0):
    return torch.from_numpy(np.random.default_rng(seed).normal(0, 0.1, n).astype(np.float32))


def own_states(model, x):
    """The last state and all others, by the model itself."""
    with torch.no_grad():
        return model(x[None])[0][0], [state[0] for state in model.extract_features(x[None])[0]]


@pytest.mark.slow
@pytest.mark.parametrize("kind", SAVERS)
@pytest.mark.parametrize("family", encoders.FAMILIES)
def test_features_are_the_models_own_whatever_the_file(tmp_path, family, kind):
    model = encoders.encoder(family)
    if kind == "fairseq":  # its checkpoints hold half precision
        model.load_state_dict({key: value.half().float() for key, value in model.state_dict().items()})
    path = SAVERS[kind](model, family, tmp_path)
    x = noise(9000)
    last, states = own_states(model, x)
    frontend = build(settings(path))
    assert (frontend.dim, frontend.pooled, frontend.min_samples) == (encoders.DIM, False, 400)
    assert frontend(x).shape == (1 + (9000 - 400) // 320, encoders.DIM) and frontend(x).dtype == torch.float32
    torch.testing.assert_close(frontend(x), last, atol=1e-5, rtol=1e-5)
    for number in range(1, encoders.LAYERS):
        torch.testing.assert_close(build(settings(path, layers=[number]))(x), states[number - 1], atol=1e-5, rtol=1e-5)


def test_layers_are_averaged_with_their_weights(tmp_path):
    path = encoders.save_torchaudio(encoders.encoder("large"), "large", tmp_path)
    x = noise(5000)
    states = [build(settings(path, layers=[number]))(x) for number in range(4)]
    torch.testing.assert_close(build(settings(path, layers=[1, 3, 0]))(x), (states[0] + states[1] + states[3]) / 3)
    mixed = build(settings(path, layers=[-1, 2], layer_weights=[1, 3]))(x)
    torch.testing.assert_close(mixed, (states[3] + 3 * states[2]) / 4)
    mean, both = build(settings(path, pooling="mean")), build(settings(path, pooling="mean_std"))
    torch.testing.assert_close(mean(x), states[3].mean(0))
    torch.testing.assert_close(both(x), torch.cat([states[3].mean(0), states[3].std(0, correction=0)]))
    assert (mean.dim, both.dim, mean.pooled) == (24, 48, True)


@pytest.mark.parametrize("layers", [[4], [-5], [3, -1]])
def test_wrong_layers_give_one_sentence(tmp_path, layers):
    path = encoders.save_torchaudio(encoders.encoder("base"), "base", tmp_path)
    with pytest.raises(UserError, match="custom has 3 layers; name each of 0 to 3 once"):
        build(settings(path, layers=layers))


@pytest.mark.parametrize("normalise", [False, True])
@pytest.mark.parametrize("family", encoders.FAMILIES)
def test_a_batch_gives_what_single_utterances_give(tmp_path, family, normalise):
    path = encoders.save_torchaudio(encoders.encoder(family), family, tmp_path)
    (tmp_path / "encoder.json").write_text(json.dumps(encoders.config(family, normalise)))
    frontend = build(settings(path, layers=[0, 1, 2, 3]))
    waveforms = [3 * noise(n, n) + 0.1 for n in (400, 16000, 2560, 7001, 16000)]
    for waveform, together in zip(waveforms, frontend.many(waveforms), strict=True):
        alone = frontend(waveform)
        assert together.shape == alone.shape
        assert (together - alone).abs().max() < 1e-4 * alone.abs().max()


def test_waveforms_are_normalised_only_for_models_that_want_it(tmp_path):
    path = encoders.save_torchaudio(encoders.encoder("large"), "large", tmp_path)
    x = noise(5000)
    assert (build(settings(path))(5 * x + 0.2) - build(settings(path))(x)).abs().max() > 0.01
    plain = build(settings(path))
    (tmp_path / "encoder.json").write_text(json.dumps(encoders.config("large", normalise=True)))
    frontend = build(settings(path))
    torch.testing.assert_close(frontend(5 * x + 0.2), frontend(x), atol=1e-3, rtol=1e-3)
    torch.testing.assert_close(frontend(x), plain((x - x.mean()) / x.std(correction=0)), atol=1e-3, rtol=1e-3)


def test_too_short_a_waveform_is_refused(tmp_path):
    frontend = build(settings(encoders.save_torchaudio(encoders.encoder("base"), "base", tmp_path)))
    with pytest.raises(ValueError, match="at least"):
        frontend(torch.zeros(399))


@pytest.mark.parametrize("family", encoders.FAMILIES)
def test_half_precision_is_close(tmp_path, family):
    path = encoders.save_torchaudio(encoders.encoder(family), family, tmp_path)
    waveforms = [noise(8000), noise(5000)]
    exact, half = build(settings(path)), build(settings(path, precision="bfloat16"))
    for a, b in zip(exact.many(waveforms), half.many(waveforms), strict=True):
        assert b.dtype == torch.float32 and 0 < (a - b).abs().max() < 0.1 * a.abs().max()


def test_checkpoints_of_before_torch_1_6_are_read_too(tmp_path):
    model = encoders.encoder("base")
    x = noise(3000)
    new = build(settings(encoders.save_fairseq(model, "base", tmp_path)))(x)
    assert torch.equal(build(settings(encoders.save_fairseq(model, "base", tmp_path, legacy=True)))(x), new)


class Attack:
    """Runs a command where it is unpickled as Python would."""

    def __init__(self, file):
        self.file = file

    def __reduce__(self):
        return os.system, (f"touch {self.file}",)


def test_nothing_in_a_checkpoint_is_run(tmp_path):
    path = encoders.save_torchaudio(encoders.encoder("base"), "base", tmp_path)
    state = torch.load(path, weights_only=True)
    for zipped in (True, False):
        torch.save({"model": state, "args": Attack(tmp_path / "run")}, path, _use_new_zipfile_serialization=zipped)
        with pytest.raises(UserError, match=r"encoder\.pt: cannot be read as weights"):
            build(settings(path))
    assert not (tmp_path / "run").exists()


#: How training scripts wrap a state dict.
WRAPPED = {
    "model_state_dict": lambda state: {"epoch": 3, "model_state_dict": dict(state)},
    "model": lambda state: {"epoch": 3, "model": state},
    "net": lambda state: {"net": {f"module.{key}": value for key, value in state.items()}},
    "nested": lambda state: {"checkpoint": {"trainer": {"state_dict": state}}},
    "list": lambda state: [3, state],
    "pairs": lambda state: list(state.items()),
    "beside another": lambda state: {"averaged": {key: value + 1 for key, value in state.items()}, "model": state},
    "counter": lambda state: collections.Counter(state),
}


@pytest.mark.parametrize("kind", WRAPPED)
@pytest.mark.parametrize("zipped", [True, False])
def test_wrappers_of_weights_are_looked_through(tmp_path, kind, zipped):
    path = encoders.save_torchaudio(encoders.encoder("base"), "base", tmp_path)
    expected, state = ssl_weights.read(path), torch.load(path, weights_only=True)
    torch.save(WRAPPED[kind](state), path, _use_new_zipfile_serialization=zipped)
    read = ssl_weights.read(path)
    assert read.keys() == expected.keys()
    assert all(torch.equal(read[key], expected[key]) for key in expected)


#: Containers that torch does not read without running code. Those of the first reports: defaultdict.
REFUSED = {
    "collections.defaultdict": lambda state: {"model_state_dict": collections.defaultdict(None, state)},
    "collections.deque": lambda state: collections.deque([state]),
    "collections.UserDict": lambda state: {"model": collections.UserDict(state)},
    "types.SimpleNamespace": lambda state: types.SimpleNamespace(state=state),
    "torch.nn.modules.linear.Linear": lambda state: torch.nn.Linear(2, 2),
}


@pytest.mark.parametrize("kind", REFUSED)
@pytest.mark.parametrize("zipped", [True, False])
def test_containers_that_are_not_read_give_one_sentence_that_says_how_to_save_again(tmp_path, kind, zipped):
    torch.save(REFUSED[kind]({"weight": torch.zeros(2)}), tmp_path / "x.pt", _use_new_zipfile_serialization=zipped)
    with pytest.raises(UserError, match=rf"objects of {kind}, which are not read; save dict\(model") as raised:
        ssl_weights.read(tmp_path / "x.pt")
    assert len(str(raised.value).splitlines()) == 1 and len(str(raised.value)) < 400


def test_weights_that_are_sparse_or_no_regular_file_give_one_sentence(tmp_path):
    name = "feature_extractor.conv_layers.0.conv.weight"
    torch.save({"net": {name: torch.ones(2, 2).to_sparse()}}, tmp_path / "x.pt")
    with pytest.raises(UserError, match=rf"x\.pt: {name}: holds a sparse tensor"):
        ssl_weights.read(tmp_path / "x.pt")
    os.mkfifo(tmp_path / "pipe.safetensors")
    with pytest.raises(UserError, match="is a named pipe, not a regular file"):
        ssl_weights.read(tmp_path / "pipe.safetensors")


def test_weights_that_do_not_fit_give_one_sentence(tmp_path):
    path = encoders.save_torchaudio(encoders.encoder("base"), "base", tmp_path)
    with pytest.raises(UserError, match=r"encoder\.pt: is not a wav2vec2_base: \d+ tensors are missing, first [\w.]+;"):
        build(SSL(type="ssl", model="wav2vec2_base", weights=str(path)))
    with pytest.raises(UserError, match=r"no file or folder .*none\.pt; put wavlm_large as torchaudio's state dict"):
        build(SSL(type="ssl", model="wavlm_large", weights=str(tmp_path / "none.pt")))
    torch.save({"weight": torch.zeros(3)}, tmp_path / "other.pt")
    with pytest.raises(UserError, match=r"other\.pt: holds no encoder"):
        build(settings(tmp_path / "other.pt"))
    (tmp_path / "bad.pt").write_bytes(b"no weights")
    with pytest.raises(UserError, match=r"bad\.pt: cannot be read as weights"):
        build(settings(tmp_path / "bad.pt"))
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match=r"empty: has no model\.safetensors"):
        build(settings(tmp_path / "empty"))
    (tmp_path / "encoder.json").unlink()
    with pytest.raises(UserError, match=r"encoder\.json: no such file; describe the encoder in it"):
        build(settings(path))


@pytest.mark.slow
def test_without_network_and_file_one_sentence_says_what_to_put_where(tmp_path):
    nowhere = {name: "http://127.0.0.1:9" for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY")}
    code = (
        "from rawm.study import load_frontend\nfrom rawm.errors import UserError\nfrom rawm.frontends import build\n"
        "try:\n    build(load_frontend('wav2vec2_base'))\nexcept UserError as error:\n    print(error)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | nowhere | {"TORCH_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    said = done.stdout.splitlines()[-1]  # the line before is torch's: which file it tries to fetch
    assert said.startswith("front-end wav2vec2_base: its weights cannot be fetched"), done.stderr
    cached = tmp_path / "hub" / "checkpoints" / "wav2vec2_fairseq_base_ls960.pth"
    assert f"put torchaudio's wav2vec2_fairseq_base_ls960.pth at {cached}, or name" in said


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_encoders_are_torchaudios_bundles(name):
    published = PUBLISHED[name]
    bundle = getattr(torchaudio.pipelines, published.bundle)
    assert (published.file, published.normalise) == (bundle._path, bundle._normalize_waveform)
    with torch.device("meta"):
        ours = getattr(torchaudio.models, published.architecture)()
        theirs = torchaudio.models.wavlm_model if bundle._model_type == "WavLM" else torchaudio.models.wav2vec2_model
        theirs = theirs(**bundle._params)
    assert repr(ours).replace("0.1", "0.0") == repr(theirs).replace("0.1", "0.0")  # but for dropout
    shapes = [{key: value.shape for key, value in model.state_dict().items()} for model in (ours, theirs)]
    assert shapes[0] == shapes[1]


@pytest.mark.parametrize(("label", "model", "pooled"), [("xlsr_53_mean", "wav2vec2_xlsr53", "mean")])
def test_front_ends_of_the_studies(label, model, pooled):
    loaded = load_frontend(label)
    assert (loaded.model, loaded.layers, loaded.pooling) == (model, [-1], pooled)


@pytest.mark.parametrize("family", encoders.FAMILIES)
def test_hidden_states_are_those_of_transformers(tmp_path, family):
    transformers = pytest.importorskip("transformers")
    values = encoders.config(family, normalise=False)
    kind = {"wavlm": "WavLM", "wav2vec2": "Wav2Vec2"}[values["model_type"]]
    torch.manual_seed(0)
    model = getattr(transformers, f"{kind}Model")(getattr(transformers, f"{kind}Config")(**values)).eval()
    model.save_pretrained(tmp_path)
    x = noise(9000)
    with torch.no_grad():
        states = model(x[None], output_hidden_states=True)
    for number, state in enumerate(states.hidden_states[:-1]):
        ours = build(settings(tmp_path, layers=[number]))(x)
        torch.testing.assert_close(ours, state[0], atol=1e-4, rtol=1e-3)
    torch.testing.assert_close(build(settings(tmp_path))(x), states.last_hidden_state[0], atol=1e-4, rtol=1e-3)
