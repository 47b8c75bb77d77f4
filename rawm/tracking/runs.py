"""Build the MLflow record of a finished run from its files."""

import hashlib
import platform
import shutil
from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from rawm import checksums, paths
from rawm.config.files import file_of
from rawm.files import sha256
from rawm.provenance import git_state, versions
from rawm.runs.run import Run
from rawm.study import Study
from rawm.tracking import text
from rawm.tracking.record import KIND, LAYOUT, Data, Point, Record, digests, milliseconds
from rawm.tracking.view import RUN_KIND

#: Memories of earlier tasks are uploaded as long as those of one run stay below this; the last task's always is.
EARLIER_MEMORY_BYTES = 32_000_000
DIGITS = 4  # of a metric: MLflow's tables show all there are
PACKAGES = ("rawm", "torch", "torchaudio", "snakemake", "mlflow")


def learned_at(run: Run, number: int) -> int:
    """Unix milliseconds of the end of task 1, 2, ...; 0 is the start of the run."""
    if number:
        return milliseconds(run.history(number)[-1]["time"])
    first = run.history(1)[0]
    return milliseconds(first["time"] - first["seconds"])


def span(run: Run) -> tuple[int, int]:
    """Unix milliseconds of the start and the end of a run."""
    return learned_at(run, 0), learned_at(run, len(run.numbers))


def fingerprint(run: Run) -> str:
    """Hash of the run's files, its settings and its data."""
    digest = hashlib.sha256(f"layout {LAYOUT}\n".encode())
    for name, value in [*digests(run.folder, run.files), *sorted(parameters(run).items())]:
        digest.update(f"{name}\0{value}\n".encode())
    for data in datasets(run.study):
        digest.update(f"{data.name}\0{data.digest}\n".encode())
    return digest.hexdigest()


def record(run: Run) -> Record:
    """Build the record of a run; raises UserError where a file is damaged."""
    for path in run.files:
        checksums.require_intact(path)
    labels = {"study": run.study.name, "method": run.method, "seed": str(run.seed)}
    start, end = span(run)
    return Record(
        key=run.key,
        fingerprint=fingerprint(run),
        name=str(run),
        start=start,
        end=end,
        params=parameters(run),
        tags=labels | provenance() | {KIND: RUN_KIND, "mlflow.note.content": text.run_note(run)},
        metrics=list(metric_points(run)),
        tables={f"tables/{name}_matrix.json": text.matrix_table(run.metrics, name) for name in run.study.measure.cells}
        | {"tables/memory.json": text.memory_table(run)},
        data=datasets(run.study),
        stage=lambda folder: stage(run, folder),
        model=f"{run.study.name}-{run.method}-seed{run.seed}",
    )


def parameters(run: Run) -> dict[str, str]:
    """Settings under the names that they have in the configuration files."""
    study = run.study
    sections = {
        "training": study.training(run.method).model_dump(),
        "method": study.methods[run.method].model_dump(by_alias=True, exclude={"title", "note", "training"}),
        "detector": study.detector.model_dump(by_alias=True),
        "frontend": study.frontend.model_dump(by_alias=True),
    }
    values: dict[str, Any] = {
        "study": study.name,
        "stream": study.settings.stream,
        "tasks": ", ".join(task.name for task in study.tasks),
        "method": run.method,
        "seed": run.seed,
        "detector": study.settings.detector,
        "frontend": study.settings.frontend,
    }
    for section, content in sections.items():
        values |= {f"{section}.{name}": value for name, value in content.items()}
    return {name: str(value) for name, value in values.items()}


@lru_cache
def provenance() -> dict[str, str]:
    """Tags that say which code made the upload and where."""
    commit, dirty = git_state()
    tags = {"mlflow.source.name": "rawm track", "mlflow.source.type": "LOCAL", "platform": platform.platform()}
    tags["python"] = platform.python_version()
    if commit:
        tags |= {"git.commit": commit, "git.dirty": str(dirty).lower(), "mlflow.source.git.commit": commit}
    return tags | {f"version.{package}": number for package, number in versions(PACKAGES).items()}


