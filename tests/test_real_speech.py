"""A small study on real recordings, fetched from the machine's Debian mirror: two tasks, two methods, two seeds."""

import json
import shutil

import pytest
from test_workflow import ROOT, SNAKEFILE, run

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
}  # fmt: skip


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("real_speech")
    shutil.copytree(ROOT / "config", folder / "config")
    for name, text in FILES.items():
        (folder / "config" / name).write_text(text)
    run("snakemake", "--snakefile", str(SNAKEFILE), "--cores", "2", "--config", "study=short", folder=folder)
    return folder


def test_a_detector_learns_real_speech(finished):
    for method in ("finetune", "rawm"):
        for seed in (0, 1):
            metrics = json.loads((finished / f"results/short/runs/{method}/seed{seed}/metrics.json").read_text())
            assert metrics["eer_matrix"][1][0] < 30  # the first task, just learned
            assert len(metrics["eer_matrix"]) == 3


def test_the_audit_finds_nothing_wrong(finished):
    _, text = run("rawm", "corpora", "check", "short_es", "--deep", folder=finished)
    assert "0 error(s), 0 warning(s)" in text


def test_mirrored_to_mlflow(finished):
    receipt = json.loads((finished / "results/short/tracking.json").read_text())
    assert len(receipt["runs"]) == 4
