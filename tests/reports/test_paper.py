"""Printed numbers beside ours: their files, the verdicts, and every table and figure from made-up runs."""

import csv
import shutil
from pathlib import Path

import numpy as np
import pytest
import yaml
from support import finished_runs, published_matrices
from support.commands import ROOT, snakemake

from rawm import manifest, paths
from rawm.config.reading import ConfigError
from rawm.errors import UserError
from rawm.reports import paper
from rawm.reports.paper import compare, index, sources
from rawm.reports.paper.verdicts import DIFFERS, NOT_COMPARABLE, NOT_RUN, REPRODUCED, Estimate, judge
from rawm.runs import results, uncertainty
from rawm.study import check_all, labels, load_corpus, load_published, load_study, read_published

LABELS = labels("published", ROOT / "config")
#: A printed table of the made-up study.
PRINTED = {
    "title": "Made up",
    "kind": "table",
    "paper": "Nobody",
    "where": "Table 1",
    "source": "Nowhere.",
    "reliability": "None.",
    "study": "demo",
    "comparable": True,
    "differences": ["It was made up."],
    "columns": [{"title": "First", "task": 1}, {"title": "Second", "task": 2}],
    "rows": [{"method": "Theirs", "ours": "rawm", "values": [10.0, 20.0]}],
}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A working folder with the shipped configuration and no corpora."""
    shutil.copytree(ROOT / "config", tmp_path / "config")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RAWM_CORPORA", str(tmp_path / "corpora"))
    return tmp_path


def printed(**changes):
    """Write config/published/made_up.yaml; return its label."""
    Path("config/published/made_up.yaml").write_text(yaml.safe_dump(PRINTED | changes, sort_keys=False))
    return "made_up"


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"colums": []}, "colums: unknown key (did you mean 'columns'?)"),
        ({"kind": "tabel"}, "kind: is 'tabel'; must be 'table' or 'figure'"),
        ({"study": "rawm_for_corpora"}, "config/studies/rawm_for_corpora.yaml: no such file; did you mean"),
        ({"study": "eta"}, "rows: Theirs: ours: dfwf is no method of study eta; it has rawm_no_regularization,"),
        ({"columns": [{"title": "A"}]}, "rows: Theirs has 2 values; 1 are needed"),
        ({"columns": [{"title": "A", "task": 1}, {"title": "B", "task": 9}]}, "B: task: is 9, but study rego has 8"),
        (
            {"columns": [{"title": "A", "task": 1, "metric": "average"}, {"title": "B"}]},
            "columns.1: give either task or metric",
        ),
        ({"comparable": False, "differences": []}, "differences: say why the study is not comparable"),
        ({"drawing": {"kind": "sweep", "columns": ["Third"]}}, "drawing: columns: unknown 'Third'"),
    ],
)
def test_a_mistake_in_a_file_is_said_in_one_sentence(folder, changes, sentence):
    rows = [{"method": "Theirs", "ours": "dfwf" if changes.get("study") == "eta" else "rawm", "values": [1.0, 2.0]}]
    with pytest.raises(ConfigError) as found:
        load_published(printed(**{"study": "rego", "rows": rows} | changes))
    assert len(found.value.problems) == 1
    assert sentence in found.value.problems[0]


@pytest.mark.slow
def test_rawm_check_reads_the_files_too(folder):
    assert check_all() == []
    rows = [{"method": "Theirs", "ours": "gem", "values": [1.0, 2.0]}]
    printed(study="eta", rows=rows)
    assert len(check_all()) == 1


def test_verdicts_done_by_hand():
    ours = Estimate(5.0, 0.5, 4.0, 6.5)
    assert judge(6.5, ours, "", "", []).word == REPRODUCED
    assert judge(6.6, ours, "", "", ["Fewer data."]) == (DIFFERS, "by -1.60 points. Fewer data.")
    assert judge(3.0, ours, "", "", []) == (DIFFERS, "by +2.00 points.")
    assert judge(5.0, ours, "", "other corpora", []) == (NOT_COMPARABLE, "other corpora")
    assert judge(5.0, None, "", "", []).word == NOT_COMPARABLE
    assert judge(5.0, None, "no corpus", "other corpora", []) == (NOT_RUN, "no corpus")
    assert judge(None, ours, "", "", []) == ("", "")


def test_numbers_of_a_finished_study_get_their_verdicts(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    study = finished_runs.make_study(tmp_path, methods=["finetune", "rawm"], tasks=2, with_projectors=False)
    with pytest.raises(UserError, match="rawm intervals --study demo"):
        paper.make(printed())
    uncertainty.make(study, resamples=100)
    matrices = results.load(study).matrices("rawm")
    first, second = matrices[:, -1].mean(axis=0)
    untrained = {"method": "Theirs, first", "ours": "rawm", "after": 1, "values": [None, float(matrices[0, 1, 1]) + 60]}
    rows = [{"method": "Theirs", "ours": "rawm", "values": [float(first), float(second) + 40]}, untrained]
    rows += [{"method": "Other", "values": [1.0, 2.0]}, {"method": "Fine-tuning", "ours": "finetune"}]
    numbers = compare.compare(sources.choose(printed(rows=rows)))
    assert [number.verdict.word for number in numbers[:3]] == [REPRODUCED, DIFFERS, DIFFERS]
    assert numbers[1].difference == pytest.approx(-40)
    assert numbers[1].verdict.reason == "by -40.00 points. It was made up."
    assert numbers[2].derived and numbers[2].printed == pytest.approx((first + second) / 2 + 20)
    assert [number.verdict.word for number in numbers[3:6]] == ["", DIFFERS, ""]
    assert numbers[3].ours.mean == pytest.approx(matrices[:, 1, 0].mean())
    assert {number.verdict for number in numbers[6:8]} == {(NOT_RUN, "it is not among our methods")}
    assert [number.ours.mean for number in numbers[9:11]] == pytest.approx(
        results.load(study).matrices("finetune")[:, -1].mean(axis=0)
    )
    paper.make("made_up")
    page = Path("results/paper/made_up.md").read_text()
    assert f"| Theirs | printed | {float(first)} |" in page
    assert "| 1 reproduced, 1 differs |" in page
    assert f"**{first:.2f} ± {matrices[:, -1, 0].std(ddof=1):.2f}**" in page and "(-40.00)" in page
    assert "Ours are of Made-up runs (demo)." in page


def test_what_is_not_comparable_is_never_called_reproduced(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    study = finished_runs.make_study(tmp_path, methods=["rawm"], tasks=2, with_projectors=False)
    uncertainty.make(study, resamples=100)
    exact = [float(value) for value in results.load(study).matrices("rawm")[:, -1].mean(axis=0)]
    rows = [{"method": "Theirs", "ours": "rawm", "values": exact}]
    for changes in ({"comparable": False}, {"study": "rego", "stand_in": "demo"}, {"study": None, "stand_in": "demo"}):
        numbers = compare.compare(sources.choose(printed(rows=rows, **changes)))
        assert {number.verdict.word for number in numbers} == {NOT_COMPARABLE}
        assert [number.ours.mean for number in numbers[:2]] == pytest.approx(exact) or "study" in changes
        assert all(number.difference is None for number in numbers)


def test_a_papers_own_study_is_taken_where_its_corpora_are(folder):
    emotion = sources.choose("rawm_emotion")
    assert (emotion.own, emotion.studies, emotion.absent) == (False, [], ("msp_podcast", "iemocap"))
    few = sources.choose("rawm_few_shot")
    assert few.studies == ["open_speech_few_25", "open_speech_few_100", "open_speech_few_all"]
    for corpus in ("msp_podcast", "iemocap", "asvspoof2015", "asvspoof2019_la"):
        Path(load_corpus(corpus).root).mkdir(parents=True)
    assert sources.choose("rawm_emotion").studies == ["emotion"]
    assert sources.choose("rawm_few_shot").studies == ["few_shot_100", "few_shot_1000"]
    assert sources.choose("rawm_four_corpora").absent == ("vcc2020", "in_the_wild")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A working folder with made-up runs of every stand-in study, and all tables and figures."""
    folder = tmp_path_factory.mktemp("paper")
    shutil.copytree(ROOT / "config", folder / "config")
    for study in (folder / "config/studies").glob("*.yaml"):  # two seeds are enough, and sooner there
        study.write_text(study.read_text().replace("seeds: [0, 1, 2]", "seeds: [0, 1]"))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("RAWM_CORPORA", str(folder / "corpora"))
        chosen = [sources.choose(label) for label in LABELS]
        for name in dict.fromkeys(study for source in chosen for study in source.studies):
            finish(load_study(name))
        for label in LABELS:
            paper.make(label)
            if read_published(label).drawing:
                paper.draw(label)
        paper.make_index()
    return folder


