"""Measure what a detector could learn instead of the synthesiser: `python tools/open_speech_cues.py`.

Fills the two tables of docs/open_speech.md. Needs the corpora and LFCC statistics of the study `open_speech`, which
`snakemake --cores N` makes first. The numbers depend a little on the machine.
"""

from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
import pyworld
from marks import replaced
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from rawm import audio, paths
from rawm.corpora.made.open_speech.clean import RATE, frame_levels
from rawm.metrics.detection import eer
from rawm.study import Study, load_study
from rawm.tasks.loading import load_split

PAGE = Path(__file__).parents[1] / "docs" / "open_speech.md"
STUDY = "open_speech"
TRIVIAL = ["duration", "lead", "trail", "offset", "above the band"]
CODING = ["peak", "FLAC size"]
PITCH = ["pitch", "range of pitch"]
SEEDS = (0, 1, 2)


def cues(path: Path, high_hz: float) -> dict[str, float]:
    """Measure the cues of one utterance.

    Args:
        path: FLAC file.
        high_hz: upper band edge of its channel in Hz.

    Returns:
        duration, lead and trail in s (silence: 30 dB below the loudest 20 ms), offset and peak as shares of full scale,
        energy above the band edge in dB of the whole, FLAC size in bits per sample, median and interquartile range of
        the pitch in semitones (nan without a voice).
    """
    speech = audio.load(path, RATE).astype(np.float64)
    loud = np.flatnonzero(frame_levels(speech) > frame_levels(speech).max() - 30)
    power = np.abs(np.fft.rfft(speech)) ** 2
    above = power[np.fft.rfftfreq(len(speech), 1 / RATE) > high_hz].sum() / power.sum()
    hertz, _ = pyworld.dio(speech, RATE, frame_period=10.0)
    semitones = 12 * np.log2(hertz[hertz > 0] / 100)
    low, middle, high = np.percentile(semitones, [25, 50, 75]) if len(semitones) else [np.nan] * 3
    return {
        "duration": len(speech) / RATE,
        "lead": loud[0] / 100,
        "trail": len(speech) / RATE - loud[-1] / 100,
        "offset": float(speech.mean()),
        "above the band": 10 * np.log10(above + 1e-12),
        "peak": float(np.abs(speech).max()),
        "FLAC size": 8 * path.stat().st_size / len(speech),
        "pitch": middle,
        "range of pitch": high - low,
    }


def error(scores: np.ndarray, genuine: np.ndarray) -> float:
    """EER in % of scores (n,), higher = more genuine."""
    return 100 * eer(scores[genuine], scores[~genuine]).value


def boosted(table: pd.DataFrame, names: list[str]) -> float:
    """EER in % on the evaluation split of gradient boosting on some cues, trained on the whole training split."""
    train, test = table[table["split"] == "train"], table[table["split"] == "eval"]
    model = HistGradientBoostingClassifier(max_iter=100, class_weight="balanced", random_state=0)
    model.fit(train[names], train["label"] == "genuine")
    return error(model.predict_proba(test[names])[:, 1], (test["label"] == "genuine").to_numpy())


def cue_rows(corpora: dict) -> str:
    """Rows of the table of cues."""
    rows = "| task | trivial cues | with peak and size | pitch | strongest single cue |\n|---|--:|--:|--:|---|\n"
    for label, corpus in corpora.items():
        manifest = pd.read_parquet(paths.manifest(label))
        high_hz = corpus.recipe.channel.high_hz
        measured = pd.DataFrame([cues(Path(corpus.root) / path, high_hz) for path in manifest["path"]])
        table = pd.concat([manifest[["label", "split"]].reset_index(drop=True), measured], axis=1)
        single = {name: boosted(table, [name]) for name in TRIVIAL + CODING}
        strongest = min(single, key=lambda name: single[name])
        values = [boosted(table, names) for names in (TRIVIAL, TRIVIAL + CODING, PITCH)]
        cells = " | ".join(f"{value:.0f}" for value in values)
        rows += f"| `{label}` | {cells} | {strongest}, {single[strongest]:.0f} |\n"
        print(rows.splitlines()[-1], {name: round(value) for name, value in single.items()}, flush=True)
    return rows


def cross_rows(study: Study) -> str:
    """Rows of the table of detectors trained on one task and tested on all."""
    numbers = range(1, len(study.tasks) + 1)
    languages = [task.name.partition("_")[0] + " " + task.name.partition("_")[2] for task in study.tasks]
    rows = "| trained on | " + " | ".join(languages) + " |\n|---|" + "--:|" * len(languages) + "\n"
    for number in numbers:
        errors = []
        for seed in SEEDS:
            settings = {"hidden_layer_sizes": (256, 256), "max_iter": 60, "random_state": seed}
            model = make_pipeline(StandardScaler(), MLPClassifier(**settings))
            model.fit(*arrays(study, number, "train", seed))
            tests = [arrays(study, other, "eval", seed) for other in numbers]
            errors.append([error(model.predict_proba(x)[:, 1], genuine) for x, genuine in tests])
        means = np.mean(errors, axis=0)
        cells = [f"{mean:.1f}" for mean in means]
        cells[number - 1] = f"**{cells[number - 1]}**"
        rows += f"| {languages[number - 1]} | " + " | ".join(cells) + " |\n"
        print(rows.splitlines()[-1], flush=True)
    return rows


def arrays(study: Study, number: int, split: Literal["train", "eval"], seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Features (n, d) of a task's split, and whether each utterance is genuine (n,)."""
    samples = load_split(study, number, split, seed)
    return samples.features.numpy(), samples.labels.numpy() == study.classes.index("genuine")


if __name__ == "__main__":
    study = load_study(STUDY)
    order = [corpus for task in study.tasks for corpus in task.corpora]
    page = PAGE.read_text(encoding="utf-8")
    page = replaced(page, "transfer", cross_rows(study))
    page = replaced(page, "cues", cue_rows({label: study.corpora[label] for label in order}))
    PAGE.write_text(page, encoding="utf-8")
