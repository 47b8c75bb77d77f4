"""Values and code that each job of the workflow depends on, and the files that it reads.

A result is a function of settings, code and inputs. Settings are values as they are after loading, with defaults, and
without titles and notes where they are not shown; so a comment in a YAML file makes nothing stale, and a changed
default does. Code is a hash (`rawm.code_hash`). Every function returns text or paths: parameters and inputs of rules.
"""

import json
from collections.abc import Iterable, Sequence
from typing import Any

from pydantic import BaseModel

from rawm import paths
from rawm.code_hash import code_hash
from rawm.config.augmentation import AugmentationFile
from rawm.config.corpora import Corpus, ResampledCorpus, TableCorpus
from rawm.config.frontends import SSL, FrontendSettings
from rawm.config.published import PublishedFile
from rawm.config.reading import expand, find_file
from rawm.config.study import ModelChoice, Task
from rawm.study.augmentations import stored_name
from rawm.study.study import Study

#: Keys that only people read.
WORDS = frozenset({"title", "note", "description", "homepage", "licence", "download", "verified"})
EVALUATED = frozenset({"name", "corpora", "where", "share", "dev", "eval"})  # keys of a task that evaluation reads
SOUND = frozenset({"bad_audio", "max_seconds"})  # of a corpus: read when its features are computed


def corpus_settings(corpus: Corpus) -> str:
    """Values that a corpus and its manifest depend on."""
    return _text(corpus=_values(corpus, WORDS | {"max_seconds"}))


def corpus_code(corpus: Corpus) -> str:
    """Code that makes a corpus, or reads its protocol."""
    return code_hash("rawm.corpora:make", f"rawm.corpora:READERS|MAKERS[{corpus.loader}]")


def features_settings(frontend: Any, corpus: Corpus) -> str:
    """Values that the features of a corpus depend on."""
    return _text(frontend=_values(frontend), corpus=corpus.model_dump(mode="json", include={"root", *SOUND}))


def augmented_settings(frontend: Any, corpus: Corpus, recipe: AugmentationFile) -> str:
    """Values that the features of changed copies depend on."""
    return _text(features=features_settings(frontend, corpus), recipe=_values(recipe))


def augmented_code(frontend: Any, corpus: Corpus, recipe: AugmentationFile) -> str:
    """Code that makes the copies, and computes their features."""
    effects = sorted({f"rawm.augmentation:EFFECTS[{effect.type}]" for effect in recipe.effects})
    frontend_class = f"rawm.frontends:FRONTENDS[{frontend.type}]"
    return code_hash("rawm.augmentation.extract:extract_augmented", frontend_class, *effects)


def features_code(frontend: Any) -> str:
    """Code that computes features."""
    if frontend.type == "stored":
        return code_hash("rawm.features.sources:SOURCES[stored]")
    return code_hash("rawm.features.extract:extract", f"rawm.frontends:FRONTENDS[{frontend.type}]")


def training_settings(study: Study, method: str, number: int) -> str:
    """Values that training task 1, 2, ... of a method depends on.

    Args:
        study: with the tasks in the order of the run's seed.
    """
    task = study.task(number)
    augmentation = {} if study.augmentation is None else {"augmentation": _values(study.augmentation)}
    return _text(
        **augmentation,
        method=_values(study.methods[method], WORDS | {"training"}),
        training=_values(study.training(method)),
        detector=_values(study.detector),
        task=_values(task, {"corpora", "where", "share", "train", "dev"}, keep=True),
        classes=study.stream.classes,
    )


def training_code(study: Study, method: str, number: int) -> str:
    """Code of the loop, the method and the detector."""
    algorithm, detector = study.methods[method].algorithm, study.detector.type
    loop = "rawm.training.task:train_task"
    return code_hash(loop, f"rawm.methods:METHODS[{algorithm}]", f"rawm.detectors:DETECTORS[{detector}]")


