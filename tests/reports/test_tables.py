"""Tables of runs that were written by hand."""

import csv
import json
import re
import statistics
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import confusion_matrix, recall_score
from support.finished_runs import EMOTIONS, make_study

from rawm import paths
from rawm.errors import UserError
from rawm.reports import tables
from rawm.reports.tables import study as study_tables
from rawm.reports.tables.formats import Cell, Table, latex, markdown
from rawm.runs import results, uncertainty
from rawm.runs.run import Run
from rawm.runs.spectra import natural_order, spectra


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tables")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        yield estimated(make_study(folder))


def estimated(study):
    uncertainty.make(study, resamples=100)
    return study


def read(path):
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def run_metrics(study, method, seed):
    return json.loads(Run(study, method, seed).metrics_path.read_text())


@pytest.mark.slow
def test_every_file_is_written_and_the_same_twice(study, tmp_path):
    tables.make(study, tmp_path / "one")
    tables.make(study, tmp_path / "two")
    assert sorted(path.name for path in (tmp_path / "one").iterdir()) == sorted(tables.FILES)
    for name in tables.FILES:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_comparison_holds_mean_and_sample_deviation_over_seeds(study, tmp_path):
    tables.make(study, tmp_path)
    rows = read(tmp_path / "comparison.csv")
    assert [row["method"] for row in rows] == study.settings.methods
    row = rows[4]
    runs = [run_metrics(study, "rawm", seed) for seed in (0, 1, 2)]
    for key in ("average_eer", "forgetting_eer_increase", "pooled_eer"):
        values = [run[key] for run in runs]
        assert float(row[f"{key}_mean"]) == pytest.approx(statistics.mean(values), abs=1e-4)
        assert float(row[f"{key}_std"]) == pytest.approx(statistics.stdev(values), abs=1e-4)
    final = [run["eer_matrix"][-1][1] for run in runs]
    assert float(row["eer_task_2_mean"]) == pytest.approx(statistics.mean(final), abs=1e-4)


def test_matrix_and_runs_say_what_the_runs_say(study, tmp_path):
    tables.make(study, tmp_path)
    cells = read(tmp_path / "matrix.csv")
    assert len(cells) == 7 * 3 * 6 * 5
    for cell in cells[::97]:
        matrix = run_metrics(study, cell["method"], int(cell["seed"]))["eer_matrix"]
        expected = matrix[int(cell["after"])][int(cell["task"].removeprefix("task_")) - 1]
        assert float(cell["eer"]) == pytest.approx(expected, abs=1e-4)
    rows = read(tmp_path / "runs.csv")
    assert len(rows) == 21
    assert float(rows[0]["learning_eer"]) == pytest.approx(run_metrics(study, "finetune", 0)["learning_eer"], abs=1e-4)
    assert float(rows[0]["wall_s"]) == 7.5


def test_the_best_of_a_column_is_marked_and_the_upper_bound_is_not_compared(study):
    found = results.load(study)
    for seed in study.settings.seeds:
        found.runs["joint", seed].metrics.update(average_eer=0.1, forward_transfer_eer_reduction=99.0)
        found.runs["owm", seed].metrics.update(average_eer=1.0, forward_transfer_eer_reduction=-50.0)
        found.runs["lwf", seed].metrics.update(average_eer=1.001, forward_transfer_eer_reduction=90.0)
    table = study_tables.comparison(found, uncertainty.load(study))
    average = [header.startswith("Average") for header in table.headers].index(True)
    marked = [row[0].text for row in table.rows if row[average].best]
    assert marked == ["LwF", "OWM"]  # equal as printed
    forward = [header.startswith("Forward") for header in table.headers].index(True)
    assert [row[0].text for row in table.rows if row[forward].best] == ["LwF"]
    assert "upper bound" in table.note


def test_intervals_stand_behind_average_and_forgetting(study, tmp_path):
    tables.make(study, tmp_path)
    sure = uncertainty.load(study)
    table = study_tables.comparison(results.load(study), sure)
    for key in ("average_eer", "forgetting_eer_increase"):
        column = [metric.key for metric in study.measure.metrics].index(key) + 1 + len(study.tasks)
        for row, method in zip(table.rows, study.settings.methods, strict=True):
            found = sure["methods"][method][key]
            assert f" [{found['low']:.1f}, {found['high']:.1f}]" in row[column].text
    row = read(tmp_path / "comparison.csv")[4]
    assert float(row["average_eer_low"]) < float(row["average_eer_mean"]) < float(row["average_eer_high"])
    assert float(row["eer_task_2_low"]) == pytest.approx(sure["methods"]["rawm"]["eer_task_2"]["low"], abs=1e-4)


