"""The report of a made-up study: one file that stands alone, holds every figure and table, and explains them."""

import base64
import json
import re
import subprocess
from html import unescape
from pathlib import Path

import pytest
import yaml
from docutils.core import publish_parts
from support.commands import snakemake
from support.drawn import embedded, inputs
from support.finished_runs import make_study

from rawm import paths
from rawm.reports import figures, tables
from rawm.reports.about import about
from rawm.reports.escaping import rst
from rawm.reports.figures import study as drawing
from rawm.reports.tables.formats import Cell, Table, html
from rawm.runs import uncertainty
from rawm.study import load_study

COMMIT = ["git", "-c", "user.name=A", "-c", "user.email=a@example.org", "commit", "--quiet"]
SECTIONS = ["1 Overview", "2 Results", "3 What was forgotten", "4 Inside the projectors", "5 Tables"]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The study, its folder and the text of its report; Snakemake makes the report only, no run."""
    folder = tmp_path_factory.mktemp("report")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr(drawing, "task_inputs", inputs)
        patch.setattr(drawing, "task_embeddings", embedded)
        study = make_study(folder, methods=("finetune", "owm"), seeds=(3, 5), tasks=2)
        uncertainty.make(study, resamples=20)
        tables.make(study, paths.study(study.name) / "tables")
        figures.make(study, paths.study(study.name) / "figures")
        (folder / ".gitignore").write_text("*")
        subprocess.run(["git", "init", "--quiet"], check=True)
        subprocess.run([*COMMIT, "--allow-empty", "--message=Made up"], check=True)
        snakemake(folder, "--report", "report.html", study=study.name)
    return study, folder, (folder / "report.html").read_text(encoding="utf-8")


def value(text, name):
    """A variable of the report's script."""
    return json.JSONDecoder().raw_decode(text, re.search(rf"<script id=\"[a-z-]+\">\s+var {name} = ", text).end())[0]


def test_every_figure_and_table_is_inside_with_a_caption(made):
    study, folder, text = made
    held = value(text, "results")
    shown = [f"figures/{name}.svg" for name in figures.NAMES]
    shown += [f"tables/{name}.{suffix}" for name in tables.NAMES for suffix in ("html", "csv")]
    assert sorted(held) == sorted(f"results/{study.name}/{name}" for name in shown)
    for path, entry in held.items():
        assert base64.b64decode(entry["data_uri"].rpartition(",")[2]) == (folder / path).read_bytes()
        caption = re.sub(r"<[^>]+>", "", unescape(entry["caption"])).strip()
        assert len(caption) > 60 and "{{" not in caption and "system-message" not in entry["caption"], path
    for name in ("figures/comparison.svg", "figures/stream.svg", "tables/matrix.html"):
        assert "2 seeds" in held[f"results/{study.name}/{name}"]["caption"]


def test_sections_are_sorted_as_they_are_read(made):
    categories = value(made[2], "categories")
    assert sorted(categories) == SECTIONS
    assert sum(len(paths) for section in categories.values() for paths in section.values()) == len(
        value(made[2], "results")
    )


def test_nothing_is_loaded_from_elsewhere(made):
    assert not re.search(r"<(script|img|iframe)[^>]* src=[\"']?(https?:)?//", made[2])
    assert not re.search(r"<link[^>]* href=[\"']?(https?:)?//", made[2])


def test_the_first_page_says_what_was_done_and_how_to_read_it(made):
    study, _, text = made
    page = value(text, "workflow_desc")
    assert "system-message" not in page
    words = " ".join(re.sub(r"<[^>]+>", " ", unescape(page)).split())
    for said in (study.settings.title, study.settings.description, "English synthesisers", "Mandarin, telephone"):
        assert said in words
    for said in ("4 runs", "Seeds: 3, 5", "Fine-tuning, OWM", "epochs 4", "Lower is better", "EER increase"):
        assert said in words
    head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=made[1], capture_output=True, text=True, check=True).stdout
    assert f"commit {head[:12]}, with Python" in words  # nothing is uncommitted: all files are ignored
    assert re.search(r"rawm \d+\.\d+.* torch \d+\.\d+", words)


def test_names_are_no_markup():
    text = "CWR* and *this*, `that` | a_ and b\\c"
    body = publish_parts(rst(text), writer="html")["body"]
    assert unescape(body).strip() == f"<p>{text}</p>"


HOSTILE = "</script><script>alert(1)</script> .. raw:: html | <!-- x_ `y` & $\\frac{ " + "long " * 30


def test_titles_reach_the_report_as_text(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(drawing, "task_inputs", inputs)
    monkeypatch.setattr(drawing, "task_embeddings", embedded)
    study = make_study(tmp_path, methods=("finetune", "owm"), seeds=(3,), tasks=2)
    for path in ("studies/demo.yaml", "streams/demo.yaml", "methods/finetune.yaml"):
        content = yaml.safe_load(Path("config", path).read_text()) | {"title": HOSTILE}
        content |= (
            {"description": f"{HOSTILE}\n\n.. raw:: html\n\n   <script>alert(2)</script>\n"}
            if "studies" in path
            else {}
        )
        Path("config", path).write_text(yaml.safe_dump(content))
    study = load_study(study.name)
    uncertainty.make(study, resamples=20)
    tables.make(study, paths.study(study.name) / "tables")
    figures.make(study, paths.study(study.name) / "figures", formats=("svg", "png"))
    snakemake(tmp_path, "--report", "report.html", study=study.name)
    text = Path("report.html").read_text(encoding="utf-8")
    assert "alert(1)" in text and "<script>alert" not in text and "</script><script>alert" not in text
    page = value(text, "workflow_desc")
    assert "system-message" not in page and "<script" not in page
    assert unescape(page).count(" ".join(HOSTILE.split())) >= 3  # title, description, stream, method


def test_about_names_the_values_of_the_study(made, monkeypatch, tmp_path):
    study = made[0]
    monkeypatch.chdir(tmp_path)  # no repository
    said = about(study)
    assert said["runs"] == 4 and said["commit"] == "unknown" and said["direction"] == "lower"
    assert [title for title, _ in said["tasks"]] == ["English synthesisers", r"Mandarin\, telephone"]


def test_a_page_marks_the_best_and_escapes_what_it_prints():
    rows = [[Cell("A & B"), Cell("<0.001", best=True)], [Cell("C"), Cell("2.0")]]
    text = html(Table(["Method", "p"], ["M", "p"], rows, 1, "x < y", frozenset({1})), "Title")
    assert '<td class="name">A &amp; B</td><td><b>&lt;0.001</b></td>' in text
    assert "<tr class='first'><td class=\"name\">C</td><td>2.0</td>" in text
    assert "<p>x &lt; y</p>" in text and text.count("<tr") == 3
