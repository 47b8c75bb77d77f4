"""A study of one task on a corpus of stored features, from its files to the samples that training gets."""

from pathlib import Path

from rawm import paths
from rawm.corpora import make
from rawm.features.sources import make_features
from rawm.study import load_corpus, load_frontend, load_study
from rawm.tasks.loading import load_split
from rawm.tasks.samples import Samples

FILES = {
    "detectors/linear": "type: mlp\nhidden: []\n",
    "methods/finetune": "algorithm: finetune\n",
    "streams/mine": "title: Mine\nclasses: null\ntasks:\n  - {name: one, corpora: [mine], where: WHERE}\n",
    "studies/mine": "title: Mine\nstream: mine\nfrontend: mine\ndetector: linear\nmethods: [finetune]\nseeds: [0]\n",
}


def write(corpus: str, features: str, where: str = "{}") -> None:
    """Write the configuration into the working directory: the text of a corpus file, and a feature set's name."""
    files = FILES | {"corpora/mine": corpus, "frontends/mine": f"type: stored\nfeatures: {features}\n"}
    for name, text in files.items():
        path = Path("config") / f"{name}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.replace("WHERE", where))


def make_and_extract() -> None:
    """What the rules make_corpus and extract_features do."""
    corpus, frontend = load_corpus("mine"), load_frontend("mine")
    make(corpus)
    for split in paths.SPLITS:
        make_features(corpus, frontend, split, paths.manifest("mine"), paths.features("mine", "mine", split))


def samples(split: str) -> Samples | None:
    """What training or evaluation gets of the study's task."""
    return load_split(load_study("mine"), 1, split, seed=0)
