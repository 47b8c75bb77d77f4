"""Mirror one study to one experiment."""

import logging
from typing import Any

from mlflow.exceptions import MlflowException

from rawm import paths
from rawm.errors import UserError
from rawm.runs.run import Run, runs_of
from rawm.study import Study
from rawm.tracking import model, runs, summary, text, uris, view
from rawm.tracking.receipt import Receipt, RunReceipt
from rawm.tracking.store import NOTHING, Allowed, Experiment, opened

NOTE = "mlflow.note.content"
logger = logging.getLogger(__name__)


def mirror_study(study: Study, uri: str, experiment: str, allowed: Allowed = NOTHING) -> Receipt:
    """Upload new and changed runs of a study; see `rawm.tracking.log_study`."""
    finished, unfinished = [], []
    for run in runs_of(study):
        (finished if run.is_finished else unfinished).append(run)
    if not finished:
        where = paths.study(study.name) / "runs"
        raise UserError(f"{where}: no run of study {study.name} is finished; train and evaluate one first")
    with opened(uri, experiment, paths.study(study.name), allowed) as target:
        receipts = [_mirror_run(target, run) for run in finished]
        study_run = _mirror_summary(target, study, finished)
        version = model.publish(target, study.name, max(runs.span(run)[1] for run in finished))
        _describe(target, study, finished, study_run)
        receipt = Receipt(
            uri=uris.without_password(uri),
            experiment=experiment,
            experiment_id=target.id,
            view=view.path(target.id, view.RUNS) if _save_views(target, study, finished) else "",
            study_run=study_run,
            model=f"{model.registered_name(study.name)}/{version}" if version else "",
            runs=receipts,
            unfinished=[f"{run.method}/seed{run.seed}" for run in unfinished],
        )
    _report(receipt)
    return receipt


def _mirror_run(target: Experiment, run: Run) -> RunReceipt:
    record = runs.record(run)
    run_id, sent = target.mirror(record)
    if sent:
        print(f"{record.name}: logged", flush=True)
    return RunReceipt(run.method, run.seed, "logged" if sent else "unchanged", run_id, record.fingerprint)


def _mirror_summary(target: Experiment, study: Study, finished: list[Run]) -> str:
    record = summary.record(study, finished)
    return target.mirror(record)[0] if record else ""


def _describe(target: Experiment, study: Study, finished: list[Run], study_run: str) -> None:
    metrics: dict[str, list[dict[str, Any]]] = {}
    for run in finished:
        metrics.setdefault(run.method, []).append(run.metrics)
    note = text.study_note(study, metrics, target.id, study_run)
    target.describe({NOTE: text.merged(target.tags().get(NOTE, ""), note)})


def _save_views(target: Experiment, study: Study, finished: list[Run]) -> bool:
    """Write the saved views; MLflow does not document their format, so a refusal is only a warning."""
    try:
        created = max(runs.span(run)[1] for run in finished)
        target.describe(view.tags([task.name for task in study.tasks], study.measure, study.methods, created))
    except MlflowException as error:
        logger.warning("MLflow refused the saved view of the run table (%s); everything else is there", error)
        return False
    return True


def _report(receipt: Receipt) -> None:
    total = len(receipt.runs)
    print(
        f"{receipt.experiment} at {receipt.uri}: {total} runs, {receipt.count('logged')} logged now, "
        f"{receipt.count('unchanged')} unchanged"
    )
    if receipt.unfinished:
        print(f"left out, since not finished: {', '.join(receipt.unfinished)}")
