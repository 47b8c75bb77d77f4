"""A run of a study -> a model bundle."""

import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

import rawm
from rawm import checksums, manifest, paths
from rawm.config.study import Task
from rawm.detection.bundle import (
    DETECTOR,
    MEMORY,
    Bundle,
    Calibration,
    Gaussian,
    Learned,
    ModelFile,
    Threshold,
    Weights,
    prepare_folder,
    write,
)
from rawm.errors import UserError
from rawm.files import atomic, sha256
from rawm.metrics import calibration
from rawm.metrics.calibration import Development
from rawm.metrics.detection import eer, error_rates
from rawm.runs.run import Run
from rawm.study import Study, jobs
from rawm.tasks.loading import load_split

#: Name of a threshold -> share of genuine development recordings called fake; None = as many as fakes called genuine.
THRESHOLDS = {"eer": None, "fpr1": 0.01, "fpr5": 0.05}
POLICY = "all"  # calibration of an exported detector; see docs/detection.md


def export(run: Run, folder: str | Path, after: int | None = None, with_weights: bool = False) -> Bundle:
    """Write the detector of a finished run as a bundle.

    Args:
        folder: new, empty, or a bundle, which is replaced.
        after: number of the task after which the detector is taken; by default the last.
        with_weights: copy the weights of a neural front-end too.

    Raises:
        UserError: the run is not finished, its features are not computed from sound, or its classes are not fake and
            genuine.
    """
    study, after = run.study, len(run.numbers) if after is None else after
    if after not in run.numbers:
        raise UserError(f"after task {after}: study {study.name} has the tasks 1 to {len(study.tasks)}")
    require_sound(study)
    for path in (run.detector_path(after), run.memory_path(after)):
        checksums.require_intact(path)
    found = run.metrics["calibration"]
    chosen = Calibration(scale=1.0, offset=0.0, policy="none", data="no development data")
    names = [task.name for task in study.tasks[:after]]
    if found is not None:
        scale, offset = (found[POLICY][key][after - 1] for key in ("scale", "offset"))
        data = f"development data of {', '.join(names)}"
        chosen = Calibration(scale=scale, offset=offset, policy=POLICY, data=data)
    development = _development(run, after)
    model = ModelFile(
        format=1,
        rawm=rawm.__version__,
        name=f"{run.key}/task{after}",
        classes=list(study.classes),
        frontend_label=study.settings.frontend,
        frontend=study.frontend,
        detector=study.detector,
        method_label=run.method,
        method=study.methods[run.method],
        training=study.training(run.method),
        seed=run.seed,
        window_s=max(longest(study, task) for task in study.tasks[:after]),
        calibration=chosen,
        thresholds=thresholds(list(development.values()), chosen, names) if found is not None else {},
        history=[_learned(run, number) for number in range(1, after + 1)],
        licences={label: study.corpora[label].licence for task in study.tasks[:after] for label in task.corpora},
        weights=weight_files(study.frontend, with_weights),
        files={DETECTOR: sha256(run.detector_path(after)), MEMORY: sha256(run.memory_path(after))},
    )
    folder = prepare_folder(folder)
    copy(run.detector_path(after), folder / DETECTOR)
    copy(run.memory_path(after), folder / MEMORY)
    copy_weights(model.weights, folder)
    return write(folder, model)


def require_sound(study: Study) -> None:
    """Raise UserError for a study whose detectors cannot be used on recordings."""
    if not study.detects_fakes:
        raise UserError(
            f"study {study.name}: its classes are {', '.join(study.classes)}; only fake and genuine can leave"
        )
    if study.frontend.type == "stored":
        raise UserError(f"study {study.name}: its features were computed elsewhere, so no recording can be scored")


def best_of(runs: Sequence[Run]) -> Run:
    """The best of some finished runs of a study on development data.

    The criterion is the mean EER over all tasks' development data after the last task. Methods that train on the data
    of all tasks so far are left out, unless there are no others: they bound what can be reached, and cannot go on
    learning from the bundle.

    Raises:
        UserError: a run is not finished, or the study has no development data.
    """
    from rawm.methods import class_of

    without_old = [run for run in runs if not class_of(run.study.methods[run.method].algorithm).uses_old_data]
    runs = without_old or runs
    values = [run.metrics["average_dev_eer"] for run in runs]
    if len(runs) > 1 and None in values:
        raise UserError(f"study {runs[0].study.name}: has no development data to choose by; name a method and a seed")
    return min(zip(values, range(len(runs)), runs, strict=True))[2] if len(runs) > 1 else runs[0]


def longest(study: Study, task: Task) -> float:
    """Seconds of a task's longest training utterance, as far as it is used; rounded up to tenths."""
    limits = [
        getattr(study.frontend, "max_seconds", None),
        *(study.corpora[label].max_seconds for label in task.corpora),
    ]
    rows = [manifest.read(paths.manifest(label)).select("train", task.where).duration_s for label in task.corpora]
    seconds = min([float(np.concatenate(rows).max()), *(limit for limit in limits if limit is not None)])
    return float(np.ceil(round(10 * seconds, 6)) / 10)


def thresholds(development: Sequence[Development], line: Calibration, names: Sequence[str]) -> dict[str, Threshold]:
    """The `THRESHOLDS` on the development data of some tasks together, as log-likelihood ratios."""
    sides = [line.scale * np.concatenate(parts) + line.offset for parts in zip(*development, strict=True)]
    rates = error_rates(*sides)
    data = f"development data of {', '.join(names)}"
    values = {
        name: eer(*sides).threshold if share is None else float(rates.thresholds[rates.frr <= share][-1])
        for name, share in THRESHOLDS.items()
    }
    return {name: Threshold(value=value, data=data) for name, value in values.items()}


def gaussians(scores: Development) -> dict[Any, Gaussian]:
    """The scores of a task as one Gaussian a class."""
    summary = calibration.summarise(scores)
    return {name: Gaussian(**getattr(summary, name)._asdict()) for name in ("genuine", "fake")}


def weight_files(frontend: Any, copied: bool) -> list[Weights]:
    """Files of a neural front-end with their hashes."""
    return [Weights(path=path, sha256=sha256(path), copied=copied) for path in jobs.weight_files(frontend)]


def copy_weights(weights: Iterable[Weights], folder: Path) -> None:
    for file in weights:
        if file.copied:
            copy(Path(file.path), folder / "weights" / Path(file.path).name)


def copy(source: Path, target: Path) -> None:
    """Copy a file; the target is complete or absent."""
    with atomic(target) as temporary:
        shutil.copyfile(source, temporary)


def _development(run: Run, after: int) -> dict[int, Development]:
    """Task -> its development scores by the detector after a task; of those up to it that have both classes."""
    scores = run.development_scores
    scores = scores[(scores.after == after) & (scores.task <= after)]
    tasks = {}
    for number, rows in scores.groupby("task"):
        genuine = (rows.label == "genuine").to_numpy()
        values = rows.score.to_numpy(dtype=np.float64)
        if genuine.any() and not genuine.all():
            tasks[number] = Development(values[genuine], values[~genuine])
    return tasks


def _learned(run: Run, number: int) -> Learned:
    study = run.study
    labels = load_split(study, number, "train", run.seed).labels
    right_after = _development(run, number).get(number)
    return Learned(
        task=study.task(number),
        genuine=int((labels == study.classes.index("genuine")).sum()),
        fake=int((labels == study.classes.index("fake")).sum()),
        dev_eer=run.history(number)[-1]["dev_eer"],
        scores=None if right_after is None else gaussians(right_after),
    )
