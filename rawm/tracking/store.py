"""One experiment of an MLflow store: find its runs by key, upload records."""

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import mlflow
from filelock import FileLock
from mlflow import MlflowClient
from mlflow.data.code_dataset_source import CodeDatasetSource
from mlflow.data.meta_dataset import MetaDataset
from mlflow.entities import DatasetInput, InputTag, LoggedModelOutput, Metric, Param, Run, ViewType
from mlflow.exceptions import MlflowException
from mlflow.utils.mlflow_tags import MLFLOW_LOGGED_ARTIFACTS
from sqlalchemy.exc import SQLAlchemyError

from rawm.errors import UserError
from rawm.tracking import environment
from rawm.tracking.record import FINGERPRINT, KEY, Data, Record

MAX_BATCH = 1000  # metrics that MLflow takes in one call


def find(uri: str, experiment: str) -> tuple[str, set[str]] | None:
    """Id and tag names of a server's experiment, None where there is none; raises UserError."""
    try:
        existing = MlflowClient(uri).get_experiment_by_name(experiment)
    except MlflowException as error:
        raise environment.refused(uri, error) from error
    return (existing.experiment_id, set(existing.tags)) if existing else None


@contextmanager
def opened(uri: str, experiment: str, lock_folder: Path) -> Iterator["Experiment"]:
    """Open an experiment for one writer at a time; create it where it is missing.

    MLflow's own initialisation is not safe when two processes do it at once: a lock beside the store (or in
    `lock_folder` for a server) keeps the others waiting.

    Raises:
        UserError: the store cannot be reached, opened or written to, at any moment inside the context.
    """
    uri, database = environment.absolute(uri), environment.sqlite_path(uri)
    lock = database.with_name(database.name + ".lock") if database else lock_folder / "tracking.lock"
    try:
        lock.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(lock):
            mlflow.set_tracking_uri(uri)
            client = MlflowClient(uri)
            yield Experiment(client, _experiment_id(client, uri, experiment, database))
    except ModuleNotFoundError as error:
        where = environment.without_password(uri)
        raise UserError(f"{where}: needs the Python package {error.name}, which is not installed") from None
    except (MlflowException, SQLAlchemyError) as error:
        raise environment.refused(uri, error) from error


def _experiment_id(client: MlflowClient, uri: str, name: str, database: Path | None) -> str:
    """Id of an experiment by name; restore or create it if needed."""
    existing = client.get_experiment_by_name(name)
    if existing and existing.lifecycle_stage == "deleted":
        client.restore_experiment(existing.experiment_id)
    if existing:
        return existing.experiment_id
    if environment.is_http(uri):
        return client.create_experiment(name)  # the server knows where its artifacts live
    folder = (database.parent if database else Path.cwd()) / "mlruns" / name
    return client.create_experiment(name, artifact_location=folder.as_uri())


class Experiment:
    """Runs of one experiment. A record's run is current when it is FINISHED with the record's fingerprint."""

    def __init__(self, client: MlflowClient, experiment_id: str) -> None:
        self.client = client
        self.id = experiment_id
        self._runs = self._by_key()

    def _by_key(self) -> dict[str, list[Run]]:
        existing: dict[str, list[Run]] = {}
        token = None
        while True:
            page = self.client.search_runs([self.id], "", ViewType.ACTIVE_ONLY, 1000, page_token=token)
            for run in page:
                if key := run.data.tags.get(KEY):
                    existing.setdefault(key, []).append(run)
            if not (token := page.token):
                return existing

    def mirror(self, record: Record) -> tuple[str, bool]:
        """Make the record the only run with its key.

        Returns:
            The run's id, and whether it was sent now.
        """
        runs = self._runs.get(record.key, [])
        current = [run for run in runs if _is_current(run, record)]
        run_id = current[0].info.run_id if current else self._send(record)
        for run in runs:
            if run.info.run_id != run_id:
                self._delete(run)
        return run_id, not current

    def _send(self, record: Record) -> str:
        """Upload a record; setting the run to FINISHED comes last and makes it valid."""
        tags = record.all_tags | _table_tag(record)
        run_id = self.client.create_run(self.id, record.start, tags, record.name).info.run_id
        model_id = self._model(record, run_id) if record.model else None
        self._log_values(record, run_id, model_id)
        with tempfile.TemporaryDirectory(prefix="rawm-") as folder:
            record.stage(Path(folder))
            for path, table in record.tables.items():
                _write_table(Path(folder) / path, table)
            self.client.log_artifacts(run_id, folder)
        self.client.set_terminated(run_id, "FINISHED", record.end)
        return run_id

    def _log_values(self, record: Record, run_id: str, model_id: str | None) -> None:
        params = [Param(name, value) for name, value in record.params.items()]
        metrics = [
            Metric(p.name, p.value, p.time, p.step, model_id=model_id if p.name.startswith("final/") else None)
            for p in record.metrics
        ]
        self.client.log_batch(run_id, metrics[:MAX_BATCH], params)
        for first in range(MAX_BATCH, len(metrics), MAX_BATCH):
            self.client.log_batch(run_id, metrics[first : first + MAX_BATCH])
        if record.data:
            self.client.log_inputs(run_id, [_dataset(data) for data in record.data])

    def _model(self, record: Record, run_id: str) -> str:
        """Register the final detector in MLflow's list of models; its file is an artifact of the run."""
        where = {"detector": f"runs:/{run_id}/detector/detector.safetensors"}
        model = mlflow.create_external_model(
            record.model, source_run_id=run_id, params=record.params, tags=where, experiment_id=self.id
        )
        self.client.log_outputs(run_id, [LoggedModelOutput(model.model_id, step=0)])
        return model.model_id

    def _delete(self, run: Run) -> None:
        """Delete a run that is old or was never finished, and its model; both stay restorable until `mlflow gc`."""
        for model in self.client.search_logged_models([self.id], f"source_run_id = '{run.info.run_id}'"):
            self.client.delete_logged_model(model.model_id)
        self.client.delete_run(run.info.run_id)

    def describe(self, tags: dict[str, str]) -> None:
        """Update the tags of the experiment that differ."""
        old = self.client.get_experiment(self.id).tags
        for name, value in tags.items():
            if old.get(name) != value:
                self.client.set_experiment_tag(self.id, name, value)


def _is_current(run: Run, record: Record) -> bool:
    return run.info.status == "FINISHED" and run.data.tags.get(FINGERPRINT) == record.fingerprint


def _dataset(data: Data) -> DatasetInput:
    dataset = MetaDataset(CodeDatasetSource(data.source), name=data.name, digest=data.digest)
    return DatasetInput(dataset._to_mlflow_entity(), [InputTag("mlflow.data.context", data.context)])


def _write_table(path: Path, table: dict[str, list]) -> None:
    """Write what `mlflow.log_table` writes, in one upload with the other artifacts instead of ten requests."""
    path.parent.mkdir(parents=True, exist_ok=True)
    content = {"columns": list(table), "data": list(zip(*table.values(), strict=True))}
    path.write_text(json.dumps(content, allow_nan=False), encoding="utf-8")


def _table_tag(record: Record) -> dict[str, str]:
    """The tag by which MLflow knows that an artifact is a table that can be joined across runs."""
    tables = [{"path": path, "type": "table"} for path in record.tables]
    return {MLFLOW_LOGGED_ARTIFACTS: json.dumps(tables)} if tables else {}
