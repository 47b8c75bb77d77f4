"""Verbs that turn the scores of finished runs into tables and figures."""

from pathlib import Path
from typing import Annotated

import typer

from rawm import paths
from rawm.cli.options import Study, example, load_study

app = typer.Typer()


@app.command(epilog=example("rawm tables --study open_speech"))
def tables(
    study: Study, output: Annotated[Path | None, typer.Option(help="Folder; default results/STUDY/tables.")] = None
):
    """Make the tables of a study (CSV, Markdown, LaTeX) from the scores of its runs."""
    from rawm import tables as make_tables

    make_tables.make(load_study(study), output or paths.study(study) / "tables")


@app.command(epilog=example("rawm figures --study open_speech", "rawm figures --study open_speech --output paper/"))
def figures(
    study: Study, output: Annotated[Path | None, typer.Option(help="Folder; default results/STUDY/figures.")] = None
):
    """Draw the figures of a study (SVG, PNG) from the scores and memories of its runs."""
    from rawm import figures as make_figures

    make_figures.make(load_study(study), output or paths.study(study) / "figures")
