"""Measure a study's model on its own stream for docs/detection.md: `python tools/detection_table.py`.

How much does the error fall with the seconds of audio that are heard, with several prompts of one speaker, and by how
their scores are pooled? Needs the finished study of config/config.yaml; else the page keeps its numbers.
"""

from collections import defaultdict
from pathlib import Path

import numpy as np
from marks import replaced

from rawm import audio, manifest, paths
from rawm.detection.detector import Detector, pooling_function
from rawm.metrics.detection import eer
from rawm.seeding import pick
from rawm.study import load_main, load_study
from rawm.study.subsets import counts

PAGE = Path(__file__).parents[1] / "docs" / "detection.md"
SECONDS = (0.5, 1.0, 2.0, 3.0)
TOGETHER = (1, 2, 4, 8)
POOLING = ("mean", "quantile:0.25", "max-fake")


def evaluation(study) -> list[tuple[str, str, str, str, Path]]:
    """Task, label, speaker, attack and file of every evaluation utterance."""
    rows = []
    for task in study.tasks:
        for label in task.corpora:
            table = manifest.read(paths.manifest(label)).select("eval", task.where)
            wanted = counts(task.eval, {name: table.label.count(name) for name in study.classes})
            for name in study.classes:
                ids = {
                    f"{label}/{i}": n
                    for n, (i, kind) in enumerate(zip(table.utterance_id, table.label, strict=True))
                    if kind == name
                }
                for key in sorted(pick(list(ids), wanted[name], 0)):
                    n = ids[key]
                    file = Path(study.corpora[label].root) / table.path[n]
                    rows.append((task.name, name, table.speaker[n], table.attack[n], file))
    return rows


def average_eer(groups: list[tuple[str, str, float]]) -> float:
    """Mean over tasks of the EER in percent of (task, label, score)."""
    by_task: defaultdict[str, dict[str, list[float]]] = defaultdict(lambda: {"genuine": [], "fake": []})
    for task, label, score in groups:
        by_task[task][label].append(score)
    return float(np.mean([100 * eer(sides["genuine"], sides["fake"]).value for sides in by_task.values()]))


def by_seconds(detector: Detector, rows) -> dict[float, float]:
    """Seconds of audio from the start -> average EER."""
    values = {}
    for seconds in SECONDS:
        scores = [
            (task, label, detector.score(audio.load(file, detector.sample_rate, seconds), detector.sample_rate))
            for task, label, _, _, file in rows
        ]
        values[seconds] = average_eer(scores)
    return values


def by_prompts(detector: Detector, rows) -> dict[tuple[int, str], float]:
    """Prompts of one speaker and attack, and pooling -> average EER."""
    scores: defaultdict[tuple, list[float]] = defaultdict(list)
    for task, label, speaker, attack, file in rows:
        scores[task, label, speaker, attack].append(detector.score_file(file))
    values = {}
    for count in TOGETHER:
        for pooling in POOLING:
            pool = pooling_function(pooling)
            groups = [
                (task, label, float(pool(np.array(found[start : start + count]))))
                for (task, label, *_), found in scores.items()
                for start in range(0, len(found) - count + 1, count)
            ]
            values[count, pooling] = average_eer(groups)
    return values


def table(detector: Detector, rows) -> str:
    seconds, prompts = by_seconds(detector, rows), by_prompts(detector, rows)
    lines = ["| seconds from the start | average EER (%) |\n|--:|--:|\n"]
    lines += [f"| {key:g} | {value:.1f} |\n" for key, value in seconds.items()]
    lines += ["\n| prompts of one speaker | " + " | ".join(POOLING) + " |\n|--:|" + "--:|" * len(POOLING) + "\n"]
    for count in TOGETHER:
        lines.append(f"| {count} | " + " | ".join(f"{prompts[count, pooling]:.1f}" for pooling in POOLING) + " |\n")
    return "".join(lines)


if __name__ == "__main__":
    study = load_study(load_main().study)
    if paths.model(study.name).is_dir():
        detector = Detector.load(paths.model(study.name))
        PAGE.write_text(
            replaced(PAGE.read_text(encoding="utf-8"), "table", table(detector, evaluation(study))), encoding="utf-8"
        )