def evaluation_settings(study: Study) -> str:
    """Values that the scores and metrics of a run depend on."""
    return _text(
        first=_values(study.task(1), {"train"}, keep=True),  # for the untrained detector
        tasks=[_values(task, EVALUATED, keep=True) for task in study.tasks],
        classes=study.stream.classes,
        detector=_values(study.detector),
        **_watched(study, EVALUATED - {"dev"}),
    )


def _watched(study: Study, names: Iterable[str]) -> dict[str, Any]:
    """Values of what a stream watches; nothing where it watches nothing."""
    return {"watch": [_values(task, names, keep=True) for task in study.stream.watch]} if study.stream.watch else {}


def evaluation_code(study: Study) -> str:
    """Code that scores utterances and computes metrics."""
    return code_hash("rawm.training.evaluation:evaluate_run", f"rawm.detectors:DETECTORS[{study.detector.type}]")


def uncertainty_settings(study: Study) -> str:
    """Values that intervals, paired differences and ranks depend on."""
    return _text(
        methods={label: method.algorithm for label, method in study.methods.items()},
        seeds=study.settings.seeds,
        task_order=study.settings.task_order,
        tasks=[_values(task, {"name", "corpora"}, keep=True) for task in study.tasks],
        classes=study.stream.classes,
    )


def report_settings(study: Study) -> str:
    """Values that tables and figures depend on: as `uncertainty_settings`, and the titles that they show."""
    return _text(
        study=study.settings.title,
        methods={label: study.title(label) for label in study.methods},
        tasks=[task.title for task in study.tasks],
        **_watched(study, {"name", "title"}),
        uncertainty=uncertainty_settings(study),
    )


def figure_settings(study: Study) -> str:
    """Values that figures depend on: as `report_settings`, and the subsets whose features are drawn."""
    tasks = [_values(task, {"where", "share", "train", "eval"}, keep=True) for task in study.tasks]
    return _text(report=report_settings(study), tasks=tasks)


def tracking_settings(study: Study) -> str:
    """All values of a study and of what it names: MLflow gets them, notes included."""
    augmentation = {} if study.augmentation is None else {"augmentation": _values(study.augmentation, set())}
    return _text(
        **augmentation,
        study=_values(study.settings, set()),
        stream=_values(study.stream, set()),
        frontend=_values(study.frontend, set()),
        detector=_values(study.detector, set()),
        methods={label: _values(method, set()) for label, method in study.methods.items()},
        corpora={label: _values(corpus, set()) for label, corpus in study.corpora.items()},
    )


def model_settings(study: Study, choice: ModelChoice) -> str:
    """Values that the choice of the exported detector and its bundle depend on, beside the runs themselves."""
    return _text(
        choice=_values(choice),
        methods=study.settings.methods,
        seeds=study.settings.seeds,
        licences={label: corpus.licence for label, corpus in study.corpora.items()},
    )


def published_settings(file: PublishedFile, studies: Iterable[Study]) -> str:
    """Values that a printed table with ours beside it depends on.

    Args:
        studies: those whose runs stand beside it.
    """
    return _text(published=_values(file, set()), studies={study.name: report_settings(study) for study in studies})


def corpus_inputs(corpus: Corpus) -> list[str]:
    """Files that a corpus is made from: a receipt of packages, the manifest of another corpus, or a table."""
    if corpus.loader == "open_speech":
        return [f"{paths.PACKAGES}/{corpus.name}.json"]
    if isinstance(corpus, ResampledCorpus):
        return [str(paths.manifest(corpus.of))]
    if corpus.loader == "features":
        return [f"{corpus.root}/table.parquet"]
    return [str(find_file(corpus.root, corpus.table))] if isinstance(corpus, TableCorpus) else []


