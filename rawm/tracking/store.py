"""One experiment of an MLflow store: find its runs by key, upload records."""

import hashlib
import json
import sqlite3
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import mlflow
from mlflow import MlflowClient
from mlflow.data.code_dataset_source import CodeDatasetSource
from mlflow.data.meta_dataset import MetaDataset
from mlflow.entities import DatasetInput, InputTag, LoggedModelOutput, Metric, Param, Run, ViewType
from mlflow.exceptions import MlflowException
from mlflow.store.artifact.artifact_repo import ArtifactRepository
from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository
from mlflow.utils.mlflow_tags import MLFLOW_LOGGED_ARTIFACTS
from sqlalchemy.exc import SQLAlchemyError

from rawm.errors import UserError
from rawm.tracking import database, environment, limits, place, uris
from rawm.tracking.record import FINGERPRINT, KEY, Data, Record

MAX_BATCH = 1000  # metrics that MLflow takes in one call
ARTIFACTS = "rawm.artifacts"  # tag with the hash of names and sizes of the artifacts


@dataclass(frozen=True)
class Allowed:
    """Changes of a sqlite store that the user has to allow.

    Attributes:
        adopt: a store that was moved keeps its artifacts at its new place.
        migrate: the tables of an older MLflow are brought up to date.
        prune: artifacts of runs that the store does not know are removed.
    """

    adopt: bool = False
    migrate: bool = False
    prune: bool = False


NOTHING = Allowed()


def find(uri: str, experiment: str) -> tuple[str, set[str]] | None:
    """Id and tag names of a server's experiment, None where there is none; raises UserError."""
    with errors_of(uri), uris.signed_in(uri) as where:
        existing = limits.Limited(MlflowClient(where)).get_experiment_by_name(experiment)
    return (existing.experiment_id, set(existing.tags)) if existing else None


@contextmanager
def errors_of(uri: str) -> Iterator[None]:
    """Turn what a store raises into one sentence."""
    try:
        yield
    except ModuleNotFoundError as error:
        where = uris.without_password(uri)
        raise UserError(f"{where}: needs the Python package {error.name}, which is not installed") from None
    except (MlflowException, SQLAlchemyError, sqlite3.Error, OSError, limits.TooSlow) as error:
        raise environment.refused(uri, error) from None


@contextmanager
def opened(uri: str, experiment: str, study_folder: Path, allowed: Allowed = NOTHING) -> Iterator["Experiment"]:
    """Open an experiment for one writer at a time; create it where it is missing.

    MLflow's own initialisation is not safe when two processes do it at once: a lock beside the store (or in
    `study_folder` for a server) keeps the others waiting.

    Raises:
        UserError: the store cannot be reached, opened or written to, at any moment inside the context.
    """
    file = uris.sqlite_path(uri)
    lock = file.with_name(file.name + ".lock") if file else study_folder / "tracking.lock"
    with limits.stoppable(), errors_of(uri), uris.signed_in(uri) as where:
        if file:
            database.check_writable(file)
        else:
            study_folder.mkdir(parents=True, exist_ok=True)
        with limits.locked(lock):
            if not uris.is_http(uri):
                database.prepare(where, allowed.migrate)
            if file:
                (place.adopt if allowed.adopt else place.check)(file, experiment)
            mlflow.set_tracking_uri(where)
            client = limits.Limited(MlflowClient(where))
            try:
                yield Experiment(client, _experiment_id(client, experiment, file), lock)
            finally:
                _close(client.unlimited)
            if file:
                place.tidy(file, experiment, allowed.prune)


def _close(client: MlflowClient) -> None:
    """Close mlflow's connections to a database: it keeps them, and would write to a file that was deleted since."""
    for part in (client._tracking_client, client._get_registry_client()):
        if engine := getattr(part.store, "engine", None):
            engine.dispose()


def _experiment_id(client: MlflowClient, name: str, file: Path | None) -> str:
    """Id of an experiment by name; restore or create it if needed. Another upload may create it at the same time."""
    existing = client.get_experiment_by_name(name)
    if existing and existing.lifecycle_stage == "deleted":
        client.restore_experiment(existing.experiment_id)
    if existing:
        return existing.experiment_id
    where = place.artifacts(file, name).as_uri() if file else None  # a server knows where its artifacts live
    try:
        return client.create_experiment(name, artifact_location=where)
    except MlflowException as error:
        existing = client.get_experiment_by_name(name)
        if error.error_code != "RESOURCE_ALREADY_EXISTS" or existing is None:
            raise
        return existing.experiment_id


