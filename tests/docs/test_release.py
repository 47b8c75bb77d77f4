"""What a release, GitHub and the workflow catalog read agrees with the rest of the repository."""

import re
from pathlib import Path

import yaml

from rawm.study import load_study

ROOT = Path(__file__).parents[2]
CHANGES = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def read(name):
    return yaml.safe_load((ROOT / name).read_text(encoding="utf-8"))


def test_the_citation_is_of_the_last_release():
    sections = re.findall(r"^## \[(.+?)\](?: - (\d{4}-\d\d-\d\d))?$", CHANGES, re.M)
    assert sections[0] == ("Unreleased", "")
    versions = [tuple(map(int, number.split("."))) for number, _ in sections[1:]]
    assert versions == sorted(versions, reverse=True) and all(date for _, date in sections[1:])
    assert read("CITATION.cff")["version"] == sections[1][0]


def test_github_runs_what_ci_runs():
    steps = read(".github/workflows/ci.yml")["jobs"]["everything"]["steps"]
    assert steps[-1] == {"run": ".ci/run"}
    assert all(re.search(r"@v\d+$", step["uses"]) for step in steps[:-1])


def test_forms_have_what_github_asks_for():
    for file in ("bug.yml", "request.yml"):
        form = read(f".github/ISSUE_TEMPLATE/{file}")
        assert form["name"] and form["description"]
        ids = [part["id"] for part in form["body"]]
        assert len(set(ids)) == len(ids)
        assert all(part["attributes"]["label"] for part in form["body"])


def test_the_workflow_catalog_finds_what_it_asks_for():
    usage = read(".snakemake-workflow-catalog.yml")["usage"]
    assert usage["report"] and usage["software-stack-deployment"]["conda"]
    assert (ROOT / "workflow/Snakefile").is_file() and (ROOT / "config/README.md").is_file()
    readme = (ROOT / "README.md").read_text(encoding="utf-8").lower()
    assert "snakemake" in readme and "workflow" in readme
    assert load_study(read(".test/config/config.yaml")["study"], ROOT / "config").tasks


def test_every_python_is_named_alike():
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    first, after = map(int, re.search(r'requires-python = ">=3\.(\d+),<3\.(\d+)"', project).groups())
    versions = [f"3.{minor}" for minor in range(first, after)]
    assert re.findall(r"Python :: (3\.\d+)", project) == versions
    assert f"for version in {' '.join(versions)}; do" in (ROOT / ".ci/pythons").read_text(encoding="utf-8")
    assert f"Python {versions[0]} to {versions[-1]}" in (ROOT / "README.md").read_text(encoding="utf-8")
    assert f"(3, {first}) <= sys.version_info[:2] <= (3, {after - 1})" in (ROOT / "Makefile").read_text(
        encoding="utf-8"
    )
