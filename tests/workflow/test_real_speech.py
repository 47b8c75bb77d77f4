"""Small studies on real recordings, fetched from the machine's Debian mirror: two tasks, and detectors of all kinds."""

import json
import shutil

import pytest
from support import encoders
from support.commands import ROOT, run, snakemake

pytestmark = [
    pytest.mark.apt,
    pytest.mark.skipif(not shutil.which("apt-get"), reason="open speech needs apt-get"),
]

CORPUS = """
loader: open_speech
recipe:
  language: {language}
  limit: 60
  max_s: 3
  sources: [{{package: {package}, files: {files}, suffix: .gsm, speaker: {speaker}}}]
  attacks: [{{type: world, name: vocoder-world, envelope_bands: {bands}}}]
  channel: {{codec: mulaw, low_hz: 150, high_hz: 3500}}
"""
FILES = {
    "corpora/short_es.yaml": CORPUS.format(
        language="es", package="asterisk-prompt-es-co", files="usr/share/asterisk/sounds/es", speaker="july", bands=12
    ),
    "corpora/short_fr.yaml": CORPUS.format(
        language="fr", package="asterisk-prompt-fr-armelle", files="usr/share/asterisk/sounds/fr", speaker="a", bands=8
    ),
    "streams/short.yaml": """
title: Short
tasks:
  - {name: spanish, corpora: [short_es], train: {genuine: 20}}
  - {name: french, corpora: [short_fr], train: {genuine: 20}}
""",
    "studies/short.yaml": """
title: Short real speech
stream: short
frontend: lfcc_stats
detector: mlp_small
methods: [finetune, rawm]
seeds: [0, 1]
""",
    "frontends/small_ssl.yaml": "{type: ssl, model: custom, weights: encoder.pt, layers: [1, -1], batch_seconds: 20}",
    "detectors/small_lcnn.yaml": "{type: lcnn, channels: 4, recurrent_layers: 1, embedding: 16, dropout: 0}",
    "detectors/small_scnn.yaml": "{type: scnn, projection: 16, channels: 16}",
}  # fmt: skip

#: Studies on frames: front-end and detector.
ON_FRAMES = {"lcnn": ("lfcc", "small_lcnn"), "scnn": ("lfcc", "small_scnn"), "ssl": ("small_ssl", "small_scnn")}
for name, (frontend, detector) in ON_FRAMES.items():
    FILES[f"studies/short_{name}.yaml"] = f"""
title: Short real speech, {detector} on {frontend}
stream: short
frontend: {frontend}
detector: {detector}
methods: [rawm]
seeds: [0]
training: {{epochs: 4, learning_rate: 0.01, crop_frames: 100}}
equal_training: true
"""


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("real_speech")
    shutil.copytree(ROOT / "config", folder / "config")
    for name, text in FILES.items():
        (folder / "config" / name).write_text(text)
    snakemake(folder, "--cores", "2", study="short")
    return folder


def test_a_detector_learns_real_speech(finished):
    for method in ("finetune", "rawm"):
        for seed in (0, 1):
            metrics = json.loads((finished / f"results/short/runs/{method}/seed{seed}/metrics.json").read_text())
            assert metrics["eer_matrix"][1][0] < 30  # the first task, just learned
            assert len(metrics["eer_matrix"]) == 3


@pytest.mark.parametrize("name", ON_FRAMES)
def test_detectors_of_frames_are_trained_on_real_speech(name, finished):
    encoders.save_torchaudio(encoders.encoder("base"), "base", finished)
    target = f"results/short_{name}/runs/rawm/seed0/metrics.json"
    snakemake(finished, "--cores", "2", target, study=f"short_{name}")
    matrix = json.loads((finished / target).read_text())["eer_matrix"]
    assert matrix[1] != matrix[0] and matrix[2] != matrix[1]  # both tasks changed the detector
    history = finished / f"results/short_{name}/runs/rawm/seed0/task1/history.jsonl"
    losses = [json.loads(line)["loss"] for line in history.read_text().splitlines()]
    assert losses[-1] < losses[0]


def test_the_audit_finds_nothing_wrong(finished):
    _, text = run("rawm", "corpora", "check", "short_es", "--deep", folder=finished)
    assert "0 error(s), 0 warning(s)" in text


def test_mirrored_to_mlflow(finished):
    receipt = json.loads((finished / "results/short/tracking.json").read_text())
    assert len(receipt["runs"]) == 4
