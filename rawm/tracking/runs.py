"""A finished run's files -> the record of it."""

import hashlib
import json
import platform
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from rawm import paths
from rawm.errors import UserError
from rawm.files import sha256
from rawm.provenance import git_state
from rawm.study import Study
from rawm.tracking import text
from rawm.tracking.record import KIND, LAYOUT, Data, Point, Record, digests, milliseconds
from rawm.tracking.view import RUN_KIND

#: Memories of earlier tasks are uploaded as long as those of one run stay below this; the last task's always is.
EARLIER_MEMORY_BYTES = 32_000_000
DIGITS = 4  # of a metric: MLflow's tables show all there are
PACKAGES = ("rawm", "torch", "torchaudio", "snakemake", "mlflow")


@dataclass(frozen=True)
class FinishedRun:
    """The files of one (study, method, seed)."""

    study: Study
    method: str
    seed: int

    @property
    def key(self) -> str:
        return f"{self.study.name}/{self.method}/seed{self.seed}"

    @property
    def folder(self) -> Path:
        return paths.run(self.study.name, self.method, self.seed)

    def task_files(self, number: int) -> list[Path]:
        """Detector, memory and history of task 1, 2, ..."""
        return [make(self.study.name, self.method, self.seed, number) for make in _TASK_FILES]

    @cached_property
    def files(self) -> list[Path]:
        """Every file that the run is made of."""
        numbers = range(1, len(self.study.tasks) + 1)
        return [self.folder / "metrics.json", self.folder / "scores.parquet"] + [
            path for number in numbers for path in self.task_files(number)
        ]

    def is_finished(self) -> bool:
        return all(path.is_file() for path in self.files)

    @cached_property
    def metrics(self) -> dict[str, Any]:
        """metrics.json; raises UserError where it is damaged or of another stream."""
        path = self.folder / "metrics.json"
        names = [task.name for task in self.study.tasks]
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise UserError(f"{path}: not valid JSON ({error}); delete it and evaluate the run again") from None
        if content.get("tasks") != names:
            raise UserError(f"{path}: has the tasks {content.get('tasks')}, the stream has {names}; evaluate it again")
        return content

    @cached_property
    def histories(self) -> list[list[dict[str, Any]]]:
        """The epochs of each task; raises UserError where a file is damaged."""
        return [_read_history(self.task_files(number)[2]) for number in range(1, len(self.study.tasks) + 1)]

    def learned_at(self, number: int) -> int:
        """Unix milliseconds of the end of task 1, 2, ...; 0 is the start of the run."""
        if number:
            return milliseconds(self.histories[number - 1][-1]["time"])
        first = self.histories[0][0]
        return milliseconds(first["time"] - first["seconds"])

    @property
    def start(self) -> int:
        return self.learned_at(0)

    @property
    def end(self) -> int:
        return self.learned_at(len(self.study.tasks))


_TASK_FILES = (paths.detector, paths.memory, paths.history)


def _read_history(path: Path) -> list[dict[str, Any]]:
    try:
        epochs = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    except ValueError as error:
        raise UserError(f"{path}: not one JSON object a line ({error}); train the task again") from None
    if not epochs:
        raise UserError(f"{path}: is empty; train the task again")
    return epochs


def runs(study: Study) -> Iterator[FinishedRun]:
    """The runs of a study, finished or not, in the order of its file."""
    for method in study.methods:
        for seed in study.settings.seeds:
            yield FinishedRun(study.ordered(seed), method, seed)


def fingerprint(run: FinishedRun) -> str:
    """Hash of the run's files, its settings and its data."""
    digest = hashlib.sha256(f"layout {LAYOUT}\n".encode())
    for name, value in [*digests(run.folder, run.files), *sorted(parameters(run).items())]:
        digest.update(f"{name}\0{value}\n".encode())
    for data in datasets(run.study):
        digest.update(f"{data.name}\0{data.digest}\n".encode())
    return digest.hexdigest()


def record(run: FinishedRun) -> Record:
    """Everything MLflow gets of a run; raises UserError where a file is damaged."""
    labels = {"study": run.study.name, "method": run.method, "seed": str(run.seed)}
    return Record(
        key=run.key,
        fingerprint=fingerprint(run),
        name=f"{run.method} seed {run.seed}",
        start=run.start,
        end=run.end,
        params=parameters(run),
        tags=labels | versions() | {KIND: RUN_KIND, "mlflow.note.content": text.run_note(run)},
        metrics=list(metric_points(run)),
        tables={f"tables/{name}_matrix.json": text.matrix_table(run.metrics, name) for name in run.study.measure.cells}
        | {"tables/memory.json": text.memory_table(run)},
        data=datasets(run.study),
        stage=lambda folder: stage(run, folder),
        model=f"{run.study.name}-{run.method}-seed{run.seed}",
    )


