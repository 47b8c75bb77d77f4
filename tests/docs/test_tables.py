"""Pages agree with the code."""

import json
import re
from pathlib import Path

import corpora_table
import methods_table
import performance_table
import standardisation_table

from rawm.methods import METHODS
from rawm.study import labels, load_corpus, load_method, load_study

ROOT = Path(__file__).parents[2]


def test_the_list_of_corpora_is_that_of_their_files(monkeypatch):
    monkeypatch.chdir(ROOT)
    page = corpora_table.PAGE.read_text(encoding="utf-8")
    assert corpora_table.filled(page) == page, "run `python tools/corpora_table.py`"
    for label in labels("corpora"):
        loaded = load_corpus(label)
        if loaded.loader not in ("synthetic", "open_speech", "resampled", "digits") and not label.startswith("evda_"):
            assert f"### `{label}`" in page, f"config/corpora/{label}.yaml: download is missing"
            assert loaded.title and loaded.licence and loaded.homepage and loaded.verified, label


def test_the_table_of_methods_is_that_of_the_registry(monkeypatch):
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(methods_table, "BENCH", Path("not/there"))
    monkeypatch.setattr(methods_table, "COMPARISON", "not/{}/there")
    page = methods_table.PAGE.read_text(encoding="utf-8")
    assert methods_table.filled(page) == page, "run `python tools/methods_table.py`"
    algorithms = {load_method(label).algorithm for label in methods_table.shown_before(page)}
    assert algorithms == set(METHODS)
    results = methods_table.RESULTS.read_text(encoding="utf-8")
    assert methods_table.results(results) == results
    readme = methods_table.README.read_text(encoding="utf-8")
    assert methods_table.readme(readme, results) == readme, "run `python tools/methods_table.py`"
    for title in methods_table.README_METHODS:
        assert f"| {title} | " in readme


def test_results_of_a_study_and_the_benchmark_reach_the_table(monkeypatch, tmp_path):
    monkeypatch.chdir(ROOT)
    (tmp_path / "bench.json").write_text('{"perceptron": {"finetune": 1.0, "rawm": 1.234}}')
    (tmp_path / "comparison.csv").write_text(
        "method,title,average_eer_mean,average_eer_std,aulc_eer_mean,aulc_eer_std,forgetting_eer_increase_mean,forgetting_eer_increase_std,"
        "learning_eer_mean,learning_eer_std,fixed_threshold_error_mean,fixed_threshold_error_std\n"
        "rawm,RAWM,12.34,0.56,10.1,0.4,7.8,0.9,8.0,0.5,15.0,1.5\n"
    )
    monkeypatch.setattr(methods_table, "BENCH", tmp_path / "bench.json")
    monkeypatch.setattr(methods_table, "COMPARISON", str(tmp_path / "comparison.csv"))
    sure = {"methods": {"rawm": {"average_eer": {"value": 12.34, "low": 10.9, "high": 14.0}}}, "pairs": []}
    (tmp_path / "intervals.json").write_text(json.dumps(sure))
    monkeypatch.setattr(methods_table, "INTERVALS", str(tmp_path / "intervals.json"))
    results = methods_table.results(methods_table.RESULTS.read_text(encoding="utf-8"))
    assert "| RAWM | none | 12.3 [10.9, 14.0] | - | 10.1 ± 0.4 | 7.8 ± 0.9 | 8.0 ± 0.5 | 15.0 ± 1.5 |" in results
    readme = methods_table.readme(methods_table.README.read_text(encoding="utf-8"), results)
    assert "| RAWM | none | 12.3 [10.9, 14.0] | 10.1 ± 0.4 | 7.8 ± 0.9 |" in readme
    page = methods_table.filled(methods_table.PAGE.read_text(encoding="utf-8"))
    assert methods_table.shown_before(page)["rawm"] == ["1.2", "12.3 ± 0.6", "10.1 ± 0.4", "7.8 ± 0.9"]
    assert re.search(r"\| `finetune` \| no \| 0 \| 1.0 \| - \| - \| - \|", page)


def test_the_table_of_standardisations_is_kept_without_results_and_has_a_row_for_each_method(monkeypatch, tmp_path):
    page = standardisation_table.RESULTS.read_text(encoding="utf-8")
    assert standardisation_table.cell([]) == "diverges" and standardisation_table.cell([1.0, 2.0]) == "1.5 ± 0.7"
    (tmp_path / "config").symlink_to(ROOT / "config")
    monkeypatch.chdir(tmp_path)
    assert standardisation_table.filled(page) == page
    for title, name in standardisation_table.STUDIES.items():
        study = load_study(name, on_disk=False)
        assert all(f"| {title} | {study.title(method)} | " in page for method in study.methods)


def test_the_results_say_how_far_a_method_is_from_rawm():
    pair = {"metric": "average_eer", "first": "owm", "second": "rawm", "difference": 5.4, "low": 2.94, "high": 8.0}
    other = pair | {"first": "rawm", "second": "si", "difference": 0.1, "low": -2.0, "high": 2.1}
    assert methods_table.against("owm", [pair, other]) == "+5.4 [+2.9, +8.0]"
    assert methods_table.against("si", [pair, other]) == "≈ -0.1 [-2.1, +2.0]"
    assert methods_table.against("si", [pair | {"metric": "forgetting_eer_increase"}, pair]) == "-"


def test_benchmarks_reach_their_page_and_what_was_skipped_keeps_its_number(monkeypatch, tmp_path):
    monkeypatch.setattr(performance_table, "BENCH", tmp_path / "bench.json")
    page = performance_table.PAGE.read_text(encoding="utf-8")
    assert performance_table.filled(page) == page
    records = [
        {"what": "EWC: a", "value": 1.44, "shown": "1.44", "target": ">= 1.5", "met": False},
        {"what": "LwF: b", "value": 2, "shown": "2.00 s", "target": "", "met": None},
    ]
    machine = {"cpu": "A CPU", "cores": 2, "memory_gib": 24, "python": "3.11", "torch": "2.11"}

    def fill(page, **changes):
        results = {"perceptron": {}, "measured": [records[0] | changes, records[1]], "machine": machine}
        (tmp_path / "bench.json").write_text(json.dumps(results))
        return performance_table.filled(page)

    first = fill(page)
    assert "| EWC: a | 1.44 | >= 1.5 | no |\n| LwF: b | 2.00 s |  |  |\n" in first
    assert "A CPU, 2 cores" in first and "AMD" not in first
    assert fill(first, value=None, shown="-", met=None) == first
    assert "| EWC: a | 1.60 | >= 1.5 | yes |" in fill(first, value=1.6, shown="1.60", met=True)