def weight_files(frontend: FrontendSettings) -> list[str]:
    """Local files that the encoder of a neural front-end is read from."""
    if not isinstance(frontend, SSL) or not frontend.weights:
        return []
    path = expand(frontend.weights)
    if path.is_dir():
        return [str(file) for file in sorted(path.iterdir()) if file.suffix in (".json", ".safetensors", ".bin")]
    return [str(file) for file in (path, path.with_suffix(".json")) if file == path or file.is_file()]


def imported_features(frontend: Any, corpus: Corpus) -> list[str]:
    """The file from which features of an imported corpus are copied; those of others change with their manifest."""
    return [f"{corpus.root}/{frontend.features}.safetensors"] if corpus.loader == "features" else []


def feature_shards(label: str, frontend: Any, corpus: str, count: int) -> list[str]:
    """The parts of a corpus' features, where several jobs share the work; stored features are only copied."""
    if count == 1 or frontend.type == "stored":
        return []
    parts = [f"{number}of{count}" for number in range(1, count + 1)]
    return [str(paths.feature_shard(label, corpus, split, part)) for part in parts for split in paths.SPLITS]


def extraction_threads(frontend: Any) -> int:
    """Threads of an extraction; a fixed number, since features of neural front-ends depend on it in the last bit."""
    return 4 if frontend.type == "ssl" else 1


def task_features(study: Study, numbers: Iterable[int], splits: Sequence[str]) -> list[str]:
    """Feature files of some tasks (1, 2, ...), each once; with those of changed copies of their training data."""
    corpora, frontend = [corpus for number in numbers for corpus in study.task(number).corpora], study.settings.frontend
    files = [paths.features(frontend, corpus, split) for corpus in corpora for split in splits]
    if study.augmentation is not None and "train" in splits:
        name = stored_name(study.settings.augment or "", study.augmentation)
        files += [paths.augmented(frontend, corpus, name) for corpus in corpora]
    return list(dict.fromkeys(map(str, files)))


def training_inputs(study: Study, method: str, number: int) -> list[str]:
    """Manifests and features that training task 1, 2, ... reads: of all tasks up to it."""
    tasks = study.tasks[:number]
    return [*_manifests(study, tasks), *task_features(study, range(1, number + 1), ("train", "dev"))]


def evaluation_inputs(study: Study) -> list[str]:
    """Manifests and features that evaluation reads; the first task's training data are for the untrained detector."""
    every = range(1, len(study.tasks) + 1)
    features = [*task_features(study, every, ["dev", "eval"]), *task_features(study, [1], ["train"])]
    watched = [corpus for task in study.stream.watch for corpus in task.corpora]
    features += [str(paths.features(study.settings.frontend, corpus, "eval")) for corpus in watched]
    return list(dict.fromkeys([*_manifests(study, [*study.tasks, *study.stream.watch]), *features]))


def figure_inputs(study: Study) -> list[str]:
    """Features that figures show: training ones for subspaces, evaluation ones for embeddings."""
    every = range(1, len(study.tasks) + 1)
    return [*manifests(study), *task_features(study, every, ["train", "eval"])]


def manifests(study: Study) -> list[str]:
    """Manifests of all corpora of a study."""
    return _manifests(study, study.tasks)


def _manifests(study: Study, tasks: Iterable[Task]) -> list[str]:
    """Manifests of the corpora of some tasks; of all tasks where the classes are those that the corpora have."""
    if study.stream.classes is None:
        tasks = study.tasks
    return [str(paths.manifest(corpus)) for corpus in dict.fromkeys(name for task in tasks for name in task.corpora)]


def _values(model: BaseModel, names: Iterable[str] = WORDS, keep: bool = False) -> dict[str, Any]:
    """A model's values, defaults included, without those named; with `keep`, only those named."""
    if keep:
        return model.model_dump(mode="json", include=set(names))
    return model.model_dump(mode="json", exclude=set(names))


def _text(**values: Any) -> str:
    """JSON, with < escaped: the report puts it inside a script."""
    return json.dumps(values, sort_keys=True).replace("<", "\\u003c")
