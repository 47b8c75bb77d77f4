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
    *sorted((ROOT / "docs").rglob("*.md")),
    ROOT / "config/README.md",
    ROOT / "results/README.md",
]
#: First parts of the paths that pages name.
TOP = ("rawm", "tests", "tools", "benchmarks", "config", "workflow", "docs")
NOT_FILES = ("rawm/tuning/",)  # MLflow experiments


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
    text = page.read_text(encoding="utf-8")
    listed += re.findall(r"<!-- file: (\S+) -->", text)  # the reader makes them
    for name in re.findall(r"`([\w.*/-]+)`", text):
        first, _, rest = name.partition("/")
        if first in TOP and rest and "*" not in name and not name.startswith(NOT_FILES):
            assert name in listed or name.rstrip("/") in folders, f"{page.name} names {name}, which is not there"


def test_the_readme_is_short_and_the_list_of_pages_is_complete():
    assert len((ROOT / "README.md").read_bytes()) <= 6000
    index = (ROOT / "docs/README.md").read_text(encoding="utf-8")
    pages = {page.relative_to(ROOT / "docs").as_posix() for page in (ROOT / "docs").rglob("*.md")} - {"README.md"}
    assert {page for page in pages if f"({page})" not in index} == set()


def test_the_page_on_configuration_names_every_key():
    page = (ROOT / "config/README.md").read_text(encoding="utf-8")
    for schema in sorted((ROOT / "config/schemas").glob("*.json")):
        content = json.loads(schema.read_text(encoding="utf-8"))
        options = [variant["$ref"] for variant in content.get("oneOf", [])] if "methods" not in schema.name else []
        models = [content["$defs"][ref.rsplit("/", 1)[1]] for ref in options] or [content]
        keys = {key for model in models for key in model.get("properties", {})}
        assert {key for key in keys - {"name"} if f"`{key}`" not in page} == set(), schema.name


@pytest.mark.parametrize("schema", sorted((ROOT / "config/schemas").glob("*.json")), ids=lambda schema: schema.stem)
def test_every_key_has_a_description(schema):
    content = json.loads(schema.read_text(encoding="utf-8"))
    for name, model in [("file", content), *content.get("$defs", {}).items()]:
        keys = model.get("properties", {}) if name != "TrainingOverride" else {}  # they are those of Training
        plain = [key for key, value in keys.items() if "description" not in value]
        assert set(plain) <= set(selectors(content)), f"{name}: {plain}"


def selectors(schema):
    """Keys that choose the other keys."""
    if isinstance(schema, dict):
        if "propertyName" in schema:
            yield schema["propertyName"]
        schema = list(schema.values())
    if isinstance(schema, list):
        for value in schema:
            yield from selectors(value)
