"""Verbs that copy runs to MLflow and show them."""

from pathlib import Path
from typing import Annotated

import typer

from rawm.cli.options import Study, Uri, example
from rawm.study import load_main, load_study

app = typer.Typer()


def _tracking(study: str, uri: str | None) -> tuple[str, str]:
    """Tracking URI and experiment name of a study."""
    settings = load_main().tracking
    return uri or settings.uri, settings.experiment or f"rawm/{study}"


@app.command(epilog=example("rawm track --study open_speech", "rawm track --study open_speech --uri http://host:5000"))
def track(
    study: Study,
    uri: Uri = None,
    receipt: Annotated[Path | None, typer.Option(help="File for the ids of the MLflow runs.")] = None,
    adopt: Annotated[bool, typer.Option("--adopt", help="Use a store that was moved here with its mlruns/.")] = False,
    migrate: Annotated[bool, typer.Option("--migrate", help="Update a store that an older MLflow wrote.")] = False,
    prune: Annotated[bool, typer.Option("--prune", help="Remove artifacts of runs that the store has not.")] = False,
):
    """Copy all finished runs of a study to MLflow. Repeating it changes nothing."""
    from rawm import tracking

    where, experiment = _tracking(study, uri)
    loaded = load_study(study)
    tracking.log_study(loaded, where, experiment, receipt, adopt=adopt, migrate=migrate, prune=prune)


@app.command(epilog=example("rawm ui", "rawm ui --study synthetic --port 5050"))
def ui(
    study: Annotated[str | None, typer.Option(help="Study to link to; default: the one in config/config.yaml.")] = None,
    uri: Uri = None,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.")] = 5000,
):
    """Start the MLflow UI and print the link that opens the study's saved view."""
    from rawm import tracking

    loaded = load_study(study or load_main().study)
    where, experiment = _tracking(loaded.name, uri)
    tracking.serve(loaded, where, experiment, host, port)
