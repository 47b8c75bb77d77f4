"""Neural front-ends and shards through real Snakemake, on a part of the synthetic study."""

import shutil
import subprocess

import pytest
import torch
from support import encoders
from support.commands import ENVIRONMENT, ROOT, snakemake

from rawm.features.store import FeatureStore

METRICS = "results/synthetic/runs/finetune/seed0/metrics.json"
FRONTEND = """
type: ssl
model: custom
weights: encoder.pt
layers: [1, -1]
batch_seconds: 4
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A working folder with a small encoder; one shard of the first corpus is there, as if a run had been killed."""
    folder = tmp_path_factory.mktemp("ssl")
    shutil.copytree(ROOT / "config", folder / "config")
    encoders.save_torchaudio(encoders.encoder("base"), "base", folder)
    (folder / "config/frontends/small_ssl.yaml").write_text(FRONTEND)
    study = folder / "config/studies/synthetic.yaml"
    lines = [
        line
        for line in study.read_text().splitlines()
        if not line.startswith(("frontend", "methods", "seeds", "  epochs"))
    ]
    study.write_text(
        "\n".join([*lines, "  epochs: 2", "frontend: small_ssl", "methods: [finetune]", "seeds: [0]"]) + "\n"
    )
    stream = folder / "config/streams/synthetic.yaml"
    stream.write_text("title: One task\ntasks:\n  - name: buzz\n    corpora: [synthetic_buzz]\n")
    shard = "results/features/small_ssl/synthetic_buzz/shards/1of2/train.safetensors"
    snakemake(folder, "shards=2", "--cores", "2", "--notemp", shard)[1]
    return folder


def test_a_small_random_encoder_trains_a_detector_and_a_killed_run_lacks_one_shard(folder):
    text = snakemake(folder, "shards=2", "--cores", "2", METRICS)[1]
    assert text.count("rule extract_shard:") == text.count("rule extract_features:") == 1
    assert (folder / METRICS).is_file()
    features = folder / "results/features/small_ssl"
    assert not list(features.glob("*/shards/*/*.safetensors"))
    store = FeatureStore(features / "synthetic_buzz" / "train.safetensors")
    assert (store.dim, store.pooled) == (encoders.DIM, False) and len(store) > 50
    joined = store.path.read_bytes()
    whole = ["rawm", "extract", "--frontend", "small_ssl", "--corpus", "synthetic_buzz", "--split", "train"]
    subprocess.run([*whole, "--threads", "2"], cwd=folder, env=ENVIRONMENT, check=True, capture_output=True)
    assert store.path.read_bytes() == joined
    torch.save(encoders.encoder("base", seed=1).state_dict(), folder / "encoder.pt")
    assert "extract_shard" in snakemake(folder, "shards=2", "--dry-run", METRICS)[1]
