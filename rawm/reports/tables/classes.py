"""Table of classes: how many utterances of each class are recognised at the end, and what the others are taken for."""

from typing import Any

import numpy as np

from rawm.reports.tables.formats import Cell, Table
from rawm.runs.results import Results, confusions, spread, spread_sentence


def classes(results: Results) -> Table:
    """Accuracy of each class after the last task, a column for each method; bold = the best of a class."""
    study = results.study
    if study.detects_fakes:
        return Table(["Class"], ["Class"], [], 1, f"{study.settings.title}: fake and genuine speech have error rates.")
    last = {
        method: np.stack([confusions(results.runs[method, seed], study.classes)[-1] for seed in results.seeds])
        for method in results.methods
    }
    rows = []
    for index, name in enumerate(study.classes):
        counts = [values[:, index] for values in last.values()]
        if not (total := int(counts[0][0].sum())):
            continue  # no utterance to evaluate
        spreads = [spread(100 * values[:, index] / values.sum(1)) for values in counts]
        best = max(round(value.mean, 1) for value in spreads if value.mean is not None)
        cells = [Cell(_shown(value.mean, value.std), round(value.mean or 0.0, 1) == best) for value in spreads]
        rows.append([Cell(name), Cell(str(total)), *cells])
    titles = [results.titles[method] for method in results.methods]
    note = (
        f"{study.settings.title}: share of each class's evaluation utterances that are recognised (%) after the last "
        f"task, {spread_sentence(results)}; higher is better. The CSV file has the confusions: how many utterances of "
        "a class (label) were taken for which (predicted), after each task."
    )
    return Table(["Class", "Utterances", *titles], ["Class", "n", *titles], rows, 1, note)


def _shown(mean: float | None, std: float | None) -> str:
    return f"{mean:.1f}" if std is None else f"{mean:.1f} ± {std:.1f}"


def classes_csv_rows(results: Results) -> list[dict[str, Any]]:
    """Long form: how many utterances of a class (label) were taken for which (predicted) after each task; no zeros."""
    names = () if results.study.detects_fakes else results.study.classes
    return [
        {"method": method, "seed": seed, "after": after, "label": names[true], "predicted": names[guess]}
        | {"utterances": int(count)}
        for (method, seed), run in (results.runs.items() if names else ())
        for (after, true, guess), count in np.ndenumerate(confusions(run, names))
        if count
    ]
