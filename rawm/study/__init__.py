"""A study put together from the files of config/: its stream, methods, front-end, detector and corpora.

Importing it needs pydantic and PyYAML alone, which every environment with Snakemake has.
"""

from rawm.config.files import labels
from rawm.study.check_all import check_all
from rawm.study.checks import mismatch
from rawm.study.load import (
    KINDS,
    load_augmentation,
    load_corpus,
    load_file,
    load_frontend,
    load_main,
    load_method,
    load_stream,
    load_study,
    parse_main,
)
from rawm.study.published import load_published, read_published
from rawm.study.study import Study

__all__ = [
    "KINDS",
    "Study",
    "check_all",
    "labels",
    "load_augmentation",
    "load_corpus",
    "load_file",
    "load_frontend",
    "load_main",
    "load_method",
    "load_published",
    "load_stream",
    "load_study",
    "mismatch",
    "parse_main",
    "read_published",
]
