"""Speed of front-ends on FLAC files, beside its targets; a part of `make bench`.

LFCC over real time on one core. Extraction by a small random encoder over its bare forward passes on the same audio,
which are given decoded, in batches of the same lengths; and by a random XLS-R 300M over the loop that is usual with
transformers, where it can be imported: it is no dependency. Extraction loads its encoder within its time, as that loop
does. One thread computes; the best of some rounds in turn.
"""

import contextlib
import importlib.util
import io
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
import typer
from measured import Measured, report
from support import encoders
from torch.nn.utils.rnn import pad_sequence

from rawm import audio, manifest
from rawm.config.corpora import TableCorpus
from rawm.config.frontends import LFCC, SSL
from rawm.features.extract import extract as extract_features
from rawm.features.windows import batches
from rawm.frontends import ssl_config

ROUNDS = 3
HINT = "The comparison with transformers is skipped: it is not installed (.venv/bin/uv pip install -e '.[bench]')."


def make_corpus(folder: Path, seconds: list[float]) -> TableCorpus:
    """A corpus of noise of such lengths, with its manifest."""
    rng, rows = np.random.default_rng(0), []
    for number, length in enumerate(seconds):
        name = f"u{number:04}"
        audio.save_flac(folder / f"{name}.flac", rng.normal(0, 0.1, round(16000 * length)), 16000)
        rows.append(dict.fromkeys(manifest.COLUMNS, "-") | {"utterance_id": name, "path": f"{name}.flac"})
        rows[-1] |= {"label": "fake", "split": "train", "duration_s": length, "group": name}
    manifest.write(rows, folder / "mine.parquet")
    return TableCorpus(loader="table", name="mine", table="t.csv", root=str(folder))


def extract(folder: Path, corpus: TableCorpus, settings: Any) -> None:
    """Extraction as `rawm extract` does it, without its progress."""
    with contextlib.redirect_stderr(io.StringIO()):
        extract_features(corpus, settings, "train", folder / "mine.parquet", folder / "out.safetensors")


def best(jobs: list[Callable[[], None]], rounds: int = ROUNDS) -> list[float]:
    """Least seconds of each job over rounds in which every job takes its turn, so that a slow moment hits all alike."""
    taken = np.full((rounds, len(jobs)), np.inf)
    for round_ in range(rounds):
        for number, job in enumerate(jobs):
            start = time.perf_counter()
            job()
            taken[round_, number] = time.perf_counter() - start
    return taken.min(0).tolist()


def lfcc_over_real_time() -> float:
    """Seconds of audio a second."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        corpus = make_corpus(folder, [4.0] * 100)
        (seconds,) = best([lambda: extract(folder, corpus, LFCC(type="lfcc"))])
    return 400 / seconds


def small_encoder(folder: Path) -> tuple[torch.nn.Module, Path]:
    """An encoder of the wide convolutions of the published ones, and a small Transformer."""
    shape = {"conv_dim": [512] * 7, "hidden_size": 384, "num_hidden_layers": 4, "intermediate_size": 1536}
    path = folder / "encoder.pt"
    path.with_suffix(".json").write_text(json.dumps(encoders.config("large") | shape))
    model = ssl_config.read(path).build().eval()
    torch.save(model.state_dict(), path)
    return model, path


def extraction_over_forward() -> tuple[float, float]:
    """Throughput of extraction over that of the model alone: in the same batches, and one utterance at a time."""
    seconds = np.random.default_rng(0).lognormal(np.log(3.5), 0.5, 40).clip(1, 10).tolist()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        corpus = make_corpus(folder, seconds)
        model, weights = small_encoder(folder)
        settings = SSL(type="ssl", model="custom", weights=str(weights), batch_seconds=30)
        waveforms = [torch.from_numpy(audio.load(folder / f"u{i:04}.flac", 16000)) for i in range(len(seconds))]
        padded = []
        for chosen in batches([len(x) for x in waveforms], 30 * 16000):
            lengths = torch.tensor([len(waveforms[i]) for i in chosen])
            padded.append((pad_sequence([waveforms[i] for i in chosen], batch_first=True), lengths))

        @torch.inference_mode()
        def forward() -> None:
            for batch, lengths in padded:
                model(batch, lengths)

        @torch.inference_mode()
        def one_by_one() -> None:
            for waveform in waveforms:
                model(waveform[None])

        batched, single, ours = best([forward, one_by_one, lambda: extract(folder, corpus, settings)])
    return batched / ours, single / ours


def extraction_over_transformers() -> float:
    """Throughput of extraction over that of one file after another through transformers, XLS-R 300M."""
    import soundfile
    from transformers import Wav2Vec2Config, Wav2Vec2FeatureExtractor, Wav2Vec2Model

    large = {"hidden_size": 1024, "num_hidden_layers": 24, "num_attention_heads": 16, "intermediate_size": 4096}
    norms = {"feat_extract_norm": "layer", "conv_bias": True, "do_stable_layer_norm": True}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        corpus = make_corpus(folder, [2.0, 3.0, 4.0, 3.5, 2.5])
        Wav2Vec2Model(Wav2Vec2Config(**large, **norms)).save_pretrained(folder / "model")
        prepare = Wav2Vec2FeatureExtractor(do_normalize=True, return_attention_mask=True)
        prepare.save_pretrained(folder / "model")
        settings = SSL(type="ssl", model="xlsr_300m", weights=str(folder / "model"))

        @torch.inference_mode()
        def loop() -> None:
            model = Wav2Vec2Model.from_pretrained(folder / "model").eval()
            for path in sorted(folder.glob("*.flac")):
                samples, rate = soundfile.read(path, dtype="float32")
                inputs = prepare(samples, sampling_rate=rate, return_tensors="pt")
                model(**inputs).last_hidden_state.numpy().astype(np.float16)

        theirs, ours = best([loop, lambda: extract(folder, corpus, settings)], rounds=2)
    return theirs / ours


def main(output: Path | None = None) -> None:
    """Measure, print and write everything."""
    torch.set_num_threads(1)
    lfcc = lfcc_over_real_time()
    batched, single = extraction_over_forward()
    installed = importlib.util.find_spec("transformers") is not None
    if not installed:
        print(HINT)
    loop = extraction_over_transformers() if installed else None
    rows = [
        Measured("LFCC with deltas, FLAC decoded, over real time", lfcc, "", ">= 200"),
        Measured("small encoder: extraction over forward passes in the same batches", batched, "", ">= 0.8"),
        Measured("small encoder: extraction over forward passes one by one", single, "", ">= 0.8"),
        Measured("XLS-R 300M: extraction over a loop with transformers", loop, "", "> 1"),
    ]
    report("Front-ends", rows, output)


if __name__ == "__main__":
    typer.run(main)
