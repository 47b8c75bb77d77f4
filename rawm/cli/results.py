"""Verbs that make intervals, tables, figures, summaries and comparisons with papers from finished runs."""

from pathlib import Path
from typing import Annotated

import typer

from rawm import paths
from rawm.cli.options import Study, example
from rawm.errors import UserError
from rawm.study import load_main, load_study

app = typer.Typer()


@app.command(
    epilog=example("rawm intervals --study open_speech", "rawm intervals --study open_speech --groups speaker")
)
def intervals(
    study: Study,
    resamples: Annotated[int, typer.Option(min=100, help="Number of resamples of utterances and seeds.")] = 1000,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the resamples.")] = 0,
    level: Annotated[float, typer.Option(min=0.5, max=0.999, help="Confidence level of the intervals.")] = 0.95,
    groups: Annotated[
        str, typer.Option(help="Manifest column whose values are resampled as units: group, speaker or utterance.")
    ] = "group",
    threads: Annotated[int, typer.Option(min=1, help="Runs that are resampled in parallel.")] = 1,
):
    """Compute confidence intervals, paired differences between methods, and ranks of a study (intervals.json)."""
    from rawm.runs import uncertainty

    uncertainty.make(load_study(study), resamples, seed, level, groups, threads)


@app.command(epilog=example("rawm tables --study open_speech"))
def tables(
    study: Study,
    output: Annotated[Path | None, typer.Option(help="Folder to write to; default results/STUDY/tables.")] = None,
):
    """Make the tables of a study (CSV, Markdown, LaTeX, HTML) from the scores of its runs."""
    from rawm.reports import tables as make_tables

    make_tables.make(load_study(study), output or paths.study(study) / "tables")


@app.command(epilog=example("rawm figures --study open_speech", "rawm figures --study open_speech --output paper/"))
def figures(
    study: Study,
    output: Annotated[Path | None, typer.Option(help="Folder to write to; default results/STUDY/figures.")] = None,
):
    """Draw the figures of a study (SVG, PNG) from the scores and memories of its runs."""
    from rawm.reports import figures as make_figures

    make_figures.make(load_study(study), output or paths.study(study) / "figures")


@app.command(epilog=example("rawm summary", "rawm summary --study synthetic"))
def summary(
    study: Annotated[str | None, typer.Option(help="Study to show; default: the one in config/config.yaml.")] = None,
):
    """Print the main table of a finished study, best method first, and where its files are."""
    from rawm.reports import summary as summaries

    print(summaries.text(load_study(study or load_main().study)))


@app.command(epilog=example("rawm verify", "rawm verify synthetic"))
def verify(
    study: Annotated[
        str | None, typer.Argument(help="Label of a file in config/studies/; default: the one in config/config.yaml.")
    ] = None,
):
    """Read every file of a study and compare it with its checksum; name damaged ones and how to make them again."""
    from rawm.runs.verify import verify as verify_study

    name = study or load_main().study
    verified = verify_study(load_study(name, on_disk=False))
    typer.echo(f"files of study {name}: {verified.summary}")
    if verified.problems:
        raise UserError("\n".join(verified.problems))


@app.command(epilog=example("rawm paper rawm_ablation", "rawm paper rawm_ablation --draw", "rawm paper --index"))
def paper(
    published: Annotated[str | None, typer.Argument(help="Label of a file in config/published/.")] = None,
    draw: Annotated[
        bool, typer.Option("--draw", help="Draw our numbers (SVG, PNG) instead of writing the table.")
    ] = False,
    index: Annotated[bool, typer.Option("--index", help="List all tables made so far (index.md).")] = False,
    output: Annotated[Path, typer.Option(help="Folder to write to.")] = paths.PAPER,
):
    """Show our numbers beside those printed in a paper (CSV, Markdown, LaTeX)."""
    from rawm.reports import paper as papers

    if (published is None) != index or (draw and index):
        raise UserError("rawm paper: give the label of a file in config/published/, or --index")
    if index:
        papers.make_index(output)
    elif draw:
        papers.draw(published, output)
    else:
        papers.make(published, output)
