"""The workflow outside of a clone: in a project folder, as a module, and with a Snakemake that has nothing else.

`.ci/pythons` runs a project of the wheel in an environment of its own.
"""

import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import yaml
from support.commands import ROOT, run

from rawm import cli

UV = Path(sys.executable).parent / "uv"
MODULE = """
configfile: "config/config.yaml"

module other:
    snakefile: "{snakefile}"
    config: config

use rule * from other as other_*
"""


@pytest.fixture(scope="session")
def wheel(tmp_path_factory):
    """The package as a wheel, made from what git knows and what is changed."""
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run([UV, "build", "--quiet", "--wheel", "--out-dir", folder, ROOT], check=True)
    (path,) = folder.glob("*.whl")
    return path


@pytest.fixture(scope="session")
def installed(wheel):
    """Variables with which Python finds the wheel's content before the clone, and an empty home."""
    folder = wheel.parent / "installed"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    (folder / "home").mkdir()
    return {"PYTHONPATH": str(folder), "HOME": str(folder / "home")}


def listed(folder):
    """Files under a folder of the clone, as git knows them and without what it ignores."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", folder]
    files = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.split()
    return {file for file in files if (ROOT / file).is_file()}


def test_the_wheel_holds_package_workflow_and_configuration_and_nothing_else(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
    shipped = {f"rawm/shipped/{file}" for folder in ("config", "workflow") for file in listed(folder)}
    assert names == listed("rawm") | shipped | {file.removeprefix("plugins/") for file in listed("plugins")}
    assert re.fullmatch(r"rawm-\d+\.\d+\.\d+(\.dev\d+)?.*-py3-none-any\.whl", wheel.name)


def test_a_project_of_the_installed_package_plans_a_method_of_its_own(installed, tmp_path):
    _, text = run("rawm", "init", "s", "--study", "synthetic", folder=tmp_path, variables=installed)
    project = tmp_path / "s"
    assert "next: cd s, look at config/, then: snakemake --cores 2" in text
    own = run("rawm", "show", "methods/rawm", folder=project, variables=installed)[1]
    (project / "config/methods").mkdir()
    (project / "config/methods/mine.yaml").write_text(own.replace("title: RAWM ", "title: Mine "))
    study = project / "config/studies/synthetic.yaml"
    study.write_text(study.read_text().replace("methods: [finetune, joint, rawm]", "methods: [finetune, mine]"))
    _, text = run("snakemake", "--dry-run", folder=project, variables=installed)
    assert text.count("method=mine,") == 4 and text.count("method=finetune,") == 4  # three tasks and an evaluation
    assert re.search(r"^train_task +6$", text, re.M)


def test_init_lists_studies_and_overwrites_nothing(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)

    def rawm(*arguments):
        monkeypatch.setattr(sys, "argv", ["rawm", *arguments])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        return ended.value.code or 0, capsys.readouterr()

    status, shown = rawm("init", "--list")
    assert status == 0 and re.search(r"^open_speech +Open speech$", shown.out, re.M)
    assert rawm("init")[1].err == "rawm: FOLDER is missing; name the folder to make, e.g. rawm init my_project\n"
    status, shown = rawm("init", "a", "--study", "syntetic")
    assert (status, shown.err) == (1, "rawm: config/studies/syntetic.yaml: no such file; did you mean 'synthetic'?\n")
    assert not Path("a").exists()
    assert rawm("init", "a")[0] == 0
    main = yaml.safe_load(Path("a/config/config.yaml").read_text())
    assert main["study"] == "open_speech" and Path("a/config/studies/open_speech.yaml").is_file()
    before = {path: path.read_bytes() for path in Path("a").rglob("*") if path.is_file()}
    Path("a/workflow/Snakefile").unlink()
    status, shown = rawm("init", "a", "--study", "synthetic")
    assert status == 1 and "a/config/config.yaml: is there already; choose another folder" in shown.err
    del before[Path("a/workflow/Snakefile")]
    assert {path: path.read_bytes() for path in Path("a").rglob("*") if path.is_file()} == before


def test_the_workflow_is_a_module_of_another_one(tmp_path):
    shutil.copytree(ROOT / "config", tmp_path / "config")
    (tmp_path / "Snakefile").write_text(MODULE.format(snakefile=ROOT / "workflow/Snakefile"))
    _, text = run("snakemake", "--dry-run", "--cores", "1", "--config", "study=synthetic", folder=tmp_path)
    assert re.search(r"^other_train_task +9$", text, re.M) and re.search(r"^other_all +1$", text, re.M)


def test_an_environment_with_snakemake_alone_lints_and_plans_a_clone(tmp_path):
    python = tmp_path / "bare"
    subprocess.run([UV, "venv", "--quiet", "--python", sys.executable, python], check=True)
    pinned = re.search(r"^snakemake==\S+", (ROOT / "requirements.txt").read_text(), re.M)[0]
    install = [UV, "pip", "install", "--quiet", "--python", python / "bin/python", pinned]
    subprocess.run(install, check=True)
    clone = tmp_path / "clone"
    for folder in ("config", "rawm", "workflow"):
        shutil.copytree(ROOT / folder, clone / folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", clone)
    bare = {"PATH": f"{python}/bin{os.pathsep}/usr/bin{os.pathsep}/bin", "PYTHONPATH": ""}
    _, text = run("snakemake", "--dry-run", "--config", "study=synthetic", folder=clone, variables=bare)
    assert re.search(r"^train_task +9$", text, re.M)
    _, text = run("snakemake", "--dry-run", folder=clone, variables=bare)
    assert re.search(r"^train_task +126$", text, re.M)
    status, text = run(
        "snakemake", "--cores", "1", "--config", "study=synthetic", folder=clone, variables=bare, check=False
    )
    assert status == 1 and "rawm is not installed in this environment" in text and "Traceback" not in text
    _, text = run("snakemake", "--lint", folder=clone, variables=bare)
    assert "good condition" in text
