"""Real detectors of synthetic signals, trained and evaluated as the workflow does it."""

import shutil
from pathlib import Path

import pytest
import torch
import yaml

from rawm import paths
from rawm.corpora import make
from rawm.detection.export import export
from rawm.features.extract import extract
from rawm.runs.run import Run
from rawm.study import load_corpus, load_frontend, load_study
from rawm.training.evaluation import evaluate_run
from rawm.training.task import train_task

ROOT = Path(__file__).parents[2]
METHODS = ("finetune", "rawm", "replay", "joint")


@pytest.fixture(scope="session")
def finished(tmp_path_factory):
    """The folder of a finished study of three tasks."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("detection")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        shutil.copytree(ROOT / "config", "config")
        settings = yaml.safe_load(Path("config/studies/synthetic.yaml").read_text())
        settings |= {"methods": list(METHODS), "training": {"epochs": 8}}
        Path("config/studies/synthetic.yaml").write_text(yaml.safe_dump(settings))
        loaded = load_study("synthetic")
        for corpus in loaded.corpora.values():
            make(load_corpus(corpus.name))
            for split in paths.SPLITS:
                output = paths.features("lfcc_stats", corpus.name, split)
                extract(corpus, load_frontend("lfcc_stats"), split, paths.manifest(corpus.name), output)
        for method in METHODS:
            run = Run(loaded, method, 0)
            for number in run.numbers:
                train_task(run, number, torch.device("cpu"))
            evaluate_run(run, torch.device("cpu"))
    torch.set_num_threads(before)
    return folder


@pytest.fixture(scope="module")
def study(finished, tmp_path_factory):
    """A copy of the finished study in the working directory."""
    folder = tmp_path_factory.mktemp("copy")
    shutil.copytree(finished, folder, dirs_exist_ok=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        yield load_study("synthetic")


@pytest.fixture(scope="module")
def bundle(study):
    """RAWM's detector after the last task."""
    return export(Run(study, "rawm", 0), "model")
