"""Evaluate any score file: EER, AUC, costs, Cllr and min t-DCF."""

from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np

from rawm import manifest
from rawm.errors import UserError
from rawm.metrics import detection, tandem
from rawm.score_files import formats
from rawm.score_files.formats import CmScores, Format


class Metric(NamedTuple):
    """One metric of a score file.

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
    """Metrics of a score file.

    Attributes:
        about: one sentence: how many scores of which class count.
        metrics: the values.
        hint: what may be wrong with the scores, one sentence; "" if nothing seems to be.
    """

    about: str
    metrics: list[Metric]
    hint: str = ""


def evaluate(
    path: Path,
    format: Format | Literal["auto"] = "auto",
    key: Path | None = None,
    asv: Path | None = None,
    partial: bool = False,
) -> Evaluation:
    """Compute EER, AUC, costs and Cllr of a score file.

    Args:
        path: score file of a detector.
        key: file with keys or manifest; scores of utterances that it does not have do not count.
        asv: score file of a speaker verification system, for min t-DCF.
        partial: evaluate a file that lacks utterances of the key.

    Raises:
        UserError: a file is wrong, nothing says what is genuine, a class has no scores, or utterances of the key have
            none.
    """
    scores = formats.read(path, format)
    labels, missing = _labels(path, scores, key, partial)
    genuine, fake = (scores.score[labels == label] for label in manifest.LABELS)
    about = f"{path}: {scores.format}, {genuine.size} genuine and {fake.size} fake utterances"
    if without := int((labels == "").sum()):
        about += f"; {without} more are not in {key} and do not count"
    if missing:
        about += f"; {missing} of {key} are missing"
    verified = formats.read_asv(asv) if asv else None
    try:
        metrics = _metrics(genuine, fake)
        if verified:
            for function in (tandem.min_tdcf_2019, tandem.min_tdcf_2021):
                cost = function(genuine, fake, verified)
                note = f"as ASVspoof {cost.version} defines it; not to be compared with the other"
                metrics.append(Metric(f"min t-DCF ({cost.version})", cost.value, "", note))
    except UserError as error:
        raise UserError(f"{path}: {error}") from None
    return Evaluation(about, metrics, _polarity_hint(genuine, fake))


def _polarity_hint(genuine: np.ndarray, fake: np.ndarray) -> str:
    """A sentence, if the detector is worse than chance: mostly its scores are high where speech sounds fake."""
    eer = detection.eer(genuine, fake).value
    if eer <= 0.5:
        return ""
    reversed_eer = detection.eer(-genuine, -fake).value
    return (
        "the EER is over 50 %: the scores may be reversed, since higher must mean more genuine; with the other sign it "
        f"is {100 * reversed_eer:.3f} %"
    )


def _labels(path: Path, scores: CmScores, key: Path | None, partial: bool) -> tuple[np.ndarray, int]:
    """genuine, fake, or "" where the key does not know the utterance, (N,); number of the key's without a score."""
    if key is None:
        if scores.label is None:
            raise UserError(
                f"{path}: {scores.format} does not say what is genuine; give a key file or manifest by --key"
            )
        return np.array(scores.label), 0
    labels_of = formats.read_key(key, scores.utterance_id)
    labels = np.array([labels_of.get(utterance, "") for utterance in scores.utterance_id])
    if not (labels != "").any():
        names = f"the first ones are {scores.utterance_id[0]} and {next(iter(labels_of), 'none')}"
        raise UserError(f"{path}: none of its utterances is in {key} ({names}); give the key of the same recordings")
    differ = [n for n, label in enumerate(scores.label or ()) if labels[n] not in ("", label)]
    if differ:
        first = scores.utterance_id[differ[0]]
        raise UserError(f"{path}: {len(differ)} key(s) are not those of {key}, first of {first}; one of them is wrong")
    scored = set(scores.utterance_id)
    missing = [utterance for utterance in labels_of if utterance not in scored]
    if missing and not partial:
        raise UserError(
            f"{path}: {len(missing)} of the {len(labels_of)} utterances of {key} have no score, first {missing[0]}; "
            "score them too, or give --partial to evaluate the others"
        )
    return labels, len(missing)


def _metrics(genuine: np.ndarray, fake: np.ndarray) -> list[Metric]:
    return [
        Metric("EER", detection.eer(genuine, fake).value, "%", "as ASVspoof defines it, no interpolation"),
        Metric("EER, interpolated", detection.eer_interpolated(genuine, fake), "%", "on the convex hull of the ROC"),
        Metric("AUC", detection.auc(genuine, fake), "%", "area under the ROC, higher is better"),
        Metric("min DCF", detection.min_dcf(genuine, fake).value, "", "ASVspoof 5: Pspoof 0.05, Cmiss 1, Cfa 10"),
        Metric("act DCF", detection.act_dcf(genuine, fake), "", "the same, scores taken as log-likelihood ratios"),
        Metric("Cllr", detection.cllr(genuine, fake), "bits", "scores taken as log-likelihood ratios"),
    ]
