"""Verbs about the files of config/."""

from pathlib import Path
from typing import Annotated

import typer

from rawm import config
from rawm.cli.options import example

app = typer.Typer()


@app.command(epilog=example("rawm check", "rawm check --study synthetic"))
def check(study: Annotated[str | None, typer.Option(help="Only what this study uses; default: every file.")] = None):
    """Check the configuration: every mistake of every file, with file, key and what would be right."""
    if study:
        config.load_study(study)
        typer.echo(f"study {study} and all files it names are fine")
    elif problems := config.check_all():
        raise config.ConfigError(problems)
    else:
        typer.echo("all files under config/ are fine")


@app.command(epilog=example("rawm schemas"))
def schemas(output: Annotated[Path, typer.Option(help="Folder.")] = Path("workflow/schemas")):
    """Write the JSON schemas of the configuration files, with which editors complete them."""
    from rawm.config.schemas import write

    for path in write(output):
        typer.echo(path)
