"""`rawm <verb>`: each verb parses its options and calls one function."""

import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from rawm import config, paths
from rawm.errors import UserError

app = typer.Typer(
    name="rawm",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    help="Continual learning for fake-speech detection. `snakemake --cores N` runs a whole study; each of its steps is "
    "one of these commands, to be copied, repeated and debugged alone.",
)
corpora = typer.Typer(no_args_is_help=True, help="List, make and audit corpora.")
app.add_typer(corpora, name="corpora")
streams = typer.Typer(no_args_is_help=True, help="Audit streams of tasks.")
app.add_typer(streams, name="streams")
imports_app = typer.Typer(no_args_is_help=True, help="Turn features that others computed into feature folders.")
app.add_typer(imports_app, name="import")

Study = Annotated[str, typer.Option(help="Label of a file in config/studies/.")]
Method = Annotated[str, typer.Option(help="Label of a file in config/methods/.")]
Seed = Annotated[int, typer.Option(min=0, help="Seed of the run.")]
Device = Annotated[str, typer.Option(envvar="RAWM_DEVICE", help="auto, cpu, cuda, cuda:1 or mps.")]
Threads = Annotated[int, typer.Option(min=1, help="Threads of torch; results do not depend on other running jobs.")]
Corpus = Annotated[str, typer.Option(help="Label of a file in config/corpora/.")]


def _example(*lines: str) -> str:
    return "[bold]Examples[/bold]\n\n" + "\n\n".join(f"  $ {line}" for line in lines)


def _study(name: str | None, method: str | None = None, seed: int | None = None) -> config.Study:
    """Load a study and make sure that a method and a seed belong to it."""
    study = config.load_study(name or config.load_main().study)
    if method is not None and method not in study.methods:
        raise UserError(f"--method {method}: is not a method of study {study.name}; it has {', '.join(study.methods)}")
    if seed is not None and seed not in study.settings.seeds:
        seeds = ", ".join(map(str, study.settings.seeds))
        raise UserError(f"--seed {seed}: is not a seed of study {study.name}; it has {seeds}")
    return study


def _torch(device: str, threads: int):
    """Fix torch's threads; return the device, with deterministic kernels where they are not the rule."""
    import torch

    from rawm.training import choose_device

    torch.set_num_threads(threads)
    where = choose_device(device)
    if where.type == "cuda":
        torch.use_deterministic_algorithms(True, warn_only=True)
    return where


@app.command(epilog=_example("rawm check", "rawm check --study synthetic"))
def check(study: Annotated[str | None, typer.Option(help="Only what this study uses; default: every file.")] = None):
    """Check the configuration: every mistake of every file, with file, key and what would be right."""
    if study:
        config.load_study(study)
        typer.echo(f"study {study} and all files it names are fine")
    elif problems := config.check_all():
        raise config.ConfigError(problems)
    else:
        typer.echo("all files under config/ are fine")


@corpora.command("list", epilog=_example("rawm corpora list"))
def list_corpora():
    """List the corpora of config/corpora/: loader, folder, whether its manifest is made."""
    for label in config.labels("corpora"):
        corpus = config.load_corpus(label)
        made = "ready" if paths.manifest(label).exists() else "not made yet"
        typer.echo(f"{label:24} {corpus.loader:12} {made:14} {corpus.root}  {corpus.title}")


@corpora.command("fetch", epilog=_example("rawm corpora fetch open_en_tts"))
def fetch_corpus(
    corpus: Annotated[str, typer.Argument(help="Label of a file in config/corpora/.")],
    receipt: Annotated[Path | None, typer.Option(help="Where to write what was fetched.")] = None,
):
    """Fetch the Debian packages that an open-speech corpus is made of, without root."""
    from rawm.corpora import open_speech

    loaded = config.load_corpus(corpus)
    if not isinstance(loaded, config.OpenSpeechCorpus):
        raise UserError(
            f"corpus {corpus}: loader {loaded.loader} has nothing to fetch; use `rawm corpora make {corpus}`"
        )
    open_speech.fetch(loaded, paths.PACKAGES, receipt or paths.PACKAGES / f"{corpus}.json")


