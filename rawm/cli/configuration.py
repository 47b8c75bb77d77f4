"""Verbs about the files in config/."""

import shlex
from pathlib import Path
from typing import Annotated

import typer

from rawm.cli.options import example
from rawm.config.files import file_of
from rawm.config.reading import ConfigError
from rawm.errors import UserError
from rawm.study import KINDS, check_all, labels, load_file, load_study

app = typer.Typer()


@app.command(epilog=example("rawm init my_project --study synthetic", "rawm init --list"))
def init(
    folder: Annotated[Path | None, typer.Argument(help="Folder to make, or an empty one.")] = None,
    study: Annotated[str | None, typer.Option(help="Study to start from; default: the one of the package.")] = None,
    listed: Annotated[bool, typer.Option("--list", help="List the studies instead.")] = False,
):
    """Make a folder in which `snakemake --cores 2` runs a study, to change and extend."""
    from rawm.study.project import make_project

    if listed:
        for label in labels("studies"):
            typer.echo(f"{label:<28} {load_file('studies', label).title}")
        return
    if folder is None:
        raise UserError("FOLDER is missing; name the folder to make, e.g. rawm init my_project")
    for path in make_project(folder, study):
        typer.echo(path)
    typer.echo(f"\nnext: cd {shlex.quote(str(folder))}, look at config/, then: snakemake --cores 2")


@app.command(epilog=example("rawm show methods/rawm", "rawm show methods/rawm > config/methods/mine.yaml"))
def show(file: Annotated[str, typer.Argument(metavar="KIND/LABEL", help="E.g. methods/rawm or studies/synthetic.")]):
    """Print a file of the configuration: the one of config/, or else the one that comes with the package."""
    kind, _, label = file.removesuffix(".yaml").partition("/")
    if kind not in KINDS:
        raise UserError(f"{file}: {kind!r} is no kind of file; write e.g. methods/rawm; kinds: {', '.join(KINDS)}")
    load_file(kind, label)
    typer.echo(file_of(kind, label).read_text(encoding="utf-8"), nl=False)


@app.command(epilog=example("rawm check", "rawm check --study synthetic"))
def check(
    study: Annotated[str | None, typer.Option(help="Check only the files of this study; default: all files.")] = None,
):
    """Check the configuration; report every mistake with file, key and what would be right."""
    if study:
        load_study(study)
        typer.echo(f"study {study} and all files it names are fine")
    elif problems := check_all():
        raise ConfigError(problems)
    else:
        typer.echo("all files under config/ are fine")


@app.command(epilog=example("rawm schemas"))
def schemas(output: Annotated[Path, typer.Option(help="Folder to write to.")] = Path("config/schemas")):
    """Write the JSON schemas of the configuration files; editors use them to complete keys."""
    from rawm.study.schemas import write

    for path in write(output):
        typer.echo(path)
