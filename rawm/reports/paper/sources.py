"""Choose the studies beside a printed table: the paper's own where its corpora are on disk, else stand-ins."""

from dataclasses import dataclass
from pathlib import Path

from rawm import paths
from rawm.config.published import PublishedFile, Row
from rawm.config.reading import ConfigError
from rawm.runs.run import all_metrics
from rawm.study import jobs, labels, load_published, load_study, read_published
from rawm.study.published import stand_ins_of, studies_of


@dataclass(frozen=True)
class Source:
    """A printed table and where our numbers for it come from.

    Attributes:
        own: whether our study of the paper's protocol runs.
        absent: labels of the corpora and front-ends of our studies that are not on disk.
    """

    label: str
    file: PublishedFile
    own: bool
    absent: tuple[str, ...]

    def study(self, row: Row) -> str | None:
        """The study of a row; None where nothing can run."""
        return (row.study or self.file.study) if self.own else (row.stand_in or self.file.stand_in)

    def method(self, row: Row) -> str | None:
        """Label of the row's method in its study; None where there is none."""
        return row.ours if self.own else (row.ours_in_stand_in or row.ours)

    @property
    def studies(self) -> list[str]:
        """Every study that must be finished."""
        return studies_of(self.file) if self.own else stand_ins_of(self.file)

    @property
    def caption(self) -> str:
        """A sentence that says which data our numbers are from."""
        studies = [load_study(name, on_disk=False) for name in self.studies]
        titles = "; ".join(f"{study.settings.title} ({study.name})" for study in studies)
        if self.own:
            return f"Ours are of {titles}."
        where = "corpora that are not on this machine" if self.absent else "a protocol that no study has"
        return f"Printed numbers are of {where}; " + (f"ours are of {titles}." if titles else "nothing stands in.")


def inputs(source: Source) -> list[str]:
    """Metrics and uncertainty of the studies beside a printed table."""
    studies = [load_study(name) for name in source.studies]
    return [str(path) for study in studies for path in (*all_metrics(study), paths.intervals(study.name))]


def settings(source: Source) -> str:
    """Values that a printed table depends on, with those of the studies beside it."""
    return jobs.published_settings(source.file, [load_study(name) for name in source.studies])


def index_settings() -> list[str]:
    """Values that the index of all printed tables depends on."""
    return [jobs.published_settings(read_published(label), []) for label in labels("published")]


def drawn_labels() -> list[str]:
    """Labels of the printed tables that are drawn too."""
    return [label for label in labels("published") if read_published(label).drawing is not None]


def choose(label: str, folder: Path = paths.CONFIG) -> Source:
    """Read a file of config/published/ and look for the corpora of its studies; raises ConfigError."""
    file = load_published(label, folder)
    absent: list[str] = []
    for name in studies_of(file):
        try:
            load_study(name, folder)
        except ConfigError as error:
            absent += [Path(problem.split(":")[0]).stem for problem in error.problems]
    return Source(label, file, bool(studies_of(file)) and not absent, tuple(dict.fromkeys(absent)))
