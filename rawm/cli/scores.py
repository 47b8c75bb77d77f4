"""Verbs about score files: `rawm scores ...`."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from rawm.cli.options import Method, Seed, Study, example, load_run

app = typer.Typer()
scores = typer.Typer(no_args_is_help=True, help="Export a run's scores; evaluate any score file.")
app.add_typer(scores, name="scores")


@scores.command(
    "export",
    epilog=example(
        "rawm scores export --study open_speech --method rawm --seed 0 --output scores/",
        "rawm scores export --study open_speech --method rawm --seed 0 --after 1 --task 2 --format asvspoof5 "
        "--output scores.tsv",
        "rawm scores export --study open_speech --method rawm --seed 0 --format arena --output arena/",
    ),
)
def export_scores(
    study: Study,
    method: Method,
    seed: Seed,
    output: Annotated[Path, typer.Option(help="File with --task; else folder, one file per task.")],
    after: Annotated[
        int | None, typer.Option(min=0, help="Detector after this task; 0 = untrained, default the last.")
    ] = None,
    task: Annotated[int | None, typer.Option(min=1, help="Only the scores of this task.")] = None,
    format: Annotated[
        Literal["asvspoof2019", "asvspoof2021", "asvspoof5", "arena"],
        typer.Option(help="Of a challenge (only asvspoof2019 has keys), or of Speech DF Arena, with its list."),
    ] = "asvspoof2019",
):
    """Export the scores of a finished run in the format of an ASVspoof challenge or of Speech DF Arena."""
    from rawm.score_files.export import export

    for path in export(load_run(study, method, seed), output, format, after, task):
        typer.echo(path)


@scores.command(
    "evaluate",
    epilog=example(
        "rawm scores evaluate scores/en_tts.txt",
        "rawm scores evaluate scores.txt --key keys/LA/CM/trial_metadata.txt",
        "rawm scores evaluate cm.txt --asv ASVspoof2019.LA.asv.eval.gi.trl.scores.txt",
        "rawm scores evaluate arena/en_tts.txt --key arena/en_tts.csv",
    ),
)
def evaluate_scores(
    file: Annotated[Path, typer.Argument(help="Scores of a detector; higher = more genuine.")],
    format: Annotated[
        Literal["auto", "asvspoof2019", "asvspoof2021", "asvspoof5", "arena"],
        typer.Option(help="Format of the file; auto = recognise it by the first line."),
    ] = "auto",
    key: Annotated[
        Path | None,
        typer.Option(help="Labels: a key, protocol or list of a challenge, a score file of 2019, or a manifest."),
    ] = None,
    asv: Annotated[
        Path | None, typer.Option(help="Scores of a speaker verification system (2019 format), for min t-DCF.")
    ] = None,
    partial: Annotated[
        bool, typer.Option("--partial", help="Evaluate a file that lacks utterances of the key; says how many.")
    ] = False,
):
    """Print EER, AUC, costs and Cllr of a score file, and with --asv both definitions of min t-DCF."""
    from rawm.score_files.evaluate import evaluate

    evaluation = evaluate(file, format, key, asv, partial)
    typer.echo(evaluation.about)
    for metric in evaluation.metrics:
        typer.echo(metric)
    if evaluation.hint:
        typer.echo(f"hint: {evaluation.hint}", err=True)