def metric_points(run: Run) -> Iterator[Point]:
    """All metric values of a run, with the times from its files, so that logging them twice adds nothing."""
    for point in _points(run):
        if point.value is not None:
            yield replace(point, value=round(point.value, DIGITS))


def _points(run: Run) -> Iterator[Point]:
    content, names, measure = run.metrics, run.metrics["tasks"], run.study.measure
    learned = [learned_at(run, number) for number in (0, *run.numbers)]
    end = learned[-1]
    for metric in measure.metrics:  # first, since MLflow's run page keeps the order
        yield Point(f"final/{metric.key}", content.get(metric.key), end, 0)
    for cell in measure.cells:
        for after, row in enumerate(content[f"{cell}_matrix"]):
            for name, value in zip(names, row, strict=True):
                yield Point(f"{cell}/{name}", value, learned[after], after)
        for after, row in enumerate(content.get(f"watched_{cell}_matrix", [])):
            for name, value in zip(content["watched"], row, strict=True):
                yield Point(f"watched_{cell}/{name}", value, learned[after], after)
    for number, value in enumerate(content[measure.average_after_task], 1):
        yield Point(f"stream/{measure.average}", value, learned[number], number)
    for number, value in enumerate(content["wall_s"], 1):
        yield Point("time/task_s", value, learned[number], number)
    yield Point("time/total_s", sum(content["wall_s"]), end, 0)
    for number, name in enumerate(names, 1):
        for epoch in run.history(number):
            when = milliseconds(epoch["time"])
            yield Point(f"loss/{name}", epoch["loss"], when, epoch["epoch"])
            yield Point(f"{measure.dev}/{name}", epoch.get(measure.dev), when, epoch["epoch"])


def datasets(study: Study) -> list[Data]:
    """The study's corpora, each identified by its manifest; those without a manifest are left out."""
    data = []
    for name, corpus in study.corpora.items():
        manifest = paths.manifest(name)
        if manifest.is_file():
            source = {"manifest": str(manifest), "title": corpus.title, "homepage": corpus.homepage}
            data.append(Data(name, _digest(manifest), "train, eval", source))
    return data


@lru_cache
def _digest(manifest: Path) -> str:
    return sha256(manifest)[:12]  # enough to tell versions apart, and readable beside every run


def stage(run: Run, folder: Path) -> None:
    """Copy a run's artifacts into `folder`."""
    from rawm.reports import figures

    titles = [task.title or task.name for task in run.study.tasks]
    title = f"{run.study.title(run.method)}, seed {run.seed}"
    measure = run.study.measure
    figure = figures.matrix_figure(run.metrics[measure.matrix], titles, title, measure)
    figure.draw_without_rendering()
    figure.set_layout_engine("none")  # laid out once for both formats: half of the time
    for suffix in ("png", "svg"):
        figures.save(figure, folder / "figures" / f"{measure.matrix}.{suffix}")
    for path in (run.metrics_path, run.scores_path):
        shutil.copy(path, folder / path.name)
    _stage_checkpoints(run, folder)
    stage_config(run.study, [run.method], folder / "config")


def _stage_checkpoints(run: Run, folder: Path) -> None:
    """The final detector, every task's history, and the memories newest first while there is room."""
    last, room = len(run.study.tasks), EARLIER_MEMORY_BYTES
    for number in range(last, 0, -1):
        memory = run.memory_path(number)
        if number == last:
            _copy(run.detector_path(number), folder / "detector")
        else:
            room -= memory.stat().st_size
        if number == last or room >= 0:
            _copy(memory, folder / "memory" / f"task{number}")
        _copy(run.history_path(number), folder / "history" / f"task{number}")


def stage_config(study: Study, methods: list[str], folder: Path) -> None:
    """Copy the configuration files that a run was made with."""
    settings = study.settings
    labels = {"studies": [study.name], "streams": [settings.stream], "corpora": list(study.corpora)}
    labels |= {"frontends": [settings.frontend], "detectors": [settings.detector], "methods": methods}
    for kind, names in labels.items():
        for name in names:
            if (path := file_of(kind, name)).is_file():
                _copy(path, folder / kind)


def _copy(path: Path, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(path, folder)
