"""Verbs that take a detector out of its study and use it."""

import os
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from rawm import paths
from rawm.cli.options import Device, Study, example, import_torch, load_run
from rawm.errors import UserError
from rawm.runs.run import runs_of
from rawm.study import load_main, load_stream, load_study

if TYPE_CHECKING:
    from rawm.audio import BadAudio
    from rawm.detection.bundle import Bundle
    from rawm.detection.detector import Scored
    from rawm.detection.output import Decider

app = typer.Typer()

Model = Annotated[
    str | None,
    typer.Option(
        help="Folder of a model bundle, or a model in MLflow: models:/rawm-open_speech@best, runs:/ID/model; default: "
        "results/STUDY/model of the study in config/config.yaml."
    ),
]


@contextmanager
def _bundle(model: str | None) -> Iterator["Bundle"]:
    """Open a bundle in a folder, or one that MLflow has, which is downloaded."""
    from rawm.detection import bundle

    if model is None or not model.startswith(("models:/", "runs:/")):
        yield bundle.load(model or paths.model(load_main().study))
        return
    from rawm import tracking

    uri = os.environ.get("MLFLOW_TRACKING_URI") or load_main().tracking.uri
    with tempfile.TemporaryDirectory(prefix="rawm-") as folder:
        yield bundle.load(tracking.fetch_model(model, uri, Path(folder)))


@app.command(
    epilog=example(
        "rawm export --study open_speech --method rawm --seed 0 -o models/rawm",
        "rawm export --study open_speech --method rawm --seed 0 --after 2 -o models/rawm_after_2",
        "rawm export --study open_speech",
    )
)
def export(
    study: Study,
    method: Annotated[
        str | None, typer.Option(help="Label of a method; default: the best on development data without old data.")
    ] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Seed; default: the best on development data.")] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Folder of the bundle; default results/STUDY/model.")
    ] = None,
    after: Annotated[int | None, typer.Option(min=1, help="Detector after this task; default the last.")] = None,
    with_weights: Annotated[
        bool, typer.Option("--with-weights", help="Copy the weights of a neural front-end into the bundle.")
    ] = False,
):
    """Write the detector of a finished run as a model bundle, a folder that works without the study."""
    from rawm.detection import export as exporting

    loaded = load_study(study)
    if method is not None or seed is not None:  # names what the study does not have
        load_run(study, method or loaded.settings.methods[0], loaded.settings.seeds[0] if seed is None else seed)
    runs = [run for run in runs_of(loaded) if method in (None, run.method) and seed in (None, run.seed)]
    run = exporting.best_of(runs)
    bundle = exporting.export(run, output or paths.model(study), after, with_weights)
    typer.echo(f"{bundle.folder}: {bundle.model.name}")


@app.command(
    epilog=example(
        "rawm detect recording.wav",
        "rawm detect recordings/ --format csv --output scores.csv",
        "rawm detect 'calls/*.mp3' --threshold fpr1 --windows",
        "find . -name '*.flac' | rawm detect - --format jsonl",
        "rawm detect recording.wav --model models:/rawm-open_speech@best",
        "rawm detect interview.m4a --window 4 --hop 1 --pooling max-fake --plot plots/",
    )
)
def detect(
    recordings: Annotated[
        list[str] | None,
        typer.Argument(
            help="Files, folders, patterns in quotes, or - for paths on standard input.", show_default=False
        ),
    ] = None,
    model: Model = None,
    list_file: Annotated[list[Path] | None, typer.Option("--list", help="Text file with a path a line.")] = None,
    format: Annotated[
        Literal["table", "csv", "json", "jsonl", "asvspoof2021", "arena", "rttm"],
        typer.Option(help="table = for people; asvspoof2021 and arena = `utterance score`; rttm = segments."),
    ] = "table",
    output: Annotated[Path | None, typer.Option("--output", "-o", help="File to write; default: the screen.")] = None,
    threshold: Annotated[
        str, typer.Option(help="eer, fpr1, fpr5 (share of genuine speech called fake: 1 %, 5 %), or a number.")
    ] = "eer",
    window: Annotated[
        float | None, typer.Option(min=0.01, help="Seconds of a window; default: longest utterance of training.")
    ] = None,
    hop: Annotated[
        float | None, typer.Option(min=0.01, help="Seconds from window to window; default: a quarter of one.")
    ] = None,
    pooling: Annotated[
        str, typer.Option(help="Windows to one score: mean, max-fake (the most fake-like), or quantile:Q.")
    ] = "mean",
    windows: Annotated[bool, typer.Option("--windows", help="A line for each window instead of each file.")] = False,
    uncalibrated: Annotated[
        bool, typer.Option("--uncalibrated", help="The detector's log-odds, as in scores.parquet.")
    ] = False,
    plot: Annotated[
        Path | None, typer.Option(help="Folder for a picture of each file: spectrogram and scores over time.")
    ] = None,
    device: Device = "auto",
    threads: Annotated[
        int | None, typer.Option(min=1, help="Files at a time; default: as many as there are cores.")
    ] = None,
):
    """Score recordings: a higher score = more genuine. Bad files are named, the rest is scored."""
    import_torch()
    from rawm.detection import files
    from rawm.detection import output as outputs
    from rawm.detection.detector import Detector, pooling_function
    from rawm.progress import track

    pooling_function(pooling)
    if format == "table" and output is not None:
        format = "csv"
    found = files.find(recordings or [], list_file or [])
    outputs.check_names(format, found)
    with _bundle(model) as bundle:
        detector = Detector(bundle, device)
    decider = outputs.Decider(detector, _number(threshold), not uncalibrated)
    options = {"window_s": window, "hop_s": hop, "pooling": pooling, "calibrated": not uncalibrated}
    results = files.score(detector, found, threads or len(os.sched_getaffinity(0)), **options)
    lines_on_screen = output is None and format not in ("table", "json") and sys.stdout.isatty()
    if len(found) > 1 and not lines_on_screen:
        results = track(results, "scored", len(found))
    problems: list[str] = []
    scored = _scored(results, problems)
    if plot is not None:
        from rawm.detection.plot import drawn

        scored = drawn(scored, decider, outputs.paths_for_plots(plot, found))
    _write(scored, decider, format, windows, output)
    if problems:
        raise UserError("\n".join([*problems, f"{len(problems)} of {len(found)} recordings cannot be scored"]))


