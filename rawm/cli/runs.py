"""Verbs that train and score detectors."""

from typing import Annotated

import typer

from rawm.cli.options import Device, Method, Seed, Study, Threads, Uri, example, load_run, use_torch
from rawm.errors import UserError
from rawm.study import load_main

app = typer.Typer()


@app.command(epilog=example("rawm train --study open_speech --method rawm --seed 0 --task 1"))
def train(
    study: Study,
    method: Method,
    seed: Seed,
    task: Annotated[int, typer.Option(min=1, help="Number of the task; the task before must be trained already.")],
    device: Device = "auto",
    threads: Threads = 1,
):
    """Train one task of one run, from the files of the task before."""
    run = load_run(study, method, seed)
    if task not in run.numbers:
        raise UserError(f"--task {task}: study {study} has {len(run.numbers)} tasks")
    where = use_torch(device, threads)
    from rawm.training.eager import skip_compiler
    from rawm.training.task import train_task

    skip_compiler()
    train_task(run, task, where)


@app.command(epilog=example("rawm evaluate --study open_speech --method rawm --seed 0"))
def evaluate(study: Study, method: Method, seed: Seed, device: Device = "auto", threads: Threads = 1):
    """Score every task with the detector after every task; write scores.parquet and metrics.json."""
    run = load_run(study, method, seed)
    where = use_torch(device, threads)
    from rawm.training.evaluation import evaluate_run

    evaluate_run(run, where)


@app.command(epilog=example("rawm tune open_speech --workers 2", "rawm tune open_speech --method rawm --write"))
def tune(
    search: Annotated[str, typer.Argument(help="Label of a file in config/searches/.")],
    method: Annotated[list[str] | None, typer.Option(help="Only this method; can be repeated.")] = None,
    workers: Annotated[int, typer.Option(min=1, help="Processes; the result does not depend on it.")] = 1,
    device: Device = "auto",
    write: Annotated[bool, typer.Option("--write", help="Also write the chosen values to config/methods/.")] = False,
    mirror: Annotated[bool, typer.Option("--track/--no-track", help="Copy the trials to MLflow.")] = True,
    uri: Uri = None,
):
    """Choose hyper-parameters on development data of the tasks seen so far. A stopped search continues."""
    from rawm.study.searches import load_search

    loaded = load_search(search)
    methods = method or list(loaded.spaces)
    if unknown := [name for name in methods if name not in loaded.spaces]:
        raise UserError(f"--method {unknown[0]}: is not in search {search}; it has {', '.join(loaded.spaces)}")
    where = str(use_torch(device, 1))
    from rawm.training import chosen_values, tuning
    from rawm.training.eager import skip_compiler

    skip_compiler()
    results = tuning.tune(loaded, methods, workers, where)
    chosen_values.show(loaded, results)
    if write:
        for name in chosen_values.write_chosen(search, results):
            typer.echo(name)
    if mirror:
        from rawm import tracking

        settings = load_main().tracking
        trials = [trial for ranking in results.values() for trial in ranking]
        tracking.log_trials(trials, uri or settings.uri, f"rawm/tuning/{search}")
