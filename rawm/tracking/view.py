"""Saved views of MLflow's run table.

MLflow keeps a shared view of an experiment as one of its tags. The format is not documented (it was read from the UI
of MLflow 3.17), so that whoever writes a view must go on where it fails; `tests/tracking/test_ui.py` notices a change.
"""

import base64
import json
import zlib
from collections.abc import Iterable
from typing import Any
from urllib.parse import quote

from rawm.metrics.measure import Measure
from rawm.tracking.charts import charts, sections

TAG = "mlflow.sharedViewState."
RUNS, METHODS = "rawm-runs", "rawm-methods"
RUN_KIND = "run"

LABELS = {"params.`method`": 120, "params.`seed`": 70}  # column -> width in pixels


def state(tasks: list[str], measure: Measure, groups: Iterable[str] | None = None) -> dict[str, Any]:
    """State of the run table: columns, best average first, and charts.

    Args:
        tasks: names of the stream's tasks.
        groups: methods, each of which becomes one folded row with the means over its seeds; None = a row a run.
    """
    results = (measure.average, measure.forgetting, measure.learning, measure.backward_transfer)
    widths = ({} if groups is not None else LABELS) | {
        f"metrics.`final/{name}`": max(150, round(7.5 * len(f"final/{name}"))) for name in results
    }
    by_method = {"aggregateFunction": "average", "groupByKeys": [{"mode": "param", "groupByData": "method"}]}
    return {
        "searchFilter": f"tags.`rawm.kind` = '{RUN_KIND}'",
        "orderByKey": f"metrics.`final/{measure.average}`",
        "orderByAsc": measure.lower_is_better,
        "selectedColumns": list(widths),
        "columnOrder": list(widths),
        "columnWidths": widths,
        "runsHiddenMode": "SHOW_ALL",
        "groupBy": None if groups is None else by_method,
        "groupsExpanded": {f"param.method.{method}": False for method in groups or ()},
        "useGroupedValuesInCharts": True,
        "compareRunCharts": charts(tasks, measure),
        "compareRunSections": sections(measure),
        "isAccordionReordered": True,
    }


def encode(name: str, content: dict[str, Any], created: int) -> str:
    """The tag's value: JSON around the deflated JSON of the state; `created` in unix milliseconds."""
    packed = base64.b64encode(zlib.compress(json.dumps(content).encode())).decode()
    return json.dumps({"name": name, "createdAt": created, "updatedAt": created, "state": "deflate;" + packed})


def decode(value: str) -> tuple[str, dict[str, Any]]:
    """Name and state of a tag's value."""
    outer = json.loads(value)
    packed = outer["state"].removeprefix("deflate;")
    return outer["name"], json.loads(zlib.decompress(base64.b64decode(packed)))


def tags(tasks: list[str], measure: Measure, methods: Iterable[str], created: int) -> dict[str, str]:
    """The experiment's tags for both views; the UI lists them under Views."""
    return {
        TAG + RUNS: encode(f"Runs by average {measure.title}", state(tasks, measure), created),
        TAG + METHODS: encode(f"Methods by average {measure.title}", state(tasks, measure, methods), created),
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


def run_path(experiment_id: str, run_id: str) -> str:
    """Path of a run's artifacts below the UI's address."""
    return f"/#/experiments/{experiment_id}/runs/{run_id}/artifacts?workflowType=machine_learning"
