"""Numbers printed in papers beside ours: one table per file of config/published/, and an index of all.

Importing this is cheap: the workflow asks it which studies are needed.
"""

from pathlib import Path

from rawm import paths

#: What `make` and `draw` write of a label.
SUFFIXES = ("csv", "md", "tex")
DRAWN = ("svg", "png")


def make(label: str, output_dir: str | Path = paths.PAPER) -> None:
    """Write a table or figure of config/published/, ours beside the printed numbers; the same bytes for the same runs.

    Raises:
        UserError: a run that it needs is not finished, or a study's uncertainty is not estimated.
    """
    from rawm.reports.paper import sources, tables
    from rawm.reports.paper.compare import compare

    source = sources.choose(label)
    tables.write(source, compare(source), Path(output_dir) / label)


def draw(label: str, output_dir: str | Path = paths.PAPER) -> None:
    """Draw our numbers of a file of config/published/ that has a drawing; raises UserError as `make`, and for none."""
    from rawm.reports.figures import save
    from rawm.reports.paper import figures, sources
    from rawm.reports.paper.compare import compare

    source = sources.choose(label)
    figure = figures.draw(source, compare(source))
    for suffix in DRAWN:
        save(figure, Path(output_dir) / f"{label}.{suffix}")


def make_index(output_dir: str | Path = paths.PAPER) -> None:
    """Write index.csv and index.md of what `make` wrote into a folder for every label; raises UserError for none."""
    from rawm.reports.paper import index

    index.write(Path(output_dir))
