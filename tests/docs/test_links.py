"""Pages link to and name files that exist."""

import json
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [
    ROOT / "README.md",
    ROOT / "CHANGELOG.md",
    ROOT / "CONTRIBUTING.md",
    *sorted((ROOT / "docs").glob("*.md")),
    ROOT / "config/README.md",
    ROOT / "results/README.md",
]
#: First parts of the paths that pages name.
TOP = ("rawm", "tests", "tools", "benchmarks", "config", "workflow", "docs")
#: An MLflow experiment, and files that a reader makes.
NOT_FILES = ("rawm/tuning/", "config/corpora/mine")


def headings(page: Path) -> set[str]:
    """Anchors of a page's headings, as GitHub makes them."""
    titles = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title).strip().lower().replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        if "://" in target:
            continue
        name, _, anchor = target.partition("#")
        other = (page.parent / name).resolve() if name else page
        assert other.exists(), f"{page.name}: {target} is not there"
        assert not anchor or anchor in headings(other), f"{page.name}: {target} has no such heading"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_files_that_are_named_exist(page):
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    folders = {str(parent) for name in listed for parent in Path(name).parents}
    for name in re.findall(r"`([\w.*/-]+)`", page.read_text(encoding="utf-8")):
        first, _, rest = name.partition("/")
        if first in TOP and rest and "*" not in name and not name.startswith(NOT_FILES):
            assert name in listed or name.rstrip("/") in folders, f"{page.name} names {name}, which is not there"


def test_the_readme_is_short_and_the_list_of_pages_is_complete():
    assert len((ROOT / "README.md").read_bytes()) <= 6000
    index = (ROOT / "docs/README.md").read_text(encoding="utf-8")
    pages = {page.name for page in (ROOT / "docs").glob("*.md")} - {"README.md"}
    assert {page for page in pages if f"({page})" not in index} == set()


def test_the_page_on_configuration_names_every_key():
    page = (ROOT / "config/README.md").read_text(encoding="utf-8")
    for schema in sorted((ROOT / "config/schemas").glob("*.json")):
        content = json.loads(schema.read_text(encoding="utf-8"))
        options = [variant["$ref"] for variant in content.get("oneOf", [])] if "methods" not in schema.name else []
        models = [content["$defs"][ref.rsplit("/", 1)[1]] for ref in options] or [content]
        keys = {key for model in models for key in model.get("properties", {})}
        assert {key for key in keys - {"name"} if f"`{key}`" not in page} == set(), schema.name
