"""
Configuration, wildcards and input functions.

Reads config/, all of it through `rawm.study`, so that every mistake is said before any job starts.
"""

import hashlib
import json
import os
from functools import lru_cache

from snakemake.exceptions import WorkflowError

import rawm.study
from rawm.config.reading import ConfigError
from rawm import paths
from rawm.reports import figures, tables
from rawm.corpora import module_of
from rawm.reports.paper import DRAWN, SUFFIXES, sources
from rawm.provenance import code_hash

FIGURES = figures.NAMES
TABLES = tables.FILES
PUBLISHED = rawm.study.labels("published")


@lru_cache
def load_study(name):
    """A study with everything it names; all its mistakes at once."""
    try:
        return rawm.study.load_study(name)
    except ConfigError as error:
        raise WorkflowError(f"The configuration has mistakes:\n{error}")


def load_main():
    """config/config.yaml with the changes of --config and --configfile."""
    try:
        return rawm.study.parse_main(config)
    except ConfigError as error:
        raise WorkflowError(f"The configuration has mistakes:\n{error}")


MAIN = load_main()
os.environ.update(RAWM_DEVICE=MAIN.device)  # read by `rawm`; no parameter, since another device makes nothing stale
STUDY = load_study(MAIN.study)
# A hash, since the URI of a server may hold a password.
TRACKING_STORE = hashlib.sha256((os.environ.get("MLFLOW_TRACKING_URI") or MAIN.tracking.uri).encode()).hexdigest()[:12]


wildcard_constraints:
    study="|".join(rawm.study.labels("studies")),
    method="|".join(rawm.study.labels("methods")),
    corpus="|".join(rawm.study.labels("corpora")),
    frontend="|".join(rawm.study.labels("frontends")),
    published="|".join(PUBLISHED),
    seed=r"\d+",
    shard=r"\d+of\d+",
    task=r"[1-9]\d*",


def load_corpus(wildcards):
    """The corpus file of a rule with the wildcard corpus."""
    try:
        return rawm.study.load_corpus(wildcards.corpus)
    except ConfigError as error:
        raise WorkflowError(str(error))


def corpus_code(wildcards):
    """Hash of the code that makes a corpus."""
    return code_hash(module_of(load_corpus(wildcards).loader), "rawm.manifest")


def corpus_sources(wildcards):
    """What a corpus is made from: its packages, or the table that lists it."""
    corpus = load_corpus(wildcards)
    if corpus.loader == "open_speech":
        return f"results/packages/{corpus.name}.json"
    if corpus.loader == "features":
        return f"{corpus.root}/table.parquet"
    return str(corpus.table_path) if corpus.loader == "table" else []


def imported_features(wildcards):
    """The file from which features of an imported corpus are copied; those of others change with their manifest."""
    corpus = load_corpus(wildcards)
    if corpus.loader != "features":
        return []
    return f"{corpus.root}/{load_frontend(wildcards).features}.safetensors"


def load_frontend(wildcards):
    """The front-end file of a rule with the wildcard frontend."""
    try:
        return rawm.study.load_frontend(wildcards.frontend)
    except ConfigError as error:
        raise WorkflowError(str(error))


def frontend_code(wildcards):
    """Hash of the code that computes features."""
    kind = load_frontend(wildcards).type
    return code_hash(
        *(["rawm.features.copy"] if kind == "stored" else [f"rawm.frontends.{kind}", "rawm.features.extract"])
    )


def frontend_weights(wildcards):
    """Local files that hold the weights of a neural front-end."""
    return getattr(load_frontend(wildcards), "weight_files", [])


def frontend_threads(wildcards):
    """Threads of an extraction; a fixed number, since features of neural front-ends depend on it in the last bit."""
    return 4 if load_frontend(wildcards).type == "ssl" else 1


def feature_shards(wildcards):
    """The parts of a corpus' features, where config/config.yaml asks for parts."""
    if MAIN.shards == 1 or load_frontend(wildcards).type == "stored":
        return []
    return [
        str(paths.feature_shard(wildcards.frontend, wildcards.corpus, split, f"{number}of{MAIN.shards}"))
        for number in range(1, MAIN.shards + 1)
        for split in paths.SPLITS
    ]


def joined_shards(wildcards):
    """The option that joins parts; none where there are none."""
    return f"--join {MAIN.shards}" if feature_shards(wildcards) else ""


def load_run(wildcards):
    """The study as the rule's run meets it: its tasks in the order of the seed."""
    return load_study(wildcards.study).ordered(int(wildcards.seed))


def task_features(study, numbers, splits):
    """Feature files of some tasks (1, 2, ...) of a study."""
    return list(
        dict.fromkeys(
            str(paths.features(study.settings.frontend, corpus, split))
            for number in numbers
            for corpus in study.task(number).corpora
            for split in splits
        )
    )


def seen_features(wildcards):
    """Training and development features of all tasks up to the rule's."""
    return task_features(load_run(wildcards), range(1, int(wildcards.task) + 1), ["train", "dev"])