def parameters(run: FinishedRun) -> dict[str, str]:
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
def versions() -> dict[str, str]:
    """Tags that say which code made the upload and where."""
    commit, dirty = git_state()
    tags = {"mlflow.source.name": "rawm track", "mlflow.source.type": "LOCAL", "platform": platform.platform()}
    tags["python"] = platform.python_version()
    if commit:
        tags |= {"git.commit": commit, "git.dirty": str(dirty).lower(), "mlflow.source.git.commit": commit}
    for package in PACKAGES:
        try:
            tags[f"version.{package}"] = version(package)
        except PackageNotFoundError:
            continue
    return tags


def metric_points(run: FinishedRun) -> Iterator[Point]:
    """Every value of a run, with the times of its files: sending them twice adds nothing."""
    for point in _points(run):
        if point.value is not None:
            yield replace(point, value=round(point.value, DIGITS))


def _points(run: FinishedRun) -> Iterator[Point]:
    content, names, end, measure = run.metrics, run.metrics["tasks"], run.end, run.study.measure
    for metric in measure.metrics:  # first, since MLflow's run page keeps the order
        yield Point(f"final/{metric.key}", content.get(metric.key), end, 0)
    for cell in measure.cells:
        for after, row in enumerate(content[f"{cell}_matrix"]):
            for name, value in zip(names, row, strict=True):
                yield Point(f"{cell}/{name}", value, run.learned_at(after), after)
    for number, value in enumerate(content[measure.average_after_task], 1):
        yield Point(f"stream/{measure.average}", value, run.learned_at(number), number)
    for number, value in enumerate(content["wall_s"], 1):
        yield Point("time/task_s", value, run.learned_at(number), number)
    yield Point("time/total_s", sum(content["wall_s"]), end, 0)
    for name, history in zip(names, run.histories, strict=True):
        for epoch in history:
            when = milliseconds(epoch["time"])
            yield Point(f"loss/{name}", epoch["loss"], when, epoch["epoch"])
            yield Point(f"{measure.dev}/{name}", epoch.get(measure.dev), when, epoch["epoch"])


def datasets(study: Study) -> list[Data]:
    """The study's corpora, each identified by its manifest; those without a manifest are left out."""
    found = []
    for name, corpus in study.corpora.items():
        manifest = paths.manifest(name)
        if manifest.is_file():
            source = {"manifest": str(manifest), "title": corpus.title, "homepage": corpus.homepage}
            found.append(Data(name, _digest(manifest), "train, eval", source))
    return found


@lru_cache
def _digest(manifest: Path) -> str:
    return sha256(manifest)[:12]  # enough to tell versions apart, and readable beside every run


def stage(run: FinishedRun, folder: Path) -> None:
    """Lay out a run's artifacts in `folder`."""
    from rawm.reports import figures

    titles = [task.title or task.name for task in run.study.tasks]
    title = f"{run.study.title(run.method)}, seed {run.seed}"
    measure = run.study.measure
    figure = figures.matrix_figure(run.metrics[measure.matrix], titles, title, measure)
    figure.draw_without_rendering()
    figure.set_layout_engine("none")  # laid out once for both formats: half of the time
    for suffix in ("png", "svg"):
        figures.save(figure, folder / "figures" / f"{measure.matrix}.{suffix}")
    for name in ("metrics.json", "scores.parquet"):
        shutil.copy(run.folder / name, folder / name)
    _stage_checkpoints(run, folder)
    stage_config(run.study, [run.method], folder / "config")


def _stage_checkpoints(run: FinishedRun, folder: Path) -> None:
    """The final detector, every task's history, and the memories newest first while there is room."""
    last, room = len(run.study.tasks), EARLIER_MEMORY_BYTES
    for number in range(last, 0, -1):
        detector, memory, history = run.task_files(number)
        if number == last:
            _copy(detector, folder / "detector")
        else:
            room -= memory.stat().st_size
        if number == last or room >= 0:
            _copy(memory, folder / "memory" / f"task{number}")
        _copy(history, folder / "history" / f"task{number}")


def stage_config(study: Study, methods: list[str], folder: Path) -> None:
    """Copy the configuration files that a run was made with."""
    settings = study.settings
    labels = {"studies": [study.name], "streams": [settings.stream], "corpora": list(study.corpora)}
    labels |= {"frontends": [settings.frontend], "detectors": [settings.detector], "methods": methods}
    for kind, names in labels.items():
        for name in names:
            if (path := paths.CONFIG / kind / f"{name}.yaml").is_file():
                _copy(path, folder / kind)


def _copy(path: Path, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(path, folder)
