"""Scores of recordings as tables and in the formats of others."""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from rawm.detection.detector import Decision, Detector, Scored, Window
from rawm.errors import UserError

COLUMNS = ("path", "start_s", "end_s", "score", "decision", "threshold", "decided_by", "model")


class Decider:
    """A detector's decisions by one threshold.

    Args:
        threshold: name of one of the detector's thresholds, or a log-likelihood ratio.
        calibrated: whether scores are log-likelihood ratios; else the threshold is converted to the scores' own scale.
    """

    def __init__(self, detector: Detector, threshold: str | float, calibrated: bool = True):
        self.model = detector.name
        self._line = detector.bundle.model.calibration
        self._decide, self._threshold, self._calibrated = detector.decide, threshold, calibrated
        decision = self(0.0)  # raises for an unknown name
        self.threshold, self.data = decision.threshold, decision.data

    def __call__(self, score: float) -> Decision:
        line = self._line
        decision = self._decide(score if self._calibrated else line.scale * score + line.offset, self._threshold)
        if self._calibrated or line.scale == 0:
            return decision
        return decision._replace(threshold=(decision.threshold - line.offset) / line.scale)


def rows(scored: Scored, decider: Decider, by_window: bool) -> list[dict[str, Any]]:
    """A row of `COLUMNS` for a recording, or for each of its windows."""
    spans = scored.windows if by_window else [Window(0.0, scored.seconds, scored.score)]
    path = "" if scored.path is None else str(scored.path)
    return [_row(path, span, decider(span.score), decider.model) for span in spans]


def _row(path: str, span: Window, decision: Decision, model: str) -> dict[str, Any]:
    return {
        "path": path,
        "start_s": round(span.start_s, 3),
        "end_s": round(span.end_s, 3),
        "score": round(span.score, 6),
        "decision": decision.label,
        "threshold": round(decision.threshold, 6),
        "decided_by": decision.data,
        "model": model,
    }


def csv_text(everything: Sequence[Scored], decider: Decider, by_window: bool) -> str:
    import csv
    import io

    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(row.values() for scored in everything for row in rows(scored, decider, by_window))
    return text.getvalue()


def json_text(everything: Sequence[Scored], decider: Decider, by_window: bool) -> str:
    content = [row for scored in everything for row in rows(scored, decider, by_window)]
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def jsonl_text(everything: Sequence[Scored], decider: Decider, by_window: bool) -> str:
    content = (row for scored in everything for row in rows(scored, decider, by_window))
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in content)


def utterance_text(everything: Sequence[Scored], decider: Decider, by_window: bool) -> str:
    """`utterance score`, as ASVspoof 2021 and the Speech DF Arena take it; the utterance is the file's name."""
    stems = [scored.path.stem for scored in everything if scored.path is not None]
    if twice := [stem for stem, count in Counter(stems).items() if count > 1]:
        raise UserError(
            f"{len(twice)} names are of several files, first {twice[0]!r}; this format needs each name once"
        )
    if spaced := [stem for stem in stems if len(stem.split()) != 1]:
        raise UserError(f"{spaced[0]!r}: this format takes no spaces in names; rename the file")
    return "".join(f"{stem} {scored.score:.6f}\n" for stem, scored in zip(stems, everything, strict=True))


def rttm_text(everything: Sequence[Scored], decider: Decider, by_window: bool) -> str:
    """Segments that are fake or genuine throughout: `SPEAKER file 1 start duration <NA> <NA> label score <NA>`."""
    lines = []
    for scored in everything:
        name = "-" if scored.path is None else scored.path.stem.replace(" ", "_")
        for start, end, score, label in segments(scored, lambda value: decider(value).label):
            lines.append(f"SPEAKER {name} 1 {start:.3f} {end - start:.3f} <NA> <NA> {label} {score:.4f} <NA>\n")
    return "".join(lines)


def segments(scored: Scored, label_of: Callable[[float], str]) -> list[tuple[float, float, float, str]]:
    """Start, end, score and label of the stretches of a recording that have one label.

    A moment's score is the mean of the windows that it is in.
    """
    starts, ends, scores = (np.array(column) for column in zip(*scored.windows, strict=True))
    total = np.concatenate([[0.0], np.cumsum(scores)])
    edges = np.union1d(starts, ends).tolist()
    found: list[tuple[float, float, float, str]] = []
    for start, end in pairwise(edges):
        first, last = int(np.searchsorted(ends, end)), int(np.searchsorted(starts, start, "right"))
        if last == first:  # between windows that do not touch
            continue
        score = float(total[last] - total[first]) / (last - first)
        label = label_of(score)
        if found and found[-1][1] == start and found[-1][3] == label:
            began, _, before, _ = found[-1]
            weighted = (before * (start - began) + score * (end - start)) / (end - began)
            found[-1] = (began, end, weighted, label)
        else:
            found.append((start, end, score, label))
    return found


#: --format -> the text of all recordings.
FORMATS: dict[str, Callable[[Sequence[Scored], Decider, bool], str]] = {
    "csv": csv_text,
    "json": json_text,
    "jsonl": jsonl_text,
    "asvspoof2021": utterance_text,
    "arena": utterance_text,
    "rttm": rttm_text,
}


def print_table(everything: Iterable[Scored], decider: Decider, by_window: bool) -> None:
    """Print a table of recordings, and below it the threshold and the model that decided."""
    from rich.console import Console
    from rich.table import Table

    table = Table()
    for column in ("recording", "start (s)", "end (s)", "score", "decision"):
        table.add_column(column, justify="left" if column == "recording" else "right", overflow="fold")
    for scored in everything:
        for row in rows(scored, decider, by_window):
            times = (f"{row[key]:.2f}" for key in ("start_s", "end_s"))
            style = "red" if row["decision"] == "fake" else "green"
            table.add_row(row["path"], *times, f"{row['score']:.2f}", f"[{style}]{row['decision']}[/{style}]")
    console = Console()
    console.print(table)
    console.print(
        f"Score: higher = more genuine. Fake at or below {decider.threshold:.2f}: {decider.data}.", highlight=False
    )
    console.print(f"Model: {decider.model}", highlight=False)


def paths_for_plots(everything: Sequence[Scored], folder: Path) -> list[Path]:
    """A PNG for each recording, by its name; numbered where two recordings have the same."""
    taken: Counter[str] = Counter()
    plots = []
    for scored in everything:
        stem = "recording" if scored.path is None else scored.path.stem
        taken[stem] += 1
        plots.append(folder / (f"{stem}.png" if taken[stem] == 1 else f"{stem}_{taken[stem]}.png"))
    return plots