def eval_features(wildcards):
    """Evaluation features of all tasks; the first task's others for the untrained detector and for a threshold."""
    study = load_run(wildcards)
    numbers = range(1, len(study.tasks) + 1)
    return [*task_features(study, numbers, ["eval"]), *task_features(study, [1], ["train", "dev"])]


def previous_task(name):
    """Input function: a file of the task before the rule's; nothing for the first."""

    def previous(wildcards):
        if wildcards.task == "1":
            return []
        return f"results/{wildcards.study}/runs/{wildcards.method}/seed{wildcards.seed}/task{int(wildcards.task) - 1}/{name}"

    return previous


def detector_file(wildcards):
    """The detector file of a study."""
    return f"config/detectors/{load_study(wildcards.study).settings.detector}.yaml"


def stream_file(wildcards):
    """The stream file of a study."""
    return f"config/streams/{load_study(wildcards.study).settings.stream}.yaml"


def frontend_file(wildcards):
    """The front-end file of a study."""
    return f"config/frontends/{load_study(wildcards.study).settings.frontend}.yaml"


def manifests(wildcards):
    """The manifests of all corpora of a study."""
    return [str(paths.manifest(corpus)) for corpus in load_study(wildcards.study).corpora]


def method_files(wildcards):
    """The method files of a study."""
    return [f"config/methods/{method}.yaml" for method in load_study(wildcards.study).methods]


def training_settings(wildcards):
    """What of the study and the stream a training job depends on, and nothing else of them."""
    study = load_run(wildcards)
    task = study.task(int(wildcards.task)).model_dump(exclude={"title", "eval"})
    training = study.training(wildcards.method).model_dump()
    return json.dumps({"training": training, "task": task, "classes": study.stream.classes}, sort_keys=True)


def training_code(wildcards):
    """Hash of the loop, the method and the detector that a training job runs."""
    study = load_study(wildcards.study)
    algorithm = study.methods[wildcards.method].algorithm
    return code_hash("rawm.training.loop", f"rawm.methods.{algorithm}", f"rawm.detectors.{study.detector.type}")


def eval_settings(wildcards):
    """What of the stream an evaluation depends on."""
    stream = load_run(wildcards).stream
    tasks = [task.model_dump(include={"name", "corpora", "where", "eval"}) for task in stream.tasks]
    return json.dumps({"tasks": tasks, "classes": stream.classes}, sort_keys=True)


def run_checkpoints(study, method, seed):
    """Detectors, memories and histories of one run."""
    names = ["detector.safetensors", "memory.safetensors", "history.jsonl"]
    numbers = range(1, len(load_study(study).tasks) + 1)
    return [str(paths.task(study, method, seed, number) / name) for number in numbers for name in names]


def checkpoints(wildcards):
    """Detectors, memories and histories of the rule's run."""
    return run_checkpoints(wildcards.study, wildcards.method, wildcards.seed)


def all_runs(study):
    """(method, seed) of every run of a study."""
    loaded = load_study(study)
    return [(method, seed) for method in loaded.methods for seed in loaded.settings.seeds]


def all_checkpoints(study):
    """Detectors, memories and histories of every run."""
    return [path for method, seed in all_runs(study) for path in run_checkpoints(study, method, seed)]


def all_metrics(study):
    """Metrics and scores of every run."""
    return [
        str(file(study, method, seed)) for method, seed in all_runs(study) for file in (paths.metrics, paths.scores)
    ]


def seed_count(wildcards):
    """How many seeds a study has, in words."""
    count = len(load_study(wildcards.study).settings.seeds)
    return "one seed" if count == 1 else f"{count} seeds"


def drawn_features(wildcards):
    """Features of all tasks: training ones, whose subspaces are compared, and those whose embeddings are shown."""
    study = load_study(wildcards.study)
    return task_features(study, range(1, len(study.tasks) + 1), ["train", "eval"])


@lru_cache
def published_source(published):
    """A printed table and the studies beside it."""
    try:
        return sources.choose(published)
    except ConfigError as error:
        raise WorkflowError(f"The configuration has mistakes:\n{error}")


def published_runs(wildcards):
    """Metrics and uncertainty of the studies beside a printed table, and the files that describe them."""
    studies = [load_study(study) for study in published_source(wildcards.published).studies]
    return [
        *(path for study in studies for path in all_metrics(study.name)),
        *(str(paths.intervals(study.name)) for study in studies),
        *(f"config/studies/{study.name}.yaml" for study in studies),
        *(f"config/streams/{study.settings.stream}.yaml" for study in studies),
    ]


def published_caption(wildcards):
    """What is drawn beside a printed figure, and where from."""
    source = published_source(wildcards.published)
    return f"{source.file.title} ({source.file.paper}). {source.caption}"


def published_drawings(wildcards):
    """The figures of the printed tables that ask for one."""
    drawn = [label for label in PUBLISHED if rawm.study.read_published(label).drawing]
    return expand("results/paper/{published}.{format}", published=drawn, format=DRAWN)
