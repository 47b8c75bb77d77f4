"""The papers' studies end to end through real Snakemake, on a few recordings of each corpus in its official layout."""

import json
import shutil

import pytest
import yaml
from support import official
from support.commands import ROOT, snakemake

from rawm.study import labels, load_study

#: Study -> methods that are run here.
STUDIES = {
    "rawm_four_corpora": ["rawm"],
    "evda": ["finetune"],
    "clear10": ["rawm_clear10"],
    "emotion": ["rwm_measured"],
    "digits": ["rawm_digits", "joint"],
    "chronicle": ["rawm"],
}
MOST_TASKS = {"clear10": 3, "digits": 3, "chronicle": 4}
PER_CLASS = 10


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A working folder with the shipped configuration and all corpora, which allows for how small they are."""
    folder = tmp_path_factory.mktemp("papers")
    shutil.copytree(ROOT / "config", folder / "config")
    official.write_all(folder / "corpora", PER_CLASS)
    for label in labels("corpora", folder / "config"):
        _change(folder, f"corpora/{label}", _few)
    return folder


def _change(folder, label, change):
    path = folder / "config" / f"{label}.yaml"
    content = yaml.safe_load(path.read_text())
    change(content)
    path.write_text(yaml.safe_dump(content, sort_keys=False))


def _few(corpus):
    if corpus.get("expected"):
        corpus["waive_counts"] = True
    if "splits" in corpus:
        corpus["splits"] |= {"train": 0.4, "dev": 0.2, "eval": 0.4}


def shrink(folder, name, methods):
    """One seed and two epochs of some methods, on whatever is there, without front-ends whose weights are not."""

    def small_study(study):
        study |= {"methods": methods or study["methods"], "seeds": [0]}
        study["training"] |= {"epochs": 2, "batch_size": 8}
        if study["frontend"].startswith("xlsr"):
            study["frontend"] = "lfcc_stats"

    def small_stream(stream):
        stream["tasks"] = stream["tasks"][: MOST_TASKS.get(name)]
        stream["watch"] = stream.get("watch", [])[:1]
        for task in stream["tasks"] + stream["watch"]:
            for split in ("train", "dev", "eval"):
                task.pop(split, None)

    shutil.copy(ROOT / f"config/studies/{name}.yaml", folder / f"config/studies/{name}.yaml")
    stream = load_study(name, ROOT / "config", on_disk=False).settings.stream
    shutil.copy(ROOT / f"config/streams/{stream}.yaml", folder / f"config/streams/{stream}.yaml")
    _change(folder, f"studies/{name}", small_study)
    _change(folder, f"streams/{stream}", small_stream)


def run_study(folder, name, check=True):
    """Run a study in the folder; (exit status, output)."""
    variables = {"RAWM_CORPORA": str(folder / "corpora")}
    return snakemake(folder, "--cores", "2", study=name, check=check, variables=variables)


@pytest.mark.parametrize("name", STUDIES)
def test_a_study_runs_from_official_layouts_to_figures_and_mlflow(folder, name):
    shrink(folder, name, STUDIES[name])
    run_study(folder, name)
    study = load_study(name, folder / "config", on_disk=False)
    measure = "eer" if study.detects_fakes else "accuracy"
    for method in STUDIES[name]:
        metrics = json.loads((folder / f"results/{name}/runs/{method}/seed0/metrics.json").read_text())
        assert len(metrics[f"{measure}_matrix"]) == len(study.tasks) + 1
        assert 0 <= metrics[f"average_{measure}"] <= 100
    assert (folder / f"results/{name}/tables/comparison.csv").is_file()
    assert (folder / f"results/{name}/tracking.json").is_file()
    assert list((folder / f"results/{name}/figures").glob("*.svg"))


def test_a_study_whose_corpora_are_not_there_says_so_at_once(folder, tmp_path):
    shrink(folder, "rawm_four_corpora", ["rawm"])
    shutil.copytree(folder / "config", tmp_path / "config")
    status, text = run_study(tmp_path, "rawm_four_corpora", check=False)
    assert status == 1
    for corpus, place in (("asvspoof2015", "ASVspoof2015"), ("in_the_wild", "release_in_the_wild")):
        assert f"config/corpora/{corpus}.yaml: root: no folder '{tmp_path}/corpora/{place}'" in text
    assert "Traceback" not in text