def _scored(results: Iterable["Scored | BadAudio"], problems: list[str]) -> Iterator["Scored"]:
    """Pass on recordings with a score; of the others, note why they have none."""
    from rawm.audio import BadAudio

    for result in results:
        if isinstance(result, BadAudio):
            problems.append(str(result))
        else:
            yield result


def _write(scored: Iterable["Scored"], decider: "Decider", format: str, windows: bool, output: Path | None) -> None:
    """Write scores to a file, or on the screen: there a line as soon as there is one."""
    from rawm.detection import output as outputs
    from rawm.files import write_text

    if format == "table":
        outputs.print_table(scored, decider, windows)
        return
    text = outputs.FORMATS[format](scored, decider, windows)
    if output is not None:
        write_text(output, "".join(text))
        return
    for part in text:
        typer.echo(part, nl=False)


def _number(threshold: str) -> str | float:
    try:
        return float(threshold)
    except ValueError:
        return threshold


@app.command(epilog=example("rawm demo", "rawm demo --model models/rawm --port 7870 --no-browser"))
def demo(
    model: Model = None,
    port: Annotated[int | None, typer.Option(help="Port; default: the first free one from 7860.")] = None,
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open the page in a browser.")] = True,
    device: Device = "auto",
):
    """Open a page of this machine where recordings are dropped or made, and judged. Needs `pip install rawm[demo]`."""
    from rawm.detection.demo import serve
    from rawm.detection.detector import Detector

    with _bundle(model) as bundle:
        detector = Detector(bundle, device)
    serve(detector, port, browser)


@app.command(
    "continue",
    epilog=example(
        "rawm continue --corpus my_corpus -o models/mine",
        "rawm continue --model models/rawm_after_5 --task open_speech/en_neural -o models/rawm_after_6",
    ),
)
def go_on(
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder of the new bundle.")],
    model: Model = None,
    corpus: Annotated[str | None, typer.Option(help="Label of a file in config/corpora/: all of it.")] = None,
    task: Annotated[str | None, typer.Option(help="STREAM/TASK of config/streams/, with its subset sizes.")] = None,
    method: Annotated[
        str | None, typer.Option(help="Label of a file in config/methods/; default: the model's own, with its values.")
    ] = None,
    device: Device = "auto",
    threads: Annotated[int, typer.Option(min=1, help="Threads of torch.")] = 1,
):
    """Train a model on one more corpus without the data of earlier ones; the result is a new bundle."""
    from rawm.cli.options import use_torch
    from rawm.config.study import Task
    from rawm.detection.further import learn

    if (corpus is None) == (task is None):
        raise UserError("rawm continue: give --corpus, or --task STREAM/TASK")
    chosen = Task(name=_task_name(corpus), corpora=[corpus]) if corpus is not None else _task(task or "")
    with _bundle(model) as bundle:
        new = learn(bundle, chosen, output, use_torch(device, threads), method)
    error = new.model.history[-1].dev_eer
    shown = "no development data" if error is None else f"EER {error:.1f} % on development data of {chosen.name}"
    typer.echo(f"{new.folder}: {new.model.name}; {shown}")


def _task_name(corpus: str) -> str:
    return "".join(char if char.isalnum() and char.isascii() else "_" for char in corpus.lower())


def _task(text: str):
    stream, _, name = text.partition("/")
    tasks = {task.name: task for task in load_stream(stream).tasks}
    if name not in tasks:
        raise UserError(
            f"--task {text}: stream {stream} has the tasks {', '.join(tasks)}; write e.g. {stream}/{next(iter(tasks))}"
        )
    return tasks[name]