@corpora.command(
    "make", epilog=_example("rawm corpora make synthetic_buzz", "rawm corpora make open_en_tts --workers 2")
)
def make_corpus(
    corpus: Annotated[str, typer.Argument(help="Label of a file in config/corpora/.")],
    workers: Annotated[int, typer.Option(min=1, help="Processes that make audio.")] = 1,
):
    """Write a corpus' manifest, and its audio where the pipeline makes it itself."""
    from rawm.corpora import make

    make(config.load_corpus(corpus), workers=workers, packages_dir=paths.PACKAGES)


@corpora.command("check", epilog=_example("rawm corpora check in_the_wild", "rawm corpora check my_corpus --deep"))
def check_corpus(
    corpus: Annotated[str, typer.Argument(help="Label of a file in config/corpora/.")],
    deep: Annotated[
        bool, typer.Option("--deep", help="Decode every file too, and compare files of equal size.")
    ] = False,
    workers: Annotated[int, typer.Option(min=1, help="Files decoded at a time.")] = 4,
):
    """Audit a corpus: counts, missing and unlisted files, duplicates, leaks between splits, unreadable audio."""
    from rawm.corpora import audit

    _report(audit.check(config.load_corpus(corpus), deep, workers))


@streams.command("check", epilog=_example("rawm streams check open_speech", "rawm streams check open_speech --deep"))
def check_stream(
    stream: Annotated[str, typer.Argument(help="Label of a file in config/streams/.")],
    deep: Annotated[bool, typer.Option("--deep", help="Compare the bytes of files of equal size too.")] = False,
):
    """Look for utterances, sentences and speakers in training data of one task and evaluation data of another."""
    from rawm.corpora import leakage

    _report(leakage.check(stream, config.load_stream(stream), deep))


def _report(report) -> None:
    for line in report.lines():
        typer.echo(line)
    if report.errors:
        raise typer.Exit(1)


@app.command(
    epilog=_example(
        "rawm extract --frontend lfcc_stats --corpus open_en_tts",
        "rawm extract --frontend xlsr_300m --corpus asvspoof2019_la --shard 2of8 --threads 4",
        "rawm extract --frontend xlsr_300m --corpus asvspoof2019_la --join 8",
    )
)
def extract(
    frontend: Annotated[str, typer.Option(help="Label of a file in config/frontends/.")],
    corpus: Corpus,
    split: Annotated[list[str], typer.Option(help="Only this split; may be repeated.")] = list(paths.SPLITS),  # noqa: B006
    shard: Annotated[str | None, typer.Option(help="Only this part, e.g. 2of8.")] = None,
    join: Annotated[int | None, typer.Option(min=1, help="Join so many parts that were computed before.")] = None,
    device: Device = "auto",
    threads: Threads = 1,
):
    """Compute the features of a corpus, one file a split."""
    loaded, settings = config.load_corpus(corpus), config.load_frontend(frontend)
    if unknown := sorted(set(split) - set(paths.SPLITS)):
        raise UserError(f"--split {unknown[0]}: is not a split; use one of {', '.join(paths.SPLITS)}")
    if problem := config.mismatch(settings, loaded):
        raise UserError(f"--frontend {frontend}: {problem}")
    part = _shard(shard)
    for name in split:
        output = paths.features(frontend, corpus, name)
        if join:
            from rawm.features import join as join_features

            parts = [paths.feature_shard(frontend, corpus, name, f"{number}of{join}") for number in range(1, join + 1)]
            join_features(parts, output)
        elif settings.type == "stored":
            from rawm.frontends.stored import extract as copy

            copy(loaded, settings, name, paths.manifest(corpus), output)
        else:
            from rawm.extraction import extract as compute

            neural = settings.type == "ssl"
            where = _torch(device if neural else "cpu", threads if neural else 1)
            output = paths.feature_shard(frontend, corpus, name, shard) if shard else output
            compute(loaded, settings, name, paths.manifest(corpus), output, part, where, threads)


