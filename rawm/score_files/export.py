"""Export a run's scores as score files of a challenge or a leaderboard."""

from pathlib import Path
from typing import Any

from rawm import manifest, paths
from rawm.errors import UserError
from rawm.runs.run import Run
from rawm.score_files import formats
from rawm.score_files.formats import Format
from rawm.study import Study


def export(
    run: Run,
    output: Path,
    format: Format,
    after: int | None = None,
    task: int | None = None,
) -> list[Path]:
    """Write the evaluation scores of one run's checkpoint; return the files.

    With the format `arena`, each file of scores gets the list `file_name,label` of its utterances beside it, as .csv.

    Args:
        output: the file, where a task is given; else the folder, which gets a file for each task by its name.
        after: number of the task after which; 0 = untrained, default = after the last.
        task: number of the task that is scored; default = all.

    Raises:
        UserError: the run is not finished or not about fakes, there is no such task, or a name does not fit.
    """
    study, last = run.study, len(run.study.tasks)
    after = last if after is None else after
    if not study.detects_fakes:
        raise UserError(f"study {study.name}: is not about genuine and fake speech; score files hold nothing else")
    if after > last or (task or 1) > last:
        option, number = ("--after", after) if after > last else ("--task", task)
        raise UserError(f"{option} {number}: study {study.name} has {last} tasks")
    if task is None and output.is_file():
        raise UserError(f"--output {output}: is a file, but {last} tasks need a folder; or choose one by --task")
    if task and format == "arena" and output.suffix == ".csv":
        raise UserError(f"--output {output}: .csv is the suffix of the list that is written beside it; take .txt")
    table = run.scores
    suffix = ".tsv" if format == "asvspoof5" else ".txt"
    files = []
    for number in [task] if task else range(1, last + 1):
        rows = table[(table["after"] == after) & (table["task"] == number)]
        source = _attacks(study, number, rows["utterance_id"]) if format == "asvspoof2019" else None
        path = output if task else output / f"{study.task(number).name}{suffix}"
        formats.write(path, format, *(rows[name].to_numpy() for name in ("utterance_id", "score", "label")), source)
        files.append(path)
        if format == "arena":
            files.append(path.with_suffix(".csv"))
            formats.write_arena_list(files[-1], rows["utterance_id"].to_numpy(), rows["label"].to_numpy())
    return files


def _attacks(study: Study, number: int, utterances: Any) -> list[str]:
    manifests = [manifest.read(paths.manifest(corpus)) for corpus in study.task(number).corpora]
    attacks = {name: attack for rows in manifests for name, attack in zip(rows.utterance_id, rows.attack, strict=True)}
    return [attacks.get(name, "-") for name in utterances]