def test_a_dagger_marks_what_cannot_be_told_from_the_best(study):
    found, sure = results.load(study), uncertainty.load(study)
    best = min((m for m in found.methods if m != "joint"), key=lambda m: found.values(m, "average_eer").mean())
    others = [method for method in found.methods if method not in (best, "joint")]
    for pair in sure["pairs"]:
        if pair["metric"] == "average_eer":
            pair |= {"low": 0.1, "high": 0.2}
            if {pair["first"], pair["second"]} in ({best, others[0]}, {best, "joint"}, {*others[1:3]}):
                pair["low"] = -0.1
    table = study_tables.comparison(found, sure)
    average = [header.startswith("Average") for header in table.headers].index(True)
    assert [row[0].text for row in table.rows if row[average].text.endswith("†")] == [found.titles[others[0]]]


def test_pairs_say_how_far_two_methods_are_apart(study, tmp_path):
    tables.make(study, tmp_path)
    rows, sure = read(tmp_path / "pairs.csv"), uncertainty.load(study)
    assert len(rows) == 2 * 21 and rows[0].keys() == sure["pairs"][0].keys()
    for row, pair in zip(rows, sure["pairs"], strict=True):
        assert float(row["difference"]) == pytest.approx(pair["difference"], abs=1e-4)
    sure["pairs"][0] |= {"low": -2.0, "high": -1.0}
    table = study_tables.pairs(results.load(study), sure)
    assert len(table.rows) == 21
    for row, pair in zip(table.rows, sure["pairs"], strict=False):
        assert row[2].text == f"{pair['difference']:.2f} [{pair['low']:.1f}, {pair['high']:.1f}]"
        assert row[2].best == (pair["low"] > 0 or pair["high"] < 0)
    assert {cell.best for row in table.rows for cell in row[2::3]} == {True, False}