def finish(study):
    """Make up every run of a study, and the manifests of its corpora."""
    rows = {}
    for number, task in enumerate(study.tasks, 1):
        for place, label in enumerate(finished_runs._labels(study, number)):
            unknown = dict.fromkeys(manifest.COLUMNS, "-") | {"split": "eval", "duration_s": 1.0, "label": label}
            names = dict.fromkeys(("utterance_id", "path", "group"), f"t{number}_{place:03d}")
            rows.setdefault(task.corpora[0], []).append(unknown | names | {"corpus": task.corpora[0]})
    for corpus, listed in rows.items():
        manifest.write(listed, paths.manifest(corpus), labels=None)
    for method in study.methods:
        for seed in study.settings.seeds:
            finished_runs.make_run(study, method, seed, with_projectors=False)
    uncertainty.make(study, resamples=100)


def rows_of(folder, name):
    with (folder / f"results/paper/{name}.csv").open() as file:
        return list(csv.DictReader(file))


@pytest.mark.slow
@pytest.mark.parametrize("label", LABELS)
def test_every_printed_number_is_in_its_table_with_a_verdict(made, label):
    found = read_published(label, made / "config")
    known = [value for row in found.rows for value in row.values if value is not None]
    numbers = [row for row in rows_of(made, label) if row["derived"] == "False"]
    assert [float(row["printed"]) for row in numbers if row["printed"]] == pytest.approx(known)
    for row in numbers:
        assert bool(row["verdict"]) == bool(row["reason"]) == bool(row["printed"])
        assert row["verdict"] in ("", NOT_COMPARABLE, NOT_RUN)  # nothing but stand-ins here
        assert row["mean"] or row["printed"]
    page = (made / f"results/paper/{label}.md").read_text()
    assert "Printed numbers are of" in page and found.title in page
    latex = (made / f"results/paper/{label}.tex").read_text()
    assert latex.count("{") == latex.count("}") and r"\toprule" in latex


