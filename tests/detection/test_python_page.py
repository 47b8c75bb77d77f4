"""docs/python.md runs as it stands."""

import re
import shutil
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "python.md"

pytestmark = pytest.mark.slow


def test_the_blocks_of_the_page_run_from_top_to_bottom(study, bundle, tmp_path, monkeypatch, capsys):
    folder = tmp_path / "results" / "open_speech"
    shutil.copytree("model", folder / "model")
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.M | re.S)
    assert len(blocks) >= 6
    names: dict = {}
    for block in blocks:
        exec(block, names)
    printed = capsys.readouterr().out
    assert "is fake (eer on development data of" in printed and "no such file" in printed
    assert len(names["scores"]) == 2 and len(names["result"].windows) == 15
