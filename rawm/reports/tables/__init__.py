"""Tables of a study from the metrics of its finished runs: CSV, Markdown, LaTeX (booktabs) and HTML.

Numbers are mean ± sample standard deviation over seeds, error rates and accuracies in percent, differences in
percentage points. Intervals, and which methods cannot be told apart, are those of `rawm.runs.uncertainty`.
"""

from pathlib import Path

from rawm.study import Study

#: The tables of a study, and the files that `make` writes of them.
NAMES = ("comparison", "pairs", "matrix", "classes", "calibration", "runs")
FILES = tuple(f"{name}.{suffix}" for name in NAMES for suffix in ("csv", "md", "tex", "html"))


def make(study: Study, output_dir: str | Path) -> None:
    """Write all tables (`FILES`) of a study; the same bytes for the same runs.

    Raises:
        UserError: a run of the study is not finished, or its uncertainty is not estimated.
    """
    from rawm.reports.tables.study import make as make_all

    make_all(study, output_dir)
