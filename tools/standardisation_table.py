"""Fill the table of standardisations in docs/results.md: `python tools/standardisation_table.py`.

Sources: the finished studies `STUDIES`, one for each way to standardise the input. Where a run is missing, the page
keeps its numbers. A method that a study leaves out diverges there.
"""

from pathlib import Path
from statistics import mean, stdev

import torch
from marks import replaced

from rawm.detectors.scoring import measured
from rawm.runs.run import Run, runs_of
from rawm.study import Study, load_study
from rawm.tasks.loading import load_split

RESULTS = Path(__file__).parents[1] / "docs" / "results.md"
#: Title -> study of each way; the methods are those of the first.
STUDIES = {
    "8 kHz to 16 kHz, EER": "open_speech_bandwidth",
    "permuted digits, accuracy": "digits_permuted",
}
WAYS = {"frozen": "_frozen", "floored": "_floored", "clipped": "", "per task": "_per_task"}
HEAD = (
    f"| stream | method | {' | '.join(WAYS)} | {' | '.join(WAYS)} |\n|---|---|{'--:|' * 2 * len(WAYS)}\n"
    f"| | | {'development | ' * len(WAYS)}{' | '.join(['evaluation'] * len(WAYS))} |\n"
)


def development(run: Run) -> float:
    """Average incremental EER or accuracy on the development data of the tasks learned so far, in %."""
    parts = {number: load_split(run.study, number, "dev", run.seed) for number in run.numbers}
    averages = []
    for after in run.numbers:
        detector = run.detector(after)
        values = [measured(detector, parts[k], torch.device("cpu"), run.study.measure) for k in range(1, after + 1)]
        averages.append(mean(value for value in values if value is not None))
    return mean(averages)


def cell(values: list[float]) -> str:
    """Mean and standard deviation over the seeds."""
    return f"{mean(values):.1f} ± {stdev(values):.1f}" if values else "diverges"


def line(title: str, method: str, studies: list[Study]) -> str:
    """The row of a method: every way on development data, then every way on evaluation data."""
    runs = [[run for run in runs_of(study) if run.method == method] for study in studies]
    average = studies[0].measure.average
    cells = [cell([development(run) for run in of_way]) for of_way in runs]
    cells += [cell([run.metrics[average] for run in of_way]) for of_way in runs]
    return f"| {title} | {' | '.join([studies[-2].title(method), *cells])} |\n"


def filled(page: str) -> str:
    """docs/results.md with a new table; unchanged where a run is not finished."""
    lines = []
    for title, name in STUDIES.items():
        studies = [load_study(name + suffix, on_disk=False) for suffix in WAYS.values()]
        if not all(run.is_finished for study in studies for run in runs_of(study)):
            return page
        lines += [line(title, method, studies) for method in load_study(name, on_disk=False).methods]
    return replaced(page, "standardisation", HEAD + "".join(lines))


if __name__ == "__main__":
    torch.set_num_threads(1)
    RESULTS.write_text(filled(RESULTS.read_text(encoding="utf-8")), encoding="utf-8")
