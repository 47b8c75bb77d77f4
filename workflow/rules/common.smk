"""
Configuration, wildcards and input functions.

Everything about studies is in `rawm.study` (which values, code and files a job depends on: `rawm.study.jobs`); here it
meets Snakemake's wildcards. Every mistake of the configuration stops the workflow before any job starts.
"""

import hashlib
import os
import re
import sys
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from snakemake.exceptions import WorkflowError

if find_spec("rawm") is None:  # a clone, read by a Snakemake in another environment than the jobs'
    sys.path.insert(0, str(Path(workflow.current_basedir).parents[1]))

from rawm import paths
from rawm.code_hash import code_hash
from rawm.config.reading import ConfigError
from rawm.detection.bundle import FILES as MODEL_FILES
from rawm.files import end_future
from rawm.provenance import package_source
from rawm.reports import figures, tables
from rawm.reports.paper import DRAWN, SUFFIXES, sources
from rawm.runs import run as runs
from rawm.study import jobs, labels, load_augmentation, load_corpus, load_frontend, load_main, load_study, parse_main

FIGURES = figures.NAMES
TABLES = tables.FILES


def loader(load):
    """A function that loads each file once, and whose mistakes stop the workflow."""

    @cache
    def load_once(name):
        try:
            return load(name)
        except ConfigError as error:
            raise WorkflowError(f"The configuration has mistakes:\n{error}")

    return load_once


def read_main(path):
    """The configuration as Snakemake has it, after the file was checked: Snakemake takes the last of two equal keys."""
    load_main()
    return parse_main(config)


get_labels = loader(labels)
PUBLISHED = get_labels("published")
get_corpus, get_frontend, get_study = loader(load_corpus), loader(load_frontend), loader(load_study)
get_augmentation = loader(load_augmentation)
get_published = loader(sources.choose)  # a printed table and the studies beside it
MAIN = loader(read_main)("config/config.yaml")
os.environ.update(RAWM_DEVICE=MAIN.device)  # read by `rawm`; no parameter, since another device makes nothing stale
os.environ.update(RAWM_SOURCE=package_source())  # read by ../envs/rawm.post-deploy.sh
STUDY = get_study(MAIN.study)
# A hash, since the URI of a server may hold a password.
TRACKING_STORE = hashlib.sha256((os.environ.get("MLFLOW_TRACKING_URI") or MAIN.tracking.uri).encode()).hexdigest()[:12]


def one_of(kind):
    """A regular expression that matches the labels of a kind of files, and nothing else."""
    return "|".join(map(re.escape, get_labels(kind)))


wildcard_constraints:
    augmentation=r"[A-Za-z0-9_.-]+-[0-9a-f]{8}",
    study=one_of("studies"),
    method=one_of("methods"),
    corpus=one_of("corpora"),
    frontend=one_of("frontends"),
    published=one_of("published"),
    seed=r"\d+",
    shard=r"\d+of\d+",
    task=r"[1-9]\d*",


def of_corpus(function):
    """A function of a corpus as one of wildcards."""
    return lambda wildcards: function(get_corpus(wildcards.corpus))


def package_versions(corpus):
    """Packages of an open-speech corpus with their versions; their modules are loaded for these corpora alone."""
    from rawm.corpora.made.open_speech.packages import versions

    return versions(corpus.recipe)


def of_frontend(function):
    """A function of a front-end as one of wildcards."""
    return lambda wildcards: function(get_frontend(wildcards.frontend))


def of_features(function):
    """A function of a front-end and a corpus as one of wildcards."""
    return lambda wildcards: function(get_frontend(wildcards.frontend), get_corpus(wildcards.corpus))


def augmentation_label(name):
    """The label in the name of a recipe, e.g. mixed of mixed-1f0c77a2; the number is a hash of its values."""
    return name.rpartition("-")[0]


def of_augmented(function):
    """A function of a front-end, a corpus and an augmentation as one of wildcards."""

    def of_wildcards(wildcards):
        recipe = get_augmentation(augmentation_label(wildcards.augmentation))
        return function(get_frontend(wildcards.frontend), get_corpus(wildcards.corpus), recipe)

    return of_wildcards


def of_study(function):
    """A function of a study as one of wildcards; where they name a seed, the tasks are in its order."""

    def of_wildcards(wildcards):
        study = get_study(wildcards.study)
        return function(study.ordered(int(wildcards.seed)) if "seed" in wildcards.keys() else study)

    return of_wildcards


def of_task(function):
    """A function of a study, a method and a task as one of wildcards."""
    return lambda wildcards: of_study(lambda study: function(study, wildcards.method, int(wildcards.task)))(wildcards)


def of_published(function):
    """A function of a printed table with the studies beside it as one of wildcards."""
    return lambda wildcards: function(get_published(wildcards.published))


def feature_shards(wildcards):
    """The parts of a corpus' features, where config/config.yaml asks for parts."""
    return jobs.feature_shards(wildcards.frontend, get_frontend(wildcards.frontend), wildcards.corpus, MAIN.shards)


def run_checkpoints(wildcards):
    """Detectors, memories and histories of the rule's run."""
    run = runs.Run(get_study(wildcards.study), wildcards.method, int(wildcards.seed))
    return [str(path) for path in run.checkpoints]


def previous_task(name):
    """Input function: a file of the task before the rule's; nothing for the first."""

    def previous(wildcards):
        if wildcards.task == "1":
            return []
        return f"results/{wildcards.study}/runs/{wildcards.method}/seed{wildcards.seed}/task{int(wildcards.task) - 1}/{name}"

    return previous


def model_files(study):
    """Files of the study's model; none where its detectors cannot score recordings."""
    usable = study.detects_fakes and study.frontend.type != "stored"
    return [f"results/{study.name}/model/{name}" for name in MODEL_FILES] if usable else []


def model_options(wildcards):
    """What config/config.yaml says of the model's run, word by word."""
    chosen = MAIN.model.model_dump(exclude_none=True)
    return [f"--{key}={value}" for key, value in chosen.items()]