def test_the_index_lists_all_with_their_counts(made):
    listed = rows_of(made, "index")
    assert [row["published"] for row in listed] == LABELS
    for row in listed:
        counted = [int(row[word.replace(" ", "_")]) for word in (REPRODUCED, DIFFERS, NOT_COMPARABLE, NOT_RUN)]
        assert sum(counted) == int(row["printed"]) and counted[:2] == [0, 0]
    by_label = {row["published"]: row for row in listed}
    assert by_label["rawm_emotion"]["ours"] == "none"
    assert by_label["rawm_eta"]["studies"] == "open_speech open_speech_parts"
    page = (made / "results/paper/index.md").read_text()
    assert all(f"]({label}.md)" in page for label in LABELS)


def test_the_index_asks_for_a_table_that_is_missing(made, tmp_path, monkeypatch):
    monkeypatch.chdir(made)
    with pytest.raises(UserError, match=r"evda_readme.csv: no such file; make it with `rawm paper evda_readme`"):
        paper.make_index(tmp_path)
    with pytest.raises(UserError, match=r"rego_table1.yaml: has no drawing"):
        paper.draw("rego_table1", tmp_path)


def test_the_few_shot_curve_is_of_the_studies_with_more_and_more_utterances(made, monkeypatch):
    monkeypatch.chdir(made)
    numbers = compare.compare(sources.choose("rawm_few_shot"))
    points = {(number.row.curve, number.row.x): number for number in numbers if number.column.task == 2}
    assert {x for _, x in points} == {25, 100, 625}
    few = results.load(load_study("open_speech_few_100")).matrices("rawm")
    assert np.array_equal(points["RAWM", 100].values, few[:, -1, 1])


def test_figures_are_drawn(made):
    drawn = {path.stem for path in (made / "results/paper").glob("*.svg")}
    assert drawn == {label for label in LABELS if read_published(label, made / "config").drawing}
    assert all((made / f"results/paper/{label}.png").stat().st_size > 10_000 for label in drawn)


def test_the_row_that_is_backed_by_a_shipped_matrix_is_that_matrix_s_last():
    rows = {row.method: row.values for row in read_published("evda_readme", ROOT / "config").rows}
    assert rows["ELMA"] == published_matrices.ELMA[-1]


@pytest.mark.slow
def test_the_workflow_plans_all_tables_from_the_stand_ins(folder):
    _, text = snakemake(folder, "--dry-run", "--quiet", "rules", "--", "paper", study="open_speech")
    table = dict(line.split() for line in text.splitlines() if len(line.split()) == 2)
    assert int(table["compare_published"]) == len(LABELS) and int(table["draw_published"]) == 3
    assert int(table["train_task"]) <= 126 + 240  # the default study, and some minutes more


def test_a_table_of_which_nothing_is_known_and_nothing_ran_is_empty(folder):
    label = printed(study="rego", rows=[{"method": "RAWM", "ours": "rawm"}])
    paper.make(label)
    assert rows_of(folder, label) == []
    page = (folder / f"results/paper/{label}.md").read_text()
    assert "corpora that are not on this machine; nothing stands in" in page
    assert index.entry(folder / "results/paper", label)["printed"] == 0
