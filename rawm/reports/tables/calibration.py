"""Table of calibration: what a detector's scores are worth as log-likelihood ratios, policy by policy."""

from typing import Any

import numpy as np

from rawm.metrics.calibration import MEASURES
from rawm.reports.tables.formats import Cell, Table
from rawm.runs.results import Results, Spread, spread, spread_sentence

#: Policy -> its name on tables and figures; "none" = log-odds as they are.
TITLES = {
    "none": "not calibrated",
    "first": "task 1 only",
    "last": "last task only",
    "all": "all tasks' data",
    "gaussians": "two Gaussians a task",
}
HEADERS = {"cllr": "Cllr (bits)", "act_dcf": "actDCF", "error": "Error at LLR 0 (%)"}


def _spreads(results: Results, method: str, policy: str) -> dict[str, Spread]:
    """Mean and deviation over seeds of each measure after the last task; None without development data."""
    found = [results.runs[method, seed].metrics["calibration"] for seed in results.seeds]
    return {
        name: spread(np.array([np.nan if run is None else run[policy][f"final_{name}"] for run in found]))
        for name in MEASURES
    }


def calibration(results: Results) -> Table:
    """Cllr, actDCF and error at LLR 0 after the last task; bold = the policy that is best for a method."""
    rows, breaks = [], set()
    for method in results.methods if results.study.detects_fakes else ():
        if rows:
            breaks.add(len(rows))
        by_policy = {policy: _spreads(results, method, policy) for policy in TITLES}
        means = {name: [spreads[name].mean for spreads in by_policy.values()] for name in MEASURES}
        best = {
            name: min((mean for mean in values if mean is not None), default=None) for name, values in means.items()
        }
        for policy, spreads in by_policy.items():
            cells = [
                Cell(_shown(spreads[name], name), spreads[name].mean == best[name] is not None) for name in MEASURES
            ]
            rows.append([Cell(results.titles[method] if policy == "none" else ""), Cell(TITLES[policy]), *cells])
    headers = ["Method", "Calibrated on", *(HEADERS[name] for name in MEASURES)]
    return Table(
        headers, ["Method", "Calibrated on", "Cllr", "actDCF", "Error"], rows, 2, _note(results), frozenset(breaks)
    )


def calibration_csv_rows(results: Results) -> list[dict[str, Any]]:
    """Long form, a row for each method, seed, policy, task learned last (after) and evaluated task."""
    rows = []
    for (method, seed), run in results.runs.items() if results.study.detects_fakes else ():
        for policy, found in (run.metrics["calibration"] or {}).items():
            for after, (scale, offset) in enumerate(zip(found["scale"], found["offset"], strict=True), 1):
                line = {"method": method, "seed": seed, "policy": policy, "after": after}
                line |= {"scale": scale, "offset": offset}
                for column, task in enumerate(run.metrics["tasks"]):
                    rows.append(line | {"task": task} | {name: found[name][after - 1][column] for name in MEASURES})
    return rows


def _shown(value: Spread, name: str) -> str:
    if value.mean is None:
        return "-"
    digits = 1 if name == "error" else 2
    return f"{value.mean:.{digits}f}" if value.std is None else f"{value.mean:.{digits}f} ± {value.std:.{digits}f}"


def _note(results: Results) -> str:
    title = results.study.settings.title
    if not results.study.detects_fakes:
        return f"{title}: calibration is of detectors of fakes; these classes are others."
    return (
        f"{title}: scores as log-likelihood ratios (LLR), mean over all tasks after the last one, "
        f"{spread_sentence(results)}; lower is better. Calibrated by logistic regression with equal priors on "
        "development data: of task 1 right after it (task 1 only); of each task when it has been learned (last task "
        "only); of all tasks so far (all tasks' data); or on two Gaussians a task, fitted to its scores right after "
        "it, and kept. Cllr: 1 = the scores say nothing, more = they mislead. actDCF: with the prior and "
        "costs of ASVspoof 5, 1 = as good as deciding without listening. Error = mean of false rejections and false "
        "acceptances at LLR 0. Bold = best of a method."
    )
