"""Studies on frames, from sound files to scores: every detector on LFCC of two tasks of synthetic signals."""

import shutil
from pathlib import Path

import pandas as pd
import pytest
import torch
import yaml

from rawm import paths
from rawm.config.reading import ConfigError
from rawm.corpora import make
from rawm.detectors import checkpoint
from rawm.features.extract import extract
from rawm.metrics.detection import eer
from rawm.runs import results
from rawm.runs.run import Run
from rawm.study import load_corpus, load_frontend, load_study
from rawm.training.evaluation import evaluate_run
from rawm.training.task import train_task

ROOT = Path(__file__).parents[2]
CPU = torch.device("cpu")

#: Small detectors, and steps that are large enough to learn in few epochs.
DETECTORS = {
    "mlp": {"type": "mlp", "hidden": [32]},
    "scnn": {"type": "scnn", "projection": 16, "channels": 16},
    "lcnn": {"type": "lcnn", "channels": 4, "recurrent_layers": 1, "embedding": 16, "dropout": 0},
    "aasist": {"type": "aasist", "projection": 24, "channels": [4, 8], "graph": [8, 8], "graph_dropout": 0},
}


def write(path, change):
    """Write a file of config/ with a change to the shipped one, where there is one."""
    shipped = ROOT / "config" / path
    content = yaml.safe_load(shipped.read_text()) if shipped.exists() else {}
    (Path("config") / path).write_text(yaml.safe_dump(content | change))


@pytest.fixture(scope="module")
def features(tmp_path_factory, one_thread):
    """Two corpora with LFCC frames in the working directory, and studies of theirs."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("frames"))
        shutil.copytree(ROOT / "config", "config")
        stream = yaml.safe_load((ROOT / "config/streams/synthetic.yaml").read_text())
        write("streams/synthetic.yaml", {"tasks": stream["tasks"][:2]})
        for name, values in DETECTORS.items():
            Path(f"config/detectors/small_{name}.yaml").write_text(yaml.safe_dump(values))
            training = {"epochs": 6, "batch_size": 8, "learning_rate": 0.01, "crop_frames": 40}
            study = {"title": name, "frontend": "lfcc", "detector": f"small_{name}", "methods": ["rawm"]}
            write("studies/synthetic.yaml", study | {"training": training, "equal_training": True})
            shutil.copy("config/studies/synthetic.yaml", f"config/studies/frames_{name}.yaml")
        for task in stream["tasks"][:2]:
            corpus = load_corpus(task["corpora"][0])
            make(corpus)
            for split in paths.SPLITS:
                output = paths.features("lfcc", corpus.name, split)
                extract(corpus, load_frontend("lfcc"), split, paths.manifest(corpus.name), output)
        yield


@pytest.mark.parametrize("name", DETECTORS)
def test_a_study_on_frames_runs_from_sound_to_scores_and_learns(name, features):
    study = load_study(f"frames_{name}")
    for number in (1, 2):
        train_task(Run(study, "rawm", 0), number, CPU)
    evaluate_run(Run(study, "rawm", 0), CPU)
    history = results.history(study)
    assert history[history.task == 1].loss.iloc[-1] < history[history.task == 1].loss.iloc[0]
    scores = Run(study, "rawm", 0).scores
    assert set(zip(scores.after, scores.task, strict=True)) >= {(1, 1), (2, 1), (2, 2)}
    assert scores.score.notna().all()
    kept = pd.read_parquet(Run(study, "rawm", 0).scores_path)
    development = kept[kept.split == "dev"]
    assert set(zip(development.after, development.task, strict=True)) == {(1, 1), (2, 1), (2, 2)}
    learned = development[(development.after == 1) & (development.task == 1)].groupby("label").score
    assert 100 * eer(*map(learned.get_group, ("genuine", "fake"))).value == history[history.task == 1].dev_eer.iloc[-1]
    detector, header = checkpoint.load_detector(Run(study, "rawm", 0).detector_path(2))
    assert type(detector).__name__.lower() == name
    assert '"pooled": false' in header["shape"]


def test_a_detector_of_frames_is_refused_with_a_pooling_front_end(features):
    write("studies/synthetic.yaml", {"frontend": "lfcc_stats", "detector": "scnn"})
    with pytest.raises(ConfigError, match=r"detector scnn works on frames, but frontend lfcc_stats pools them"):
        load_study("synthetic")
