"""Saved views of MLflow's run table.

MLflow keeps a shared view of an experiment as one of its tags. The format is not documented (it was read from the UI
of MLflow 3.17), so that whoever writes a view must go on where it fails; `tests/test_ui.py` notices a change.
"""

import base64
import json
import zlib
from typing import Any
from urllib.parse import quote

TAG = "mlflow.sharedViewState."
RUNS, METHODS = "rawm-runs", "rawm-methods"
RUN_KIND = "run"

AVERAGE, FORGETTING = "final/average_eer", "final/forgetting_eer_increase"
BACKWARD, LEARNING = "final/backward_transfer_eer_reduction", "final/learning_eer"
COLUMNS = ["params.`method`", "params.`seed`", f"metrics.`{AVERAGE}`", f"metrics.`{FORGETTING}`"]


def state(by_method: bool) -> dict[str, Any]:
    """What the run table shows: its columns, lowest average EER first; rows are runs, or methods with seed means."""
    columns = [*COLUMNS, f"metrics.`{LEARNING}`", f"metrics.`{BACKWARD}`"]
    group = {"aggregateFunction": "average", "groupByKeys": [{"mode": "param", "groupByData": "method"}]}
    return {
        "searchFilter": f"tags.`rawm.kind` = '{RUN_KIND}'",
        "orderByKey": f"metrics.`{AVERAGE}`",
        "orderByAsc": True,
        "selectedColumns": columns,
        "columnOrder": columns,
        "runsHiddenMode": "SHOW_ALL",
        "groupBy": group if by_method else None,
        "useGroupedValuesInCharts": True,
    }


def encode(name: str, content: dict[str, Any]) -> str:
    """The tag's value: JSON around the deflated JSON of the state."""
    packed = base64.b64encode(zlib.compress(json.dumps(content).encode())).decode()
    return json.dumps({"name": name, "state": "deflate;" + packed})


def decode(value: str) -> tuple[str, dict[str, Any]]:
    """Name and state of a tag's value."""
    outer = json.loads(value)
    packed = outer["state"].removeprefix("deflate;")
    return outer["name"], json.loads(zlib.decompress(base64.b64decode(packed)))


def tags() -> dict[str, str]:
    """The experiment's tags for both views."""
    return {
        TAG + RUNS: encode("Runs by average EER", state(by_method=False)),
        TAG + METHODS: encode("Methods by average EER (mean over seeds)", state(by_method=True)),
    }


def path(experiment_id: str, view: str = "", mode: str = "") -> str:
    """Path of an experiment's run table below the UI's address.

    Without `workflowType` MLflow 3 opens an experiment as a language-model project.

    Args:
        view: key of a saved view.
        mode: CHART or ARTIFACT instead of the table.
    """
    query = {"viewStateShareKey": view, "workflowType": "machine_learning", "compareRunsMode": mode}
    pairs = "&".join(f"{key}={quote(value)}" for key, value in query.items() if value)
    return f"/#/experiments/{experiment_id}/runs?{pairs}"
