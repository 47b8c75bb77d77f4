"""A study's model bundle as a registered model of MLflow, and back."""

import hashlib
import logging
import re
import tempfile
import warnings
from importlib.metadata import requires, version
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from mlflow.models import ModelSignature
from mlflow.types.schema import ColSpec, ParamSchema, ParamSpec, Schema

from rawm import paths
from rawm.detection import bundle as bundles
from rawm.detection.bundle import FILES, Bundle
from rawm.errors import UserError
from rawm.files import sha256
from rawm.tracking import database, limits, served, uris
from rawm.tracking.record import KIND, LAYOUT, Record, digests
from rawm.tracking.store import Experiment, errors_of

MODEL_KIND = "model"
ALIAS = "best"
PACKAGE = Path(bundles.__file__).parents[1]
#: Packages that scoring needs; the others train and draw.
NEEDED = ("torch", "torchaudio", "numpy", "scipy", "pandas", "pydantic", "pyyaml", "safetensors", "soundfile", "av")


def registered_name(study: str) -> str:
    """Name in MLflow's registry."""
    return f"rawm-{study}"


def publish(target: Experiment, study: str, when: int) -> str:
    """Register the bundle in results/<study>/model as a new version, with the alias `best`, unless it is there.

    Args:
        when: unix milliseconds, the time of the model's run.

    Returns:
        The version; empty where the study has no bundle.
    """
    folder = paths.model(study)
    if not (folder / bundles.MODEL).is_file():
        return ""
    bundle, name = bundles.load(folder), registered_name(study)
    run_id, sent = target.mirror(_record(bundle, study, when))
    client = target.client
    try:
        client.get_registered_model(name)
    except MlflowException:
        client.create_registered_model(name, description="Detectors of fake speech: `rawm detect --model models:/...`")
    found = [] if sent else client.search_model_versions(f"name = '{name}' and run_id = '{run_id}'")
    model = (
        found[0]
        if found
        else client.create_model_version(
            name, f"runs:/{run_id}/model", run_id, tags={"rawm.name": bundle.model.name}, await_creation_for=60
        )
    )
    client.set_registered_model_alias(name, ALIAS, model.version)
    return str(model.version)


def _record(bundle: Bundle, study: str, when: int) -> Record:
    digest = hashlib.sha256(f"layout {LAYOUT} {sha256(served.__file__)}\n".encode())
    for name, value in digests(bundle.folder, [bundle.folder / name for name in FILES]):
        digest.update(f"{name}\0{value}\n".encode())
    note = f"The model of this study, {bundle.model.name}: registered as {registered_name(study)}."
    return Record(
        key=f"{study}/model",
        fingerprint=digest.hexdigest(),
        name=f"model: {bundle.model.name}",
        start=when,
        end=when,
        tags={"study": study, KIND: MODEL_KIND, "mlflow.note.content": note},
        stage=lambda folder: save(bundle, folder / "model"),
    )


def save(bundle: Bundle, folder: Path) -> None:
    """Write a bundle as a pyfunc model: code as text, nothing pickled."""
    inputs = Schema([ColSpec("string", "audio", required=False), ColSpec("string", "path", required=False)])
    outputs = Schema([ColSpec(kind, name) for name, kind in _OUTPUTS.items()])
    params = ParamSchema([ParamSpec("threshold", "string", "eer"), ParamSpec("pooling", "string", "mean")])
    with warnings.catch_warnings(), _quiet("mlflow.pyfunc", "mlflow.models.model"):
        warnings.simplefilter("ignore")  # about hints of types that the signature has already
        mlflow.pyfunc.save_model(
            str(folder),
            python_model=served.__file__,
            artifacts={"bundle": str(bundle.folder)},
            signature=ModelSignature(inputs, outputs, params),
            input_example=pd.DataFrame({"audio": [_example()]}),
            pip_requirements=_requirements(),
            code_paths=[str(PACKAGE)],
        )


_OUTPUTS = {"score": "double", "decision": "string", "threshold": "double", "seconds": "double", "error": "string"}


class _quiet:
    """Loggers that are silent inside the context."""

    def __init__(self, *names: str):
        self._loggers = [logging.getLogger(name) for name in names]

    def __enter__(self) -> None:
        self._levels = [logger.level for logger in self._loggers]
        for logger in self._loggers:
            logger.setLevel(logging.ERROR)

    def __exit__(self, *_: object) -> None:
        for logger, level in zip(self._loggers, self._levels, strict=True):
            logger.setLevel(level)


def _example() -> str:
    """Half a second of noise as a FLAC file in base64."""
    import base64

    from rawm.audio import save_flac

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "example.flac"
        save_flac(path, 0.1 * np.random.default_rng(0).standard_normal(8000), 16000)
        return base64.b64encode(path.read_bytes()).decode()


def _requirements() -> list[str]:
    """The packages that scoring needs, in the versions at hand."""
    known = {re.split(r"[ ;<>=\[]", entry)[0].lower() for entry in requires("rawm") or []}
    return [f"{name}=={version(name)}" for name in NEEDED if name in known] + [f"mlflow=={mlflow.__version__}"]


def fetch(uri: str, tracking_uri: str, folder: Path) -> Path:
    """Download a bundle from `runs:/...` or `models:/...` into a folder; return where it lies.

    Raises:
        UserError: there is no such model, or it is none of ours.
    """
    with errors_of(tracking_uri), uris.signed_in(tracking_uri) as where:
        if not uris.is_http(tracking_uri):
            database.check_present(where)
        mlflow.set_tracking_uri(where)
        limits.Limited(MlflowClient()).search_experiments(max_results=1)  # a sign of life, before the longer limit
        try:
            with limits.limit(limits.DOWNLOAD_S):
                found = Path(mlflow.artifacts.download_artifacts(artifact_uri=uri, dst_path=str(folder)))
        except MlflowException as error:
            reason = uris.without_password(str(error).splitlines()[0])
            raise UserError(f"{uri}: not found in MLflow ({reason})") from None
    for file in sorted(found.rglob(bundles.MODEL)):
        return file.parent
    raise UserError(f"{uri}: holds no model bundle; models of studies are registered as rawm-STUDY")
