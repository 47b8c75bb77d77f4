"""The summary that ends `make run`, of runs whose numbers were written by hand."""

import pytest
import yaml
from support.finished_runs import EMOTIONS, make_study
from typer.testing import CliRunner

from rawm.cli.verbs import app
from rawm.reports import summary
from rawm.runs import results


def made(folder, values, names=("average_eer", "aulc_eer", "forgetting_eer_increase"), **options):
    """Results of a study whose metrics `names` of each seed are `values`: method -> a triple for each seed."""
    seeds = tuple(range(len(next(iter(values.values())))))
    found = results.load(make_study(folder, methods=tuple(values), seeds=seeds, tasks=2, **options))
    for method, triples in values.items():
        for seed, triple in enumerate(triples):
            found.runs[method, seed].metrics.update(zip(names, triple, strict=True))
    return found


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_lowest_final_error_comes_first(folder):
    found = made(
        folder,
        {
            "finetune": [(30, 10, 20), (32, 10, 20), (34, 10, 20)],
            "rawm": [(9, 3, 2), (10, 4, 4), (11, 5, 6)],
            "lwf": [(15, 8, -0.01), (15, 9, -0.01), (15, 10, -0.01)],
        },
    )
    assert summary.table(found).splitlines() == [
        "method       average EER  average incremental EER  forgetting",
        "RAWM          10.0 ± 1.0                4.0 ± 1.0   4.0 ± 2.0",
        "LwF           15.0 ± 0.0                9.0 ± 1.0   0.0 ± 0.0",
        "Fine-tuning   32.0 ± 2.0               10.0 ± 0.0  20.0 ± 0.0",
    ]
    assert summary.heading(found) == (
        "Made-up runs: EER in %, mean ± sample standard deviation over 3 seeds; lower is better."
    )


def test_the_highest_final_accuracy_comes_first(folder):
    names = ("average_accuracy", "aulc_accuracy", "forgetting_accuracy_decrease")
    values = {"finetune": [(40, 60, 30)], "ewc": [(70, 80, 5)], "lwf": [(60, 90, 1)]}
    found = made(folder, values, names, classes=EMOTIONS)
    assert summary.table(found).splitlines() == [
        "method       average accuracy  average incremental accuracy  forgetting",
        "EWC                      70.0                          80.0         5.0",
        "LwF                      60.0                          90.0         1.0",
        "Fine-tuning              40.0                          60.0        30.0",
    ]
    assert summary.heading(found) == (
        "Made-up runs: accuracy in %, one seed; a higher accuracy and less forgetting are better."
    )


def test_a_number_that_does_not_exist_is_a_dash(folder):
    found = made(folder, {"rawm": [(5, 4, None)]})
    assert summary.table(found).splitlines()[1].split() == ["RAWM", "5.0", "4.0", "-"]


def test_the_model_is_named_only_where_there_is_one(folder):
    study = made(folder, {"rawm": [(5, 4, 1)]}).study
    lines = ["results/demo/tables", "results/demo/figures", "make ui STUDY=demo"]
    assert [line for line in lines if line not in summary.pointers(study)] == []
    assert len(summary.pointers(study).splitlines()) == 3
    (folder / "results/demo/model").mkdir()
    assert summary.pointers(study).splitlines()[3].split() == ["Model:", "results/demo/model"]
    assert "rawm detect FILE" in summary.pointers(study).splitlines()[4]


def test_the_command_shows_the_study_of_the_configuration(folder):
    study = make_study(folder, methods=("finetune", "joint"), seeds=(0,), tasks=1)
    path = folder / "config/config.yaml"
    path.write_text(yaml.safe_dump(yaml.safe_load(path.read_text()) | {"study": study.name}))
    plain, named = CliRunner().invoke(app, ["summary"]), CliRunner().invoke(app, ["summary", "--study", "demo"])
    assert plain.exit_code == named.exit_code == 0
    assert plain.output == named.output == summary.text(study) + "\n"
    assert plain.output.startswith("Made-up runs: EER in %")
    assert "make ui " in plain.output and "STUDY" not in plain.output
