"""The synthetic study end to end through real Snakemake and a real MLflow store, and what a change plans."""

import json
import shutil

import pytest
from support.commands import ROOT, edit, planned, run, snakemake

from rawm.study import load_study


def runs(folder):
    return sorted((folder / "results" / "synthetic" / "runs").glob("*/seed*"))


def test_everything_is_there(finished):
    loaded = load_study("synthetic", ROOT / "config")
    assert len(runs(finished)) == len(loaded.methods) * len(loaded.settings.seeds)
    for folder in runs(finished):
        metrics = json.loads((folder / "metrics.json").read_text())
        assert len(metrics["eer_matrix"]) == len(loaded.tasks) + 1
        assert metrics["tasks"] == [task.name for task in loaded.tasks]
        assert 0 <= metrics["average_eer"] <= 100
    assert (finished / "mlflow.db").is_file()
    assert not list(finished.glob("results/**/.*.safetensors"))  # no temporary files left


def test_training_learns_and_joint_is_the_upper_bound(finished):
    def mean(method, key):
        files = (finished / "results" / "synthetic" / "runs" / method).glob("seed*/metrics.json")
        values = [json.loads(file.read_text())[key] for file in files]
        return sum(values) / len(values)

    assert mean("finetune", "learning_eer") < 15
    assert mean("joint", "average_eer") < mean("finetune", "average_eer")
    assert mean("finetune", "forgetting_eer_increase") > mean("joint", "forgetting_eer_increase")


def test_a_second_run_does_nothing(study):
    assert planned(study) == {}


def test_a_new_task_trains_only_that_task(study):
    loaded = load_study("synthetic", ROOT / "config")
    n_seeds = len(loaded.settings.seeds)
    text = (study / "config/corpora/synthetic_buzz.yaml").read_text()
    (study / "config/corpora/synthetic_smooth.yaml").write_text(text.replace("attack: buzz", "attack: smooth"))
    with open(study / "config/streams/synthetic.yaml", "a") as file:
        file.write("  - name: smooth\n    corpora: [synthetic_smooth]\n")
    assert planned(study) == {
        "make_corpus": 1,
        "extract_features": 1,
        **{f"{rule} {method}": n_seeds for method in loaded.methods for rule in ("train_task", "evaluate_run")},
        "estimate_uncertainty": 1,
        "make_tables": 1,
        "draw_figures": 1,
        "export_model": 1,
        "log_to_mlflow": 1,
    }


def test_editing_a_method_plans_only_its_runs(study):
    loaded = load_study("synthetic", ROOT / "config")
    n_seeds = len(loaded.settings.seeds)
    edit(study, "methods/rawm.yaml", "\neta: ", "\neta: 0.4 # ")
    assert planned(study) == {
        "train_task rawm": n_seeds * len(loaded.tasks),
        "evaluate_run rawm": n_seeds,
        "estimate_uncertainty": 1,
        "make_tables": 1,
        "draw_figures": 1,
        "export_model": 1,
        "log_to_mlflow": 1,
    }


def test_a_new_seed_trains_only_that_seed(study):
    loaded = load_study("synthetic", ROOT / "config")
    seeds = loaded.settings.seeds
    edit(study, "studies/synthetic.yaml", f"seeds: {seeds}", f"seeds: {[*seeds, 7]}")
    jobs = planned(study)
    for method in loaded.methods:
        assert jobs[f"train_task {method}"] == len(loaded.tasks) and jobs[f"evaluate_run {method}"] == 1
    assert "extract_features" not in jobs


def test_a_new_title_trains_nothing(study):
    edit(study, "studies/synthetic.yaml", "title: Synthetic signals", "title: Another title")
    assert planned(study).keys() == {"make_tables", "draw_figures", "log_to_mlflow"}


def test_a_deleted_checkpoint_is_made_again_bit_for_bit(study):
    folder = runs(study)[0] / "task1"
    before = {name: (folder / name).read_bytes() for name in ("detector.safetensors", "memory.safetensors")}
    (folder / "detector.safetensors").unlink()
    target = str((folder / "detector.safetensors").relative_to(study))
    snakemake(study, "--cores", "1", target)
    assert {name: (folder / name).read_bytes() for name in before} == before
    snakemake(study, "--cores", "2", "--touch")
    assert planned(study) == {}


def test_tables_and_figures_are_remade_without_training(study):
    assert planned(study, "-R", "make_tables", "draw_figures").keys() == {
        "make_tables",
        "draw_figures",
        "log_to_mlflow",
    }


