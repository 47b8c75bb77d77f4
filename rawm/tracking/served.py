"""The model that MLflow loads and serves: recordings -> scores. MLflow runs this file; it is not imported elsewhere."""

import base64
import binascii
import math
import tempfile
from pathlib import Path

import mlflow.pyfunc
import pandas as pd


class Served(mlflow.pyfunc.PythonModel):
    """A model bundle behind MLflow's interface.

    Input columns: `audio` (the bytes of a sound file in base64) or `path` (of a file where the model runs), one of them
    for each row. Output columns: `score` (log-likelihood ratio, higher = more genuine), `decision` (genuine or fake),
    `threshold`, `seconds` and `error` (why a row has no score; empty otherwise). Parameters: `threshold` (eer, fpr1,
    fpr5 or a number) and `pooling`.
    """

    def load_context(self, context):
        from rawm.detection.detector import Detector

        self.detector = Detector.load(context.artifacts["bundle"])

    def predict(self, context, model_input: pd.DataFrame, params: dict | None = None) -> pd.DataFrame:
        options = params or {}
        return pd.DataFrame([self._row(row, options) for row in model_input.to_dict("records")])

    def _row(self, row: dict, options: dict) -> dict:
        from rawm.audio import BadAudio

        audio, path = (row.get(name) for name in ("audio", "path"))
        if isinstance(audio, str) == isinstance(path, str):
            return _failed("give either audio (base64) or path")
        try:
            return self._scored(audio, path, options)
        except BadAudio as error:
            return _failed(error.reason)
        except binascii.Error as error:
            return _failed(f"audio is not base64: {error}")

    def _scored(self, audio: str | None, path: str | None, options: dict) -> dict:
        if audio is not None:
            with tempfile.NamedTemporaryFile(prefix="rawm-") as file:
                file.write(base64.b64decode(audio, validate=True))
                file.flush()
                scored = self.detector.analyse_file(file.name, pooling=options.get("pooling", "mean"))
        else:
            scored = self.detector.analyse_file(Path(str(path)), pooling=options.get("pooling", "mean"))
        decision = self.detector.decide(scored.score, _number(options.get("threshold", "eer")))
        return {
            "score": scored.score,
            "decision": decision.label,
            "threshold": decision.threshold,
            "seconds": scored.seconds,
            "error": "",
        }


def _failed(reason: str) -> dict:
    return {"score": math.nan, "decision": "", "threshold": math.nan, "seconds": math.nan, "error": reason}


def _number(threshold: str) -> str | float:
    try:
        return float(threshold)
    except ValueError:
        return threshold


mlflow.models.set_model(Served())
