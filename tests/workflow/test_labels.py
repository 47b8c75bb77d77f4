"""Labels in the workflow: what is none stops it before any job, and what is one is taken letter by letter."""

import shutil

import pytest
from support.commands import ROOT, edit, planned, snakemake


@pytest.fixture
def folder(tmp_path):
    """A folder with the repository's configuration."""
    shutil.copytree(ROOT / "config", tmp_path / "config")
    return tmp_path


def test_a_label_for_the_shell_stops_before_any_job(folder):
    for name in ("a`touch x`", "a+b"):
        shutil.copy(folder / "config/methods/rawm.yaml", folder / f"config/methods/{name}.yaml")
    edit(folder, "studies/synthetic.yaml", "methods: [finetune,", "methods: ['a`touch x`', 'a+b', finetune,")
    status, text = snakemake(folder, "--cores", "1", check=False)
    assert status == 1 and "studies/synthetic.yaml: methods.1: 'a`touch x`' is no label; write up to 64" in text
    assert "studies/synthetic.yaml: methods.2: 'a+b' is no label" in text
    assert "Traceback" not in text and "Job stats" not in text
    assert not (folder / "x").exists() and not (folder / "results").exists()


def test_files_that_no_study_names_stop_it_too(folder):
    (folder / "config/corpora/a|b.yaml").write_text("loader: synthetic\n")
    status, text = snakemake(folder, "--cores", "1", check=False)
    assert status == 1 and "config/corpora: 'a|b' is no label" in text and "Traceback" not in text


def test_a_key_twice_in_the_main_file_stops_before_any_job(folder):
    edit(folder, "config.yaml", "study: ", "device: cpu\nstudy: ")
    status, text = snakemake(folder, "--cores", "1", check=False)
    assert status == 1 and "key 'device' is written twice" in text and "Traceback" not in text


def test_every_allowed_character_works(folder):
    for name in ("rawm.1", "Rawm-1_b"):
        shutil.copy(folder / "config/methods/rawm.yaml", folder / f"config/methods/{name}.yaml")
    edit(folder, "studies/synthetic.yaml", "methods: [finetune,", "methods: [rawm.1, Rawm-1_b,")
    jobs = planned(folder, "--printshellcmds")
    assert (
        sum(number for job, number in jobs.items() if job.startswith("train_task")) == 12
    )  # four methods, three tasks
    _, text = snakemake(folder, 'model={"method": "Rawm-1_b", "seed": 0}', "--dry-run", "--printshellcmds")
    assert "rawm train --study synthetic --method rawm.1 --seed 0 --task 3 --threads 1 > " in text
    assert "rawm export --study synthetic --method=Rawm-1_b --seed=0 > " in text
