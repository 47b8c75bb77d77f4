"""Scores as files: those of a run for other programs, and what anyone's say of their detector."""

from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np

from rawm import manifest, paths
from rawm.errors import UserError
from rawm.metrics import detection, tandem
from rawm.runs.run import Run
from rawm.score_files import formats as score_files
from rawm.score_files.formats import CmScores, Format
from rawm.study import Study


def export(
    run: Run,
    output: Path,
    format: Format,
    after: int | None = None,
    task: int | None = None,
) -> list[Path]:
    """Write the evaluation scores of one run's checkpoint; return the files.

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
    table = run.scores
    suffix = ".tsv" if format == "asvspoof5" else ".txt"
    files = []
    for number in [task] if task else range(1, last + 1):
        rows = table[(table["after"] == after) & (table["task"] == number)]
        source = _attacks(study, number, rows["utterance_id"]) if format == "asvspoof2019" else None
        path = output if task else output / f"{study.task(number).name}{suffix}"
        score_files.write(path, format, *(rows[name].to_numpy() for name in ("utterance_id", "score", "label")), source)
        files.append(path)
    return files


def _attacks(study: Study, number: int, utterances: Any) -> list[str]:
    known = [manifest.read(paths.manifest(corpus)) for corpus in study.task(number).corpora]
    attacks = {name: attack for rows in known for name, attack in zip(rows.utterance_id, rows.attack, strict=True)}
    return [attacks.get(name, "-") for name in utterances]


class Number(NamedTuple):
    """One result of `evaluate`.

    Attributes:
        name: e.g. EER.
        value: a fraction where the unit is %.
        unit: "%", "bits" or "".
        note: whose definition it is.
    """

    name: str
    value: float
    unit: str
    note: str

    def __str__(self) -> str:
        value = f"{100 * self.value:.3f} %" if self.unit == "%" else f"{self.value:.4f} {self.unit}".rstrip()
        return f"{self.name:18} {value:>14}   {self.note}"


class Evaluation(NamedTuple):
    """What a score file says.

    Attributes:
        about: one sentence: how many scores of which class count.
        numbers: the results.
    """

    about: str
    numbers: list[Number]


def evaluate(
    path: Path, format: Format | Literal["auto"] = "auto", key: Path | None = None, asv: Path | None = None
) -> Evaluation:
    """How well the scores of a file tell genuine from fake.

    Args:
        path: score file of a detector.
        key: file with keys or manifest; scores of utterances that it does not have do not count.
        asv: score file of a speaker verification system, for min t-DCF.

    Raises:
        UserError: a file is wrong, nothing says what is genuine, or a class has no scores.
    """
    found = score_files.read(path, format)
    labels = _labels(path, found, key)
    genuine, fake = (found.score[labels == label] for label in manifest.LABELS)
    about = f"{path}: {found.format}, {genuine.size} genuine and {fake.size} fake utterances"
    if without := int((labels == "").sum()):
        about += f"; {without} more are not in {key} and do not count"
    verified = score_files.read_asv(asv) if asv else None
    try:
        numbers = _numbers(genuine, fake)
        if verified:
            for function in (tandem.min_tdcf_2019, tandem.min_tdcf_2021):
                cost = function(genuine, fake, verified)
                note = f"as ASVspoof {cost.version} defines it; not to be compared with the other"
                numbers.append(Number(f"min t-DCF ({cost.version})", cost.value, "", note))
    except UserError as error:
        raise UserError(f"{path}: {error}") from None
    return Evaluation(about, numbers)


def _labels(path: Path, found: CmScores, key: Path | None) -> np.ndarray:
    """genuine, fake, or "" where the key does not know the utterance, (N,)."""
    if key is None:
        if found.label is None:
            raise UserError(
                f"{path}: {found.format} does not say what is genuine; give a key file or manifest by --key"
            )
        return np.array(found.label)
    known = score_files.read_key(key)
    labels = np.array([known.get(utterance, "") for utterance in found.utterance_id])
    if not (labels != "").any():
        names = f"the first ones are {found.utterance_id[0]} and {next(iter(known), 'none')}"
        raise UserError(f"{path}: none of its utterances is in {key} ({names}); give the key of the same recordings")
    differ = [n for n, label in enumerate(found.label or ()) if labels[n] not in ("", label)]
    if differ:
        first = found.utterance_id[differ[0]]
        raise UserError(f"{path}: {len(differ)} key(s) are not those of {key}, first of {first}; one of them is wrong")
    return labels


def _numbers(genuine: np.ndarray, fake: np.ndarray) -> list[Number]:
    return [
        Number("EER", detection.eer(genuine, fake).value, "%", "as ASVspoof defines it, no interpolation"),
        Number("EER, interpolated", detection.eer_interpolated(genuine, fake), "%", "on the convex hull of the ROC"),
        Number("AUC", detection.auc(genuine, fake), "%", "area under the ROC, higher is better"),
        Number("min DCF", detection.min_dcf(genuine, fake).value, "", "ASVspoof 5: Pspoof 0.05, Cmiss 1, Cfa 10"),
        Number("act DCF", detection.act_dcf(genuine, fake), "", "the same, scores taken as log-likelihood ratios"),
        Number("Cllr", detection.cllr(genuine, fake), "bits", "scores taken as log-likelihood ratios"),
    ]