class Experiment:
    """Runs of one experiment. A record's run is current when it is FINISHED with the record's fingerprint."""

    def __init__(self, client: MlflowClient, experiment_id: str, lock: Path) -> None:
        self.client = client
        self.id = experiment_id
        self._lock = lock
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
        limits.alive(self._lock)
        runs = self._runs.get(record.key, [])
        current = [run for run in runs if _is_current(run, record)]
        run_id = current[0].info.run_id if current else self._send(record)
        for run in runs:
            if run.info.run_id != run_id:
                self._delete(run, self.client)
        return run_id, not current

    def _send(self, record: Record) -> str:
        """Upload a record; setting the run to FINISHED comes last and makes it valid."""
        with tempfile.TemporaryDirectory(prefix="rawm-") as folder:
            files = _staged(record, Path(folder))
            tags = record.all_tags | _table_tag(record) | {ARTIFACTS: _inventory(files)}
            try:
                run_id = self.client.create_run(self.id, record.start, tags, record.name).info.run_id
                model_id = self._model(record, run_id) if record.model else None
                self._log_values(record, run_id, model_id)
                with limits.limit(limits.CALL_S + sum(size for _, size in files) / limits.BYTES_PER_S):
                    self.client.unlimited.log_artifacts(run_id, folder)
                self.client.set_terminated(run_id, "FINISHED", record.end)
            except BaseException:
                self._discard(record)
                raise
        return run_id

    def _discard(self, record: Record) -> None:
        """Remove the run of an upload that failed; where even this fails, the next upload does it."""
        client = self.client.unlimited
        with suppress(MlflowException, SQLAlchemyError, OSError, limits.TooSlow), limits.limit(limits.CLEANING_S):
            for run in client.search_runs([self.id], "attributes.status = 'RUNNING'"):
                if run.data.tags.get(KEY) == record.key:
                    client.set_terminated(run.info.run_id, "KILLED")
                    self._delete(run, client)

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
        with limits.limit(limits.CALL_S):
            model = mlflow.create_external_model(
                record.model, source_run_id=run_id, params=record.params, tags=where, experiment_id=self.id
            )
        self.client.log_outputs(run_id, [LoggedModelOutput(model.model_id, step=0)])
        return model.model_id

    def _delete(self, run: Run, client: MlflowClient) -> None:
        """Delete a run that is old or was never finished, and its model; both stay restorable until `mlflow gc`."""
        for model in client.search_logged_models([self.id], f"source_run_id = '{run.info.run_id}'"):
            client.delete_logged_model(model.model_id)
        client.delete_run(run.info.run_id)

    def tags(self) -> dict[str, str]:
        """Tags of the experiment."""
        return self.client.get_experiment(self.id).tags

    def describe(self, tags: dict[str, str]) -> None:
        """Update the tags of the experiment that differ."""
        old = self.tags()
        for name, value in tags.items():
            if old.get(name) != value:
                self.client.set_experiment_tag(self.id, name, value)


def _is_current(run: Run, record: Record) -> bool:
    """Whether a run is finished, was made from the record's files, and still has its artifacts."""
    tags = run.data.tags
    if run.info.status != "FINISHED" or tags.get(FINGERPRINT) != record.fingerprint:
        return False
    with limits.limit(limits.CALL_S):
        return tags.get(ARTIFACTS) == _inventory(_stored(get_artifact_repository(run.info.artifact_uri)))


def _inventory(files: Iterable[tuple[str, int]]) -> str:
    """Hash of the names and sizes of files."""
    return hashlib.sha256("".join(f"{name}\0{size}\n" for name, size in sorted(files)).encode()).hexdigest()


def _staged(record: Record, folder: Path) -> list[tuple[str, int]]:
    """Write a record's artifacts into a folder; name and size of each."""
    record.stage(folder)
    for path, table in record.tables.items():
        _write_table(folder / path, table)
    found = (path for path in folder.rglob("*") if path.is_file())
    return [(path.relative_to(folder).as_posix(), path.stat().st_size) for path in found]


def _stored(repository: ArtifactRepository, folder: str | None = None) -> Iterator[tuple[str, int]]:
    """Name and size of each artifact of a run."""
    for entry in repository.list_artifacts(folder):
        if entry.is_dir:
            yield from _stored(repository, entry.path)
        else:
            yield entry.path, entry.file_size


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
