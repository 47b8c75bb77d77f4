"""Verbs about the files in config/."""

from pathlib import Path
from typing import Annotated

import typer

from rawm.cli.options import example
from rawm.config.reading import ConfigError
from rawm.study import check_all, load_study

app = typer.Typer()


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
