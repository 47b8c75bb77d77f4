"""Scores of recordings as tables and in the formats of others."""

import csv
import io
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
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


def csv_text(everything: Iterable[Scored], decider: Decider, by_window: bool) -> Iterator[str]:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for scored in everything:
        writer.writerows(row.values() for row in rows(scored, decider, by_window))
        yield text.getvalue()
        text.seek(0)
        text.truncate()
    yield text.getvalue()


def json_text(everything: Iterable[Scored], decider: Decider, by_window: bool) -> Iterator[str]:
    content = [row for scored in everything for row in rows(scored, decider, by_window)]
    yield json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def jsonl_text(everything: Iterable[Scored], decider: Decider, by_window: bool) -> Iterator[str]:
    for scored in everything:
        yield "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows(scored, decider, by_window))


def utterance_text(everything: Iterable[Scored], decider: Decider, by_window: bool) -> Iterator[str]:
    """`utterance score`, as ASVspoof 2021 and the Speech DF Arena take it; the utterance is the file's name."""
    return (f"{scored.path.stem} {scored.score:.6f}\n" for scored in everything if scored.path is not None)


def rttm_text(everything: Iterable[Scored], decider: Decider, by_window: bool) -> Iterator[str]:
    """Segments that are fake or genuine throughout: `SPEAKER file 1 start duration <NA> <NA> label score <NA>`."""
    for scored in everything:
        name = "-" if scored.path is None else scored.path.stem.replace(" ", "_")
        yield "".join(
            f"SPEAKER {name} 1 {start:.3f} {end - start:.3f} <NA> <NA> {label} {score:.4f} <NA>\n"
            for start, end, score, label in segments(scored, lambda value: decider(value).label)
        )


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


#: --format -> the text, in parts: one for each recording as soon as it is scored, except that JSON is whole.
FORMATS: dict[str, Callable[[Iterable[Scored], Decider, bool], Iterator[str]]] = {
    "csv": csv_text,
    "json": json_text,
    "jsonl": jsonl_text,
    "asvspoof2021": utterance_text,
    "arena": utterance_text,
    "rttm": rttm_text,
}


def check_names(format: str, recordings: Sequence[Path]) -> None:
    """Raise UserError if a format that calls recordings by their names cannot tell these ones apart."""
    if FORMATS.get(format) is not utterance_text:
        return
    counts = Counter(path.stem for path in recordings)
    problems = []
    if twice := [stem for stem, count in counts.items() if count > 1]:
        problems.append(f"{len(twice)} names are of several files, first {twice[0]!r}; {format} needs each name once")
    if spaced := [stem for stem in counts if len(stem.split()) != 1]:
        problems.append(f"{len(spaced)} names have spaces, first {spaced[0]!r}; {format} takes none: rename the files")
    if problems:
        raise UserError("\n".join(problems))


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


def paths_for_plots(folder: Path, recordings: Sequence[Path]) -> dict[Path, Path]:
    """Recording -> its PNG, by its name; numbered where several recordings have the same."""
    taken: Counter[str] = Counter()
    plots = {}
    for path in recordings:
        taken[path.stem] += 1
        number = taken[path.stem]
        plots[path] = folder / (f"{path.stem}.png" if number == 1 else f"{path.stem}_{number}.png")
    return plots
