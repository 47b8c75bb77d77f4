"""Load encoders: those that torchaudio publishes, or from files of torchaudio, Hugging Face and fairseq."""

from pathlib import Path
from typing import Any, NamedTuple
from urllib.error import URLError

import torch
import torchaudio
from torch import Tensor, nn

from rawm.config.frontends import SSL as Settings
from rawm.config.reading import expand
from rawm.errors import UserError
from rawm.frontends import ssl_config, ssl_weights


class Published(NamedTuple):
    """A published encoder.

    Attributes:
        architecture: function of torchaudio.models that builds it.
        bundle: name in torchaudio.pipelines.
        file: its weights' file name there.
        normalise: whether it was trained on waveforms of mean 0 and variance 1.
    """

    architecture: str
    bundle: str
    file: str
    normalise: bool


#: `model` of a front-end file -> the encoder.
PUBLISHED = {
    "wav2vec2_base": Published("wav2vec2_base", "WAV2VEC2_BASE", "wav2vec2_fairseq_base_ls960.pth", False),
    "wav2vec2_large": Published("wav2vec2_large", "WAV2VEC2_LARGE", "wav2vec2_fairseq_large_ls960.pth", False),
    "wav2vec2_large_lv60k": Published(
        "wav2vec2_large_lv60k", "WAV2VEC2_LARGE_LV60K", "wav2vec2_fairseq_large_lv60k.pth", True
    ),
    "wav2vec2_xlsr53": Published("wav2vec2_large_lv60k", "WAV2VEC2_XLSR53", "wav2vec2_fairseq_large_xlsr53.pth", True),
    "xlsr_300m": Published("wav2vec2_xlsr_300m", "WAV2VEC2_XLSR_300M", "wav2vec2_xlsr_300m.pth", True),
    "xlsr_1b": Published("wav2vec2_xlsr_1b", "WAV2VEC2_XLSR_1B", "wav2vec2_xlsr_1b.pth", True),
    "xlsr_2b": Published("wav2vec2_xlsr_2b", "WAV2VEC2_XLSR_2B", "wav2vec2_xlsr_2b.pth", True),
    "hubert_base": Published("hubert_base", "HUBERT_BASE", "hubert_fairseq_base_ls960.pth", False),
    "hubert_large": Published("hubert_large", "HUBERT_LARGE", "hubert_fairseq_large_ll60k.pth", True),
    "hubert_xlarge": Published("hubert_xlarge", "HUBERT_XLARGE", "hubert_fairseq_xlarge_ll60k.pth", True),
    "wavlm_base": Published("wavlm_base", "WAVLM_BASE", "wavlm_base.pth", False),
    "wavlm_base_plus": Published("wavlm_base", "WAVLM_BASE_PLUS", "wavlm_base_plus.pth", False),
    "wavlm_large": Published("wavlm_large", "WAVLM_LARGE", "wavlm_large.pth", True),
}


def load(settings: Settings) -> tuple[nn.Module, bool]:
    """Load torchaudio's `Wav2Vec2Model` in evaluation mode; the flag tells whether its waveforms are normalised.

    Raises:
        UserError: the weights are missing, or do not fit the model.
    """
    if not settings.weights:
        return _fetch(settings.model), PUBLISHED[settings.model].normalise
    path = expand(settings.weights)
    if not path.exists():
        raise UserError(f"weights: no file or folder {path}; put {_formats_message(settings.model)} there")
    state = ssl_weights.read(path)
    with torch.device("meta"):  # the initial weights are replaced, so they take neither memory nor time
        if settings.model == "custom":
            architecture = ssl_config.read(path)
            model, normalise = architecture.build(), architecture.normalise
        else:
            published = PUBLISHED[settings.model]
            model, normalise = getattr(torchaudio.models, published.architecture)(), published.normalise
    _require_match(state, model.state_dict(), path, settings.model)
    model.load_state_dict(state, assign=True)
    return model.eval().requires_grad_(False), normalise


def _fetch(name: str) -> nn.Module:
    """Load an encoder of torchaudio, from its cache or the network."""
    published = PUBLISHED[name]
    try:
        model = getattr(torchaudio.pipelines, published.bundle).get_model(dl_kwargs={"weights_only": True})
    except (URLError, OSError) as error:
        cached = Path(torch.hub.get_dir()) / "checkpoints" / published.file
        raise UserError(
            f"front-end {name}: its weights cannot be fetched ({getattr(error, 'reason', error)}); put torchaudio's "
            f"{published.file} at {cached}, or name {_formats_message(name)} in `weights` of the front-end file"
        ) from None
    return getattr(model, "model", model).eval().requires_grad_(False)  # without torchaudio's own normalisation


def _formats_message(name: str) -> str:
    what = "the encoder" if name == "custom" else name
    return f"{what} as torchaudio's state dict, fairseq's checkpoint or a Hugging Face folder"


def _require_match(state: dict[str, Tensor], wanted: dict[str, Any], path: Path, name: str) -> None:
    """Refuse weights whose names or shapes are not those of the model's state dict."""
    if problems := _tensor_problems(state, wanted):
        raise UserError(
            f"{path}: is not {'what its config.json says' if name == 'custom' else f'a {name}'}: {'; '.join(problems)}"
        )


def _tensor_problems(state: dict[str, Tensor], wanted: dict[str, Any]) -> list[str]:
    missing = [key for key in wanted if key not in state]
    unknown = [key for key in state if key not in wanted]
    reshaped = [key for key in wanted if key in state and state[key].shape != wanted[key].shape]
    problems = [f"{len(missing)} tensors are missing, first {missing[0]}"] if missing else []
    problems += [f"{len(unknown)} are unknown, first {unknown[0]}"] if unknown else []
    problems += [f"{key} is {tuple(state[key].shape)} and not {tuple(wanted[key].shape)}" for key in reshaped[:1]]
    return problems
