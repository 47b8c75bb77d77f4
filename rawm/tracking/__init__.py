"""Mirror finished runs to MLflow. The files in results/ are the truth; no other package imports mlflow.

mlflow takes seconds to import and reads its settings from the environment when it is, so that both functions prepare
the environment first and import what they need afterwards.
"""

from pathlib import Path

from rawm.study import Study
from rawm.tracking.receipt import Receipt, RunReceipt

__all__ = ["Receipt", "RunReceipt", "fetch_model", "log_study", "log_trials", "serve"]


def log_study(
    study: Study,
    uri: str,
    experiment: str,
    receipt: Path | None = None,
    *,
    adopt: bool = False,
    migrate: bool = False,
    prune: bool = False,
) -> Receipt:
    """Mirror every finished run of a study to MLflow; unchanged runs are left alone.

    A run on MLflow is one (study, method, seed), found again by its key and the fingerprint of its files. A run whose
    files changed, or whose artifacts are gone, is uploaded anew and the old one is deleted (MLflow keeps deleted runs
    until `mlflow gc`). A killed upload is cleaned up by the next one.

    Args:
        uri: MLflow tracking URI, e.g. sqlite:///mlflow.db or http://host:5000.
        experiment: name of the experiment; made where it is missing.
        receipt: file to write the receipt to (JSON); None writes none.
        adopt: let a sqlite store that was moved keep its artifacts at its new place.
        migrate: update the tables of an older MLflow.
        prune: remove artifacts of runs that a sqlite store does not know.

    Raises:
        UserError: no run is finished, or MLflow cannot be reached or refuses. The runs in results/ are untouched.
    """
    from rawm.tracking import environment

    environment.prepare()
    environment.check_reachable(uri)
    from rawm.tracking.mirror import mirror_study
    from rawm.tracking.store import Allowed

    result = mirror_study(study, uri, experiment, Allowed(adopt, migrate, prune))
    if receipt is not None:
        result.write(receipt)
    return result


def log_trials(trials: list[dict], uri: str, experiment: str) -> None:
    """Mirror the trials of a search for hyper-parameters, one run each; unchanged ones are left alone.

    Raises:
        UserError: MLflow cannot be reached or refuses. The trials in results/ are untouched.
    """
    from rawm.tracking import environment, uris

    environment.prepare()
    environment.check_reachable(uri)
    from rawm.tracking.trials import mirror_trials

    sent, total = mirror_trials(trials, uri, experiment)
    print(f"{experiment} at {uris.without_password(uri)}: {total} trials, {sent} logged now")


def fetch_model(uri: str, tracking_uri: str, folder: Path) -> Path:
    """Download a model bundle from MLflow.

    Args:
        uri: `models:/NAME/VERSION`, `models:/NAME@ALIAS`, or `runs:/ID/PATH` of a run's artifacts.
        tracking_uri: MLflow tracking URI.
        folder: to download into.

    Returns:
        The bundle's folder.

    Raises:
        UserError: MLflow cannot be reached, or has no such model.
    """
    from rawm.tracking import environment

    environment.prepare()
    environment.check_reachable(tracking_uri)
    from rawm.tracking import model

    return model.fetch(uri, tracking_uri, folder)


def serve(study: Study, uri: str, experiment: str, host: str, port: int, open_browser: bool = False) -> None:
    """Start the MLflow UI in the foreground and print the link that opens the study's saved view; Ctrl-C stops it.

    For the URI of a running server (http, https) the link is printed and nothing is started.

    Args:
        port: port to listen on; where it is taken, the next free one is used.
        open_browser: open the link in the default browser as well.

    Raises:
        UserError: there is no store yet, no port is free, or the server does not start or answer.
    """
    from rawm.tracking import environment, server, uris

    environment.prepare()
    environment.check_reachable(uri)
    if uris.is_http(uri):
        from rawm.tracking import store

        server.show_links(study.name, uri, store.find(uri, experiment), open_browser)
    else:
        server.run_server(study.name, uri, experiment, host, port, open_browser)
