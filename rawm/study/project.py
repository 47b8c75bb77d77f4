"""A folder of one's own, whose workflow is that of the installed package."""

import re
from pathlib import Path

from rawm import paths
from rawm.config.files import file_of
from rawm.errors import UserError
from rawm.files import write_text
from rawm.study.load import load_main, load_study

SNAKEFILE = '''\
"""
The studies of config/, made by the workflow of the installed package `rawm`.

A file of config/ comes before the package's file of the same name; what is not here is found in the package. Add rules
of your own below.
"""

from rawm.paths import SHIPPED_WORKFLOW


configfile: "config/config.yaml"


module studies:
    snakefile:
        str(SHIPPED_WORKFLOW / "Snakefile")
    config:
        config


use rule * from studies


onstart:
    studies.onstart()
'''
IGNORED = ".snakemake/\nresults/\nmlflow.db*\nmlruns/\nmlartifacts/\nreport.html\n"


def make_project(folder: Path, name: str | None = None) -> list[Path]:
    """Write the Snakefile, the profile and the configuration of a study into a folder; return the paths.

    Args:
        name: label of the study; None takes the package's default.

    Raises:
        ConfigError: mistakes of the study's files, or there is no such study.
        UserError: a file to be written is there already; nothing is written.
    """
    name = name or load_main(paths.SHIPPED_CONFIG).study
    study = load_study(name, on_disk=False)
    main = (paths.SHIPPED_CONFIG / "config.yaml").read_text(encoding="utf-8")
    profile = paths.SHIPPED_WORKFLOW / "profiles" / "default" / "config.yaml"
    files = {
        "config/config.yaml": re.sub(r"(?m)^study: \S+", f"study: {name}", main),
        f"config/studies/{name}.yaml": file_of("studies", name).read_text(encoding="utf-8"),
        f"config/streams/{study.settings.stream}.yaml": file_of("streams", study.settings.stream).read_text("utf-8"),
        "workflow/profiles/default/config.yaml": profile.read_text(encoding="utf-8"),
        "workflow/Snakefile": SNAKEFILE,
        ".gitignore": IGNORED,
    }
    present = [str(folder / file) for file in files if (folder / file).exists()]
    if present:
        raise UserError("\n".join(f"{path}: is there already; choose another folder" for path in present))
    for file, text in files.items():
        write_text(folder / file, re.sub(r"# yaml-language-server: .*\n", "", text))
    return [folder / file for file in files]
