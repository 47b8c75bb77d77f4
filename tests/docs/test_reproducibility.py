"""docs/reproducibility.md agrees with config/published/, with the methods and with the tests that it names."""

import re
from pathlib import Path

import reproducibility_table

from rawm.methods import METHODS

ROOT = Path(__file__).parents[2]
PAGE = reproducibility_table.PAGE.read_text(encoding="utf-8")


def test_the_table_is_that_of_the_files(monkeypatch):
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(reproducibility_table, "INDEX", Path("not/there"))
    assert reproducibility_table.filled(PAGE) == PAGE, "run `python tools/reproducibility_table.py`"


def test_verdicts_reach_the_table(monkeypatch, tmp_path):
    monkeypatch.chdir(ROOT)
    index = tmp_path / "index.csv"
    index.write_text("published,reproduced,differs,not_comparable,not_run\nrais,7,8,9,10\n")
    monkeypatch.setattr(reproducibility_table, "INDEX", index)
    page = reproducibility_table.filled(PAGE)
    shown, before = reproducibility_table.shown_before(page), reproducibility_table.shown_before(PAGE)
    assert shown["rais"] == ["7", "8", "9", "10"]
    assert {label for label in shown if shown[label] != before[label]} == {"rais"}


def test_every_method_has_a_line_and_every_test_is_there():
    lines = re.findall(r"^\| ((?:`\w+`(?:, )?)+) \| (?:no|not|yes)", PAGE, re.MULTILINE)
    assert set(re.findall(r"`(\w+)`", " ".join(lines))) == set(METHODS)
    named = re.findall(r"`([\w/]*test_\w+\.py)`", PAGE)
    assert named and not [name for name in named if not (ROOT / name).is_file()]


def test_as_long_as_no_number_is_reproduced_the_page_says_so():
    counted = [cells for label, cells in reproducibility_table.shown_before(PAGE).items() if cells[0].isdigit()]
    reproduced = sum(int(cells[0]) for cells in counted)
    assert ("**No number of a speech table has been reproduced so far**" in PAGE) == (reproduced == 0)
