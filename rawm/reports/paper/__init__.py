"""Printed numbers of papers beside ours: one table per file of config/published/, and an index.

Importing this is cheap: the workflow asks it which studies are needed.
"""

from pathlib import Path

from rawm import paths

#: What `make` and `draw` write of a label.
SUFFIXES = ("csv", "md", "tex")
DRAWN = ("svg", "png")


def make(label: str, output_dir: str | Path = paths.PAPER) -> None:
    """Write a printed table or figure with our numbers beside it; the same runs give the same bytes.

    Raises:
        UserError: a run that it needs is not finished, or a study's uncertainty is not estimated.
    """
    from rawm.reports.paper import sources, tables
    from rawm.reports.paper.compare import compare

    source = sources.choose(label)
    tables.write(source, compare(source), Path(output_dir) / label)


def draw(label: str, output_dir: str | Path = paths.PAPER) -> None:
    """Draw our numbers of a printed figure; raises UserError as `make`, and where the file asks for no drawing."""
    from rawm.reports.figures import save
    from rawm.reports.paper import figures, sources
    from rawm.reports.paper.compare import compare

    source = sources.choose(label)
    figure = figures.draw(source, compare(source))
    for suffix in DRAWN:
        save(figure, Path(output_dir) / f"{label}.{suffix}")


def make_index(output_dir: str | Path = paths.PAPER) -> None:
    """Write index.csv and index.md of all tables in a folder; raises UserError where one is missing."""
    from rawm.reports.paper import index

    index.write(Path(output_dir))
