"""Charts of a saved view; without them MLflow sorts sections by name and shows losses before results."""

from typing import Any

from rawm.metrics.measure import Measure

RUNS_IN_BARS = 30


def sections(measure: Measure) -> list[dict[str, Any]]:
    """Sections in their order, named as MLflow names them: by the prefix of their metrics."""
    shown, folded = ("final", "stream", *measure.cells), ("loss", measure.dev, "time")
    return [
        {"uuid": _section(name), "name": name, "display": name in shown, "isReordered": True, "deleted": False}
        | {"isGenerated": True}
        for name in (*shown, *folded)
    ]


def charts(tasks: list[str], measure: Measure) -> list[dict[str, Any]]:
    """Bar and scatter charts of final metrics; line charts of metrics with steps."""
    lines = [f"stream/{measure.average}"]
    lines += [f"{prefix}/{task}" for prefix in (*measure.cells, "loss", measure.dev) for task in tasks]
    return [
        *(_bar(f"final/{metric.key}") for metric in measure.metrics),
        _scatter("forgetting against learning", f"final/{measure.learning}", f"final/{measure.forgetting}"),
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