@pytest.mark.parametrize(
    "file, old, new, said",
    [
        ("config.yaml", "device: auto", "device: gpu", "config/config.yaml"),
        ("studies/synthetic.yaml", "epochs: 60", "epoch: 15", "did you mean 'epochs'?"),
        ("studies/synthetic.yaml", "methods: [finetune,", "methods: [finetunes,", "did you mean 'finetune'?"),
        ("methods/rawm.yaml", "energy: ", "energy: high # ", "methods/rawm.yaml: energy"),
    ],
)
def test_a_mistake_stops_before_any_job_with_one_sentence(study, file, old, new, said):
    edit(study, file, old, new)
    status, text = snakemake(study, "--cores", "1", check=False)
    assert status == 1
    assert said in text
    assert "Traceback" not in text
    assert "Job stats" not in text
    status, text = run("rawm", "check", folder=study, check=False)
    assert status == 1
    lines = text.strip().splitlines()
    assert len(lines) == 1
    assert said in lines[0]


def test_a_missing_corpus_root_stops_before_any_job(study):
    (study / "config/corpora/mine.yaml").write_text("loader: table\nroot: /no/such/corpus\ntable: list.csv\n")
    edit(study, "streams/synthetic.yaml", "[synthetic_notch]", "[mine]")
    for command in (
        ["rawm", "check"],
        ["rawm", "train", "--study", "synthetic", "--method", "rawm", "--seed", "0", "--task", "3"],
    ):
        status, text = run(*command, folder=study, check=False)
        assert status == 1
        assert [
            line for line in text.splitlines() if "no folder '/no/such/corpus'" in line
        ] == text.strip().splitlines()
    status, text = snakemake(study, "--cores", "1", check=False)
    assert status == 1
    assert "no folder '/no/such/corpus'" in text
    assert "Job stats" not in text


@pytest.mark.parametrize(
    "arguments, said",
    [
        (["train", "--study", "synthetic", "--method", "rwam", "--seed", "0", "--task", "1"], "it has finetune"),
        (["train", "--study", "synthetic", "--method", "rawm", "--seed", "99", "--task", "1"], "--seed 99"),
        (["train", "--study", "synthetic", "--method", "rawm", "--seed", "0", "--task", "9"], "has 3 tasks"),
        (["train", "--study", "sinthetic", "--method", "rawm", "--seed", "0", "--task", "1"], "mean 'synthetic'?"),
        (["extract", "--frontend", "lfc", "--corpus", "synthetic_buzz", "--split", "train"], "did you mean 'lfcc'?"),
        (["corpora", "make", "synthetic_bus"], "did you mean 'synthetic_buzz'?"),
        (["corpora", "make", "../escaped"], "'../escaped' is no label"),
        (
            ["evaluate", "--study", "synthetic", "--method", "rawm", "--seed", "0", "--device", "banana"],
            "device 'banana': is unknown; use auto, cpu, cuda, cuda:N or mps",
        ),
    ],
)
def test_wrong_arguments_give_one_sentence(study, arguments, said):
    status, text = run("rawm", *arguments, folder=study, check=False)
    assert status == 1
    assert len(text.strip().splitlines()) == 1
    assert said in text


def test_a_truncated_file_is_named(study, tmp_path):
    folder = tmp_path / "copy"
    for name in ("config", "results/corpora/synthetic_buzz", "results/manifests"):
        shutil.copytree(study / name, folder / name)
    victim = sorted((folder / "results/corpora/synthetic_buzz").rglob("*.flac"))[0]
    victim.write_bytes(victim.read_bytes()[:1500])
    statuses, texts = [], []
    for split in ("train", "dev", "eval"):
        status, text = run(
            "rawm", "extract", "--frontend", "lfcc_stats", "--corpus", "synthetic_buzz", "--split", split,
            folder=folder, check=False,
        )  # fmt: skip
        statuses.append(status)
        texts.append(text)
    assert sorted(statuses) == [0, 0, 1]
    failed = texts[statuses.index(1)]
    assert victim.name in failed
    assert "Traceback" not in failed


def test_the_linter_has_nothing_to_say(finished):
    _, text = snakemake(finished, "--lint")
    assert "Congratulations" in text


def test_the_report_is_made(finished):
    snakemake(finished, "--report", "report.html")
    assert "learning_vs_forgetting" in (finished / "report.html").read_text()
