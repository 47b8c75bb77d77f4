"""The charts of a saved view: without them MLflow sorts sections by name and shows losses before results."""

from typing import Any

AVERAGE, FORGETTING = "final/average_eer", "final/forgetting_eer_increase"
BACKWARD, LEARNING = "final/backward_transfer_eer_reduction", "final/learning_eer"
FINAL = (AVERAGE, FORGETTING, LEARNING, BACKWARD, "final/forward_transfer_eer_reduction", "final/pooled_eer")
OPEN, CLOSED = ("final", "stream", "eer"), ("loss", "dev_eer", "time")
RUNS_IN_BARS = 30


def sections() -> list[dict[str, Any]]:
    """Sections in their order, named as MLflow names them: by the prefix of their metrics."""
    return [
        {"uuid": _section(name), "name": name, "display": name in OPEN, "isReordered": True, "deleted": False}
        | {"isGenerated": True}
        for name in (*OPEN, *CLOSED)
    ]


def charts(tasks: list[str]) -> list[dict[str, Any]]:
    """Results as bars and against each other; everything that has steps as lines."""
    lines = ["stream/average_eer"]
    lines += [f"{prefix}/{task}" for prefix in ("eer", "loss", "dev_eer") for task in tasks]
    return [
        *(_bar(name) for name in FINAL),
        _scatter("forgetting against learning", LEARNING, FORGETTING),
        *(_line(name) for name in lines),
        _line("time/task_s"),
        _bar("time/total_s"),
    ]


def _section(name: str) -> str:
    return f"rawm-{name}"


def _chart(kind: str, name: str, prefix: str) -> dict[str, Any]:
    common = {"uuid": f"rawm-chart-{name}", "type": kind, "metricSectionId": _section(prefix)}
    return common | {"deleted": False, "isGenerated": True, "runsCountToCompare": RUNS_IN_BARS}


def _bar(metric: str) -> dict[str, Any]:
    prefix, _, name = metric.partition("/")
    return _chart("BAR", metric, prefix) | {"metricKey": metric, "displayName": name}


def _line(metric: str) -> dict[str, Any]:
    prefix, _, name = metric.partition("/")
    axes = {"xAxisKey": "step", "selectedXAxisMetricKey": "", "xAxisScaleType": "linear", "scaleType": "linear"}
    axes |= {"yAxisKey": "metric", "yAxisExpressions": [], "range": {}, "lineSmoothness": 0, "ignoreOutliers": False}
    shared = {"useGlobalXaxisKey": True, "useGlobalLineSmoothing": True}
    return _chart("LINE", metric, prefix) | {"metricKey": metric, "displayName": name} | axes | shared


def _scatter(name: str, x: str, y: str) -> dict[str, Any]:
    axes = {"xaxis": {"key": x, "type": "METRIC"}, "yaxis": {"key": y, "type": "METRIC"}}
    return _chart("SCATTER", name, "final") | {"displayName": name} | axes
