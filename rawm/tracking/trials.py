"""Mirror the trials of a search for hyper-parameters to one experiment."""

import hashlib
import json
from typing import Any

from rawm.metrics.measure import MEASURES
from rawm.paths import tuning
from rawm.tracking.record import Point, Record, milliseconds
from rawm.tracking.store import opened


def mirror_trials(trials: list[dict[str, Any]], uri: str, experiment: str) -> tuple[int, int]:
    """Upload missing trials; return how many were uploaded and how many there are."""
    with opened(uri, experiment, tuning(trials[0]["search"])) as target:
        sent = sum(target.mirror(_record(trial))[1] for trial in trials)
    return sent, len(trials)


def _record(trial: dict[str, Any]) -> Record:
    values = ",".join(f"{key}={value}" for key, value in trial["values"].items())
    end = trial["started"] + trial["seconds"]
    measure = MEASURES[trial["measure"]]
    last = [rows[-1] for rows in trial[measure.dev]]
    metrics = {f"{measure.dev}/{task}": [row[number] for row in last] for number, task in enumerate(trial["tasks"])}
    means = {name: sum(seeds) / len(seeds) for name, seeds in metrics.items() if None not in seeds}
    if trial["score"] is not None:
        means[f"average_incremental_{measure.name}"] = trial["score"]
    return Record(
        key=f"tuning/{trial['search']}/{trial['method']}/{values}",
        fingerprint=hashlib.sha256(json.dumps(trial, sort_keys=True).encode()).hexdigest(),
        name=f"{trial['method']} {values}",
        start=milliseconds(trial["started"]),
        end=milliseconds(end),
        params={"method": trial["method"], "seeds": str(trial["seeds"])}
        | {key: str(value) for key, value in trial["values"].items()},
        tags={"rawm.kind": "trial", "search": trial["search"]},
        metrics=[Point(name, value, milliseconds(end), 0) for name, value in means.items()],
    )