def _shard(text: str | None) -> tuple[int, int]:
    """2of8 -> (2, 8)."""
    if text is None:
        return 1, 1
    number, _, of = text.partition("of")
    if not (number.isdecimal() and of.isdecimal() and 1 <= int(number) <= int(of)):
        raise UserError(f"--shard {text}: is not a part; write e.g. 2of8 for the second of eight")
    return int(number), int(of)


Output = Annotated[Path, typer.Option(help="Feature folder to write.")]


@imports_app.command(
    "features",
    epilog=_example(
        "rawm import features protocol.csv --output /data/mine_wav2vec > config/corpora/mine_wav2vec.yaml",
        "rawm import features frames.parquet --output /data/mine --name xlsr --pool mean",
    ),
)
def import_features(
    table: Annotated[
        Path,
        typer.Argument(
            help="CSV, TSV or Parquet with the columns utterance_id, path (of a .npy, .pt or .pth file, relative to "
            "the table), label and, where known, split, speaker, attack, language, condition, group."
        ),
    ],
    output: Output,
    name: Annotated[str, typer.Option(help="Name of the feature set.")] = "features",
    pool: Annotated[Literal["none", "mean"], typer.Option(help="mean: average frames (T, d) over time.")] = "none",
):
    """Write a feature folder from a table of vectors (d,) or frames (T, d), and print the corpus file that uses it."""
    from rawm import importing

    _show_import(output, name, importing.import_table(table, output, name, pool))


@imports_app.command(
    "clear",
    epilog=_example(
        "rawm import clear /data/clear100 --features moco_b0 --output /data/clear100_moco > config/corpora/mine.yaml"
    ),
)
def import_clear(
    root: Annotated[Path, typer.Argument(help="Folder of CLEAR-10 or CLEAR-100, in any of its layouts.")],
    output: Output,
    features: Annotated[str, typer.Option(help="Name of the feature set: moco_b0, imagenet, ...")] = "moco_b0",
):
    """Write a feature folder from CLEAR's stored features, and print the corpus file that uses it."""
    from rawm.config.corpora import ClearCorpus
    from rawm.corpora.clear import import_folder

    corpus = ClearCorpus(loader="clear", name=output.name, root=str(root), features=features)
    _show_import(output, features, import_folder(corpus, output))


def _show_import(folder: Path, name: str, rows: list) -> None:
    from rawm.importing import corpus_file

    typer.echo(corpus_file(folder, rows), nl=False)
    typer.echo(f"{len(rows)} rows; use a front-end file with `type: stored` and `features: {name}`", err=True)


@app.command(epilog=_example("rawm train --study open_speech --method rawm --seed 0 --task 1"))
def train(
    study: Study,
    method: Method,
    seed: Seed,
    task: Annotated[int, typer.Option(min=1, help="Number of the task; the one before it must be trained.")],
    device: Device = "auto",
    threads: Threads = 1,
):
    """Train one task of one run, starting from the files of the task before."""
    loaded = _study(study, method, seed)
    if task > len(loaded.tasks):
        raise UserError(f"--task {task}: study {study} has {len(loaded.tasks)} tasks")
    where = _torch(device, threads)
    from rawm.eager import skip_compiler
    from rawm.training import train_task

    skip_compiler()
    train_task(loaded, method, seed, task, where)


@app.command(epilog=_example("rawm evaluate --study open_speech --method rawm --seed 0"))
def evaluate(study: Study, method: Method, seed: Seed, device: Device = "auto", threads: Threads = 1):
    """Score every task with every checkpoint of one run; write scores.parquet and metrics.json."""
    loaded = _study(study, method, seed)
    where = _torch(device, threads)
    from rawm.evaluation import evaluate_run

    evaluate_run(loaded, method, seed, where)


@app.command(epilog=_example("rawm tables --study open_speech"))
def tables(
    study: Study, output: Annotated[Path | None, typer.Option(help="Folder; default results/STUDY/tables.")] = None
):
    """Make the tables of a study (CSV, Markdown, LaTeX) from the scores of its runs."""
    from rawm import tables as make_tables

    make_tables.make(_study(study), output or paths.study(study) / "tables")