def test_tables_need_intervals(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    study = make_study(tmp_path, methods=("finetune", "rawm"), seeds=(0,), tasks=1)
    with pytest.raises(UserError, match=r"intervals.json: no such file; make it with `rawm intervals --study demo`"):
        tables.make(study, tmp_path / "out")
    estimated(study)
    study.settings.methods.pop()
    with pytest.raises(UserError, match=r"is about the methods finetune, rawm, but the study has finetune;"):
        tables.make(study, tmp_path / "out")
    paths.intervals(study.name).write_text("{}")
    with pytest.raises(UserError, match=r"not the intervals of a study; make it again"):
        tables.make(study, tmp_path / "out")


def test_one_method_has_no_pairs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    tables.make(estimated(make_study(tmp_path, methods=("rawm",), seeds=(0,), tasks=2)), tmp_path / "out")
    assert read(tmp_path / "out" / "pairs.csv") == []
    assert len(read(tmp_path / "out" / "comparison.csv")) == 1


def test_headers_say_the_direction(study):
    headers = study_tables.comparison(results.load(study), uncertainty.load(study)).headers
    assert "Forgetting (EER increase, points), lower is better" in headers
    assert "Backward transfer (EER reduction, points), higher is better" in headers
    assert all("is better" in header for header in headers[1:-1])


def test_accuracies_are_compared_the_other_way_round(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    study = estimated(make_study(tmp_path, methods=("finetune", "ewc"), seeds=(0, 1), tasks=3, classes=EMOTIONS))
    tables.make(study, tmp_path / "out")
    table = study_tables.comparison(results.load(study), uncertainty.load(study))
    assert "Average accuracy (%), higher is better" in table.headers
    assert "Forgetting (accuracy decrease, points), lower is better" in table.headers
    assert not [text for text in (*table.headers, table.note) if "EER" in text]
    runs = [run_metrics(study, "ewc", seed) for seed in (0, 1)]
    rows = {row["method"]: row for row in read(tmp_path / "out" / "comparison.csv")}
    for key in ("average_accuracy", "average_recall", "next_domain_accuracy", "clear_backward_transfer"):
        assert float(rows["ewc"][f"{key}_mean"]) == pytest.approx(statistics.mean(run[key] for run in runs), abs=1e-4)
    assert float(rows["ewc"]["average_accuracy_mean"]) > float(rows["finetune"]["average_accuracy_mean"])
    average = [header.startswith("Average accuracy") for header in table.headers].index(True)
    assert [row[0].text for row in table.rows if row[average].best] == [study.title("ewc")]
    for cell in read(tmp_path / "out" / "matrix.csv")[::7]:
        run, column = run_metrics(study, cell["method"], int(cell["seed"])), int(cell["task"][-1]) - 1
        for name in ("accuracy", "recall"):
            expected = run[f"{name}_matrix"][int(cell["after"])][column]
            assert float(cell[name]) == pytest.approx(expected, abs=1e-4)


def test_signs_that_latex_does_not_know_become_its_own():
    text = latex(Table(["Method"], ["Method"], [[Cell("\N{MINUS SIGN}REG, η > 0.5†")]], 1, ""))
    assert r"$-$REG, $\eta$ $>$ 0.5$^\dagger$ \\" in text


def test_latex_is_balanced_and_escaped(study):
    found = results.load(study)
    found.titles["rawm"] = "RAWM_50% & more"
    text = latex(study_tables.comparison(found, uncertainty.load(study)))
    assert r"RAWM\_50\% \& more" in text
    body = text[text.index(r"\midrule") + 8 : text.index(r"\bottomrule")]
    lines = [line for line in body.splitlines() if line]
    assert len(lines) == 7
    columns = text.split(r"\begin{tabular}{")[1].split("}")[0]
    assert all(line.replace(r"\&", "").count("&") == len(columns) - 1 for line in lines)
    assert text.count("{") == text.count("}")
    assert not [c for c in text if ord(c) > 127]


def test_markdown_has_as_many_cells_in_every_row(study):
    found, sure = results.load(study), uncertainty.load(study)
    for table in (study_tables.comparison(found, sure), study_tables.pairs(found, sure), study_tables.matrices(found)):
        rows = [line for line in markdown(table).splitlines() if line.startswith("|")]
        assert len({row.count(" |") for row in rows}) == 1


def test_one_seed_and_one_task(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    study = estimated(make_study(tmp_path, methods=("finetune", "rawm"), seeds=(4,), tasks=1))
    tables.make(study, tmp_path / "out")
    (row, _) = read(tmp_path / "out" / "comparison.csv")
    assert row["average_eer_mean"] and not row["average_eer_std"] and not row["forgetting_eer_increase_mean"]
    assert "±" not in (tmp_path / "out" / "comparison.md").read_text().split("\n\n")[0]
    assert "one seed" in (tmp_path / "out" / "comparison.md").read_text()


def test_methods_with_the_same_title_are_told_apart(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    study = make_study(tmp_path, methods=("finetune", "lwf"), seeds=(0,), tasks=1)
    twin = study.methods["finetune"].model_copy(update={"title": "LwF"})
    study.methods["finetune"] = twin
    assert results.load(study).titles == {"finetune": "LwF (finetune)", "lwf": "LwF (lwf)"}


def test_unfinished_and_outdated_runs_name_the_command_that_mends_them(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    study = make_study(tmp_path, methods=("finetune", "rawm"), seeds=(0, 1), tasks=2)
    path = Run(study, "rawm", 1).metrics_path
    content = re.sub(r'  "checksum": .*\n', "", path.read_text())
    path.unlink()
    with pytest.raises(UserError, match=r"1 of 4 runs are not finished \(rawm seed 1\).*snakemake .*study=demo"):
        results.load(study)
    path.write_text(content.replace("task_2", "task_9"))
    with pytest.raises(UserError, match=r"rawm/seed1/metrics.json: is about the tasks task_1, task_9, .*snakemake"):
        results.load(study)
    path.write_text(content[:100])
    with pytest.raises(UserError, match=r"rawm/seed1/metrics.json: not readable .*snakemake"):
        results.load(study)
    path.write_text(content.replace("pooled_eer", "pooled"))
    with pytest.raises(UserError, match=r"rawm/seed1/metrics.json: has no pooled_eer; bring it up to date .*snakemake"):
        results.load(study)
    path.write_text(content)
    assert len(results.load(study).runs) == 4


def test_history_scores_and_spectra_are_read(study):
    epochs = results.history(study)
    assert len(epochs) == 7 * 3 * 5 * 4
    assert set(epochs.columns) >= {"method", "seed", "task", "epoch", "loss", "dev_eer"}
    scores = Run(study, "rawm", 0).scores
    assert list(scores.columns) == ["after", "task", "utterance_id", "label", "score"]
    spectrum = spectra(Run(study, "owm", 0))
    assert len(spectrum) == 5
    assert list(spectrum[0]) == ["hidden.0", "hidden.2", "output"]
    assert spectrum[0]["hidden.0"].rank < spectrum[4]["hidden.0"].rank <= len(spectrum[4]["hidden.0"].eigenvalues) == 41
    assert spectra(Run(study, "rawm_paper", 0))[0]["output"].rank is None
    assert spectra(Run(study, "finetune", 0)) == []


def test_a_damaged_memory_is_named(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    study = make_study(tmp_path, methods=("owm",), seeds=(0,), tasks=2)
    path = Run(study, "owm", 0).memory_path(2)
    path.write_bytes(path.read_bytes()[:50])
    with pytest.raises(UserError, match=r"task2/memory.safetensors: not readable .*snakemake"):
        spectra(Run(study, "owm", 0))
    path.unlink()
    with pytest.raises(UserError, match=r"task2/memory.safetensors: no such file; make it with `snakemake"):
        spectra(Run(study, "owm", 0))


def test_layers_come_in_the_order_of_the_network():
    names = ["output", "hidden.10", "hidden.2", "hidden.0"]
    assert sorted(names, key=natural_order) == ["hidden.0", "hidden.2", "hidden.10", "output"]


def test_what_is_watched_stands_apart_and_changes_no_other_number(tmp_path, monkeypatch):
    made = {}
    for name, watched in (("alone", ()), ("watching", ("Neural speech", "Singing"))):
        (tmp_path / name).mkdir()
        monkeypatch.chdir(tmp_path / name)
        study = estimated(make_study(tmp_path / name, methods=("finetune", "owm"), tasks=2, watched=watched))
        tables.make(study, "tables")
        made[name] = {path.name: path.read_text() for path in (tmp_path / name / "tables").iterdir()}
        intervals = json.loads(paths.intervals(study.name).read_text())
        made[name]["intervals"] = intervals
    alone, watching = made["alone"], made["watching"]
    for name in ("pairs.csv", "calibration.csv", "runs.csv", "intervals"):
        assert alone[name] == watching[name], name
    rows = {name: list(csv.DictReader(made[name]["comparison.csv"].splitlines())) for name in made}
    for one, other in zip(rows["alone"], rows["watching"], strict=True):
        assert one.items() <= other.items()
        assert {key for key in other if key not in one} == {
            f"watched_eer_{name}_{number}" for name in ("w1", "w2") for number in ("mean", "std")
        }
    final = [run_metrics(study, "owm", seed)["watched_eer_matrix"][-1][1] for seed in study.settings.seeds]
    assert float(rows["watching"][1]["watched_eer_w2_mean"]) == pytest.approx(statistics.mean(final), abs=1e-4)
    assert "Watched: EER 2 Singing (%)" in watching["comparison.md"] and "Watched" not in alone["comparison.md"]
    assert "W1 = Neural speech; W2 = Singing: watched, never trained on" in watching["matrix.md"]
    cells = list(csv.DictReader(watching["matrix.csv"].splitlines()))
    assert {row["task"] for row in cells} == {"task_1", "task_2", "watched w1", "watched w2"}


def test_the_table_of_classes_has_their_accuracies_and_its_file_the_confusions(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    study = estimated(make_study(tmp_path, methods=("finetune", "owm"), tasks=2, seeds=(0, 1), classes=EMOTIONS))
    tables.make(study, "tables")
    scores = {seed: Run(study, "owm", seed).scores.query("after == 2") for seed in (0, 1)}
    shown = read("tables/classes.csv")
    for seed, here in scores.items():
        counts = np.zeros((4, 4), dtype=int)
        for row in shown:
            if (row["method"], row["seed"], row["after"]) == ("owm", str(seed), "2"):
                counts[EMOTIONS.index(row["label"]), EMOTIONS.index(row["predicted"])] = int(row["utterances"])
        np.testing.assert_array_equal(counts, confusion_matrix(here.label, here.predicted, labels=EMOTIONS))
    recalls = [recall_score(s.label, s.predicted, labels=["happy"], average=None)[0] for s in scores.values()]
    line = next(line for line in Path("tables/classes.md").read_text().splitlines() if line.startswith("| happy"))
    assert f"{100 * statistics.mean(recalls):.1f} ± {100 * statistics.stdev(recalls):.1f}" in line
