"""Measure what a detector could learn instead of the synthesiser: `python tools/open_speech_cues.py`.

Fills the two tables of docs/open_speech.md. Needs the corpora and LFCC statistics of the study `open_speech`, which
`snakemake --cores N` makes first. The numbers depend a little on the machine.
"""

from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
from marks import replaced
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from rawm import paths
from rawm.corpora import cues
from rawm.corpora.cues import CODING, PITCH, TRIVIAL
from rawm.metrics.detection import eer
from rawm.study import Study, load_study
from rawm.tasks.loading import load_split

PAGE = Path(__file__).parents[1] / "docs" / "open_speech.md"
STUDY = "open_speech"
SEEDS = (0, 1, 2)


def cue_rows(corpora: dict) -> str:
    """Rows of the table of cues."""
    rows = "| task | trivial cues | with peak and size | pitch | strongest single cue |\n|---|--:|--:|--:|---|\n"
    for label, corpus in corpora.items():
        manifest = pd.read_parquet(paths.manifest(label))
        high_hz = corpus.recipe.channel.high_hz
        measured = pd.DataFrame([cues.of_file(Path(corpus.root) / path, high_hz) for path in manifest["path"]])
        table = pd.concat([manifest[["label", "split"]].reset_index(drop=True), measured], axis=1)
        splits = [table[table["split"] == split] for split in ("train", "eval")]
        single = {name: cues.error(*splits, [name]) for name in TRIVIAL + CODING}
        strongest = min(single, key=lambda name: single[name])
        values = [cues.error(*splits, names) for names in (TRIVIAL, TRIVIAL + CODING, PITCH)]
        cells = " | ".join(f"{value:.0f}" for value in values)
        shown = strongest.replace("file size", "FLAC size")
        rows += f"| `{label}` | {cells} | {shown}, {single[strongest]:.0f} |\n"
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
            scored = [(model.predict_proba(x)[:, 1], genuine) for x, genuine in tests]
            errors.append([100 * eer(scores[genuine], scores[~genuine]).value for scores, genuine in scored])
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