@app.command(epilog=_example("rawm figures --study open_speech", "rawm figures --study open_speech --output paper/"))
def figures(
    study: Study, output: Annotated[Path | None, typer.Option(help="Folder; default results/STUDY/figures.")] = None
):
    """Draw the figures of a study (SVG, PNG) from the scores and memories of its runs."""
    from rawm import figures as make_figures

    make_figures.make(_study(study), output or paths.study(study) / "figures")


Uri = Annotated[
    str | None, typer.Option(envvar="MLFLOW_TRACKING_URI", help="MLflow tracking URI; default config.yaml.")
]


def _tracking(study: str, uri: str | None) -> tuple[str, str]:
    """Tracking URI and experiment name of a study."""
    settings = config.load_main().tracking
    return uri or settings.uri, settings.experiment or f"rawm/{study}"


@app.command(epilog=_example("rawm track --study open_speech", "rawm track --study open_speech --uri http://host:5000"))
def track(
    study: Study, uri: Uri = None, receipt: Annotated[Path | None, typer.Option(help="Write what was done.")] = None
):
    """Mirror all finished runs of a study to MLflow. Doing it again changes nothing."""
    from rawm import tracking

    where, experiment = _tracking(study, uri)
    tracking.log_study(_study(study), where, experiment, receipt)


@app.command(epilog=_example("rawm ui", "rawm ui --study synthetic --port 5050"))
def ui(
    study: Annotated[str | None, typer.Option(help="Study to link to; default: the one of config/config.yaml.")] = None,
    uri: Uri = None,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.")] = 5000,
):
    """Start the MLflow UI and print the link that opens the study's saved view."""
    from rawm import tracking

    loaded = _study(study)
    where, experiment = _tracking(loaded.name, uri)
    tracking.serve(loaded, where, experiment, host, port)


@app.command(epilog=_example("rawm tune open_speech --workers 2", "rawm tune open_speech --method rawm --write"))
def tune(
    search: Annotated[str, typer.Argument(help="Label of a file in config/searches/.")],
    method: Annotated[list[str] | None, typer.Option(help="Only this method; may be repeated.")] = None,
    workers: Annotated[int, typer.Option(min=1, help="Trials at a time.")] = 1,
    device: Device = "auto",
    write: Annotated[bool, typer.Option("--write", help="Put the chosen values into config/methods/ too.")] = False,
    mirror: Annotated[bool, typer.Option("--track/--no-track", help="Mirror the trials to MLflow.")] = True,
    uri: Uri = None,
):
    """Choose hyper-parameters on the development data of the tasks seen so far. Goes on where it was stopped."""
    from rawm.config.trials import load_search

    loaded = load_search(search)
    methods = method or list(loaded.trials)
    if unknown := [name for name in methods if name not in loaded.trials]:
        raise UserError(f"--method {unknown[0]}: is not in search {search}; it has {', '.join(loaded.trials)}")
    where = str(_torch(device, 1))
    from rawm import tuning
    from rawm.eager import skip_compiler

    skip_compiler()
    results = tuning.tune(loaded, methods, workers, where)
    tuning.show(results)
    if write:
        for name in tuning.write_chosen(search, results):
            typer.echo(name)
    if mirror:
        from rawm import tracking

        settings = config.load_main().tracking
        trials = [trial for ranking in results.values() for trial in ranking]
        tracking.log_trials(trials, uri or settings.uri, f"rawm/tuning/{search}")


@app.command(epilog=_example("rawm schemas"))
def schemas(output: Annotated[Path, typer.Option(help="Folder.")] = Path("workflow/schemas")):
    """Write the JSON schemas of the configuration files, with which editors complete them."""
    from rawm.config.schemas import write

    for path in write(output):
        typer.echo(path)


def main() -> None:
    """Run a verb; a user's mistake is printed without a traceback and gives exit status 1."""
    try:
        app()
    except UserError as error:
        for line in str(error).splitlines():
            print(f"rawm: {line}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
