"""A changed value, or a changed default, makes those jobs stale that read it, and no others.

Every field of every model in rawm/config is changed, one after another, in a study that has it; then the parameters of
all jobs are compared with those before.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import BaseModel, ValidationError
from pydantic_core import PydanticUndefined

from rawm.config.corpora import Corpus, Counts, Division
from rawm.config.detectors import DetectorFile
from rawm.config.frontends import FrontendFile
from rawm.config.methods import MethodFile
from rawm.config.open_speech import Attack, Channel, OpenSpeechRecipe, Source
from rawm.config.published import Column, Drawing, PublishedFile, Row
from rawm.config.study import StudyFile, Subset, Task, Training, TrainingOverride
from rawm.study import Study, jobs, labels, load_corpus, load_frontend, load_method, load_study, read_published

ROOT = Path(__file__).parents[2]
CONFIG = ROOT / "config"
REPORTS = {"report", "figures", "tracking"}
#: Fields that make other jobs, by names of files or of tasks' folders, instead of other values of a job.
NAMES = {"StudyFile": {"stream", "frontend", "detector", "methods", "seeds"}, "CorpusBase": {"name", "loader"}}


def members(union):
    """Models of an annotated union."""
    return [part for part in get_args(get_args(union)[0] if get_args(union)[1:] else union)]


def parameters(study: Study) -> dict[str, str]:
    """Job -> its settings; corpora, features and tasks one by one."""
    values = {f"corpus {label}": jobs.corpus_settings(corpus) for label, corpus in study.corpora.items()}
    for label, corpus in study.corpora.items():
        values[f"features {label}"] = jobs.features_settings(study.frontend, corpus)
    for method in study.methods:
        for number in range(1, len(study.tasks) + 1):
            values[f"training {method} {number}"] = jobs.training_settings(study, method, number)
    return values | {
        "evaluation": jobs.evaluation_settings(study),
        "uncertainty": jobs.uncertainty_settings(study),
        "report": jobs.report_settings(study),
        "figures": jobs.figure_settings(study),
        "tracking": jobs.tracking_settings(study),
    }


def stale(before: Study, after: Study) -> set[str]:
    old, new = parameters(before), parameters(after)
    return {job for job in old if old[job] != new[job]}


def others(value: Any):
    """Values that may stand in the place of one, of its own type and of some others."""
    if isinstance(value, bool):
        yield not value
    elif isinstance(value, int | float):
        yield from (value + 1, value - 1, 2 * value, value / 2, value + 0.01, value * 0.9, 2, 4)
    elif isinstance(value, list | tuple):
        yield [*value, *value[:1]]
        yield list(value[1:])
        yield [2 * part if isinstance(part, int | float) else part for part in value]
        yield [part + 1 if isinstance(part, int) else part for part in value]
        yield from ([*value, 7], [*value, "x"], [1, 2], ["x"])
    elif isinstance(value, dict):
        yield {"genuine": [0, 0.5]}
        yield from ({}, {"train": {"genuine": 7}}, {"attack": ["A01"]}, {"genuine": "genuine"}, {"eval": "other.txt"})
        yield {"x": "y"}
    yield from (1, 2, 0.5, 20, 1000, 16000, -40.0, 0.1, True, "x", "other", ["eval"], ["x"], [1.0])
    yield from ({"genuine": 3}, {"train": 0.5, "eval": 0.5}, [0.1, 0.2], "other-voice==2.0")


def choices(annotation: Any):
    """The words of every Literal inside a type."""
    for part in get_args(annotation):
        if isinstance(part, str | int):
            yield part
        else:
            yield from choices(part)


def changed(model: BaseModel, name: str) -> BaseModel:
    """The model with another valid value of one field."""
    values = model.model_dump(by_alias=True)
    key = type(model).model_fields[name].alias or name
    for other in (*choices(type(model).model_fields[name].annotation), *others(getattr(model, name))):
        try:
            candidate = type(model).model_validate(values | {key: other})
        except ValidationError:
            continue
        if getattr(candidate, name) != getattr(model, name):
            return candidate
    raise AssertionError(f"no other value of {type(model).__name__}.{name} is known to this test; add one to others()")


def fields(model_class, *left_out):
    return [name for name in model_class.model_fields if name not in left_out]


@pytest.fixture
def study(monkeypatch):
    monkeypatch.chdir(ROOT)
    loaded = load_study("synthetic")
    return replace(loaded, methods={"rawm": loaded.methods["rawm"], "finetune": loaded.methods["finetune"]})


def of_all_tasks(study, *methods):
    return {f"training {method} {number}" for method in methods for number in range(1, len(study.tasks) + 1)}


def a_method(algorithm):
    for label in labels("methods", CONFIG):
        method = load_method(label, CONFIG)
        if method.algorithm == algorithm:
            return method
    raise AssertionError(f"no file of config/methods/ has {algorithm}")


@pytest.mark.parametrize("model", members(MethodFile), ids=lambda model: model.__name__)
def test_values_of_methods(study, model):
    method = a_method(get_args(model.model_fields["algorithm"].annotation)[0])
    before = replace(study, methods={"mine": method, "finetune": study.methods["finetune"]})
    expected = {"title": {"report", "figures", "tracking"}, "note": {"tracking"}}
    for name in fields(model, "algorithm", "training"):
        after = replace(before, methods=before.methods | {"mine": changed(method, name)})
        assert stale(before, after) == expected.get(name, of_all_tasks(before, "mine") | {"tracking"}), name


@pytest.mark.parametrize("name", fields(TrainingOverride))
def test_training_values_of_methods(study, name):
    method = study.methods["rawm"]
    other = method.training.model_copy(update={name: getattr(changed(study.training("rawm"), name), name)})
    after = replace(study, methods=study.methods | {"rawm": method.model_copy(update={"training": other})})
    assert stale(study, after) == of_all_tasks(study, "rawm") | {"tracking"}


@pytest.mark.parametrize("name", fields(Training))
def test_training_values_of_studies(study, name):
    other = changed(study.settings.training, name)
    after = replace(study, settings=study.settings.model_copy(update={"training": other}))
    follow = [label for label, method in study.methods.items() if getattr(method.training, name) is None]
    assert stale(study, after) == of_all_tasks(study, *follow) | {"tracking"}


@pytest.mark.parametrize("model", members(DetectorFile), ids=lambda model: model.__name__)
def test_values_of_detectors(study, model):
    kind = get_args(model.model_fields["type"].annotation)[0]
    before = replace(study, detector=model(type=kind))
    for name in fields(model, "type"):
        after = replace(before, detector=changed(before.detector, name))
        assert stale(before, after) == of_all_tasks(study, "rawm", "finetune") | {"evaluation", "tracking"}, name


@pytest.mark.parametrize("model", members(FrontendFile), ids=lambda model: model.__name__)
def test_values_of_front_ends(study, model):
    required = {"ssl": {"model": "xlsr_300m"}, "stored": {"features": "pixels"}}
    kind = get_args(model.model_fields["type"].annotation)[0]
    before = replace(study, frontend=model(type=kind, **required.get(kind, {})))
    for name in fields(model, "type"):
        after = replace(before, frontend=changed(before.frontend, name))
        assert stale(before, after) == {f"features {label}" for label in study.corpora} | {"tracking"}, name


WORDS = {"title", "homepage", "licence", "download", "verified"}


@pytest.mark.parametrize("model", get_args(Corpus), ids=lambda model: model.__name__)
def test_values_of_corpora(study, model):
    loader = get_args(model.model_fields["loader"].annotation)[0]
    required = {"table": {"table": "list.csv"}, "evda_list": {"lists": {"eval": "list.txt"}}, "digits": {"amount": 0.5}}
    required |= {
        "antideepfake": {"table": "list.csv"},
        "arena_parquet": {"parquet": "folder"},
        "resampled": {"of": "x"},
    }
    required["open_speech"] = {"recipe": load_corpus("open_en_tts", CONFIG).recipe}
    corpus = model(name="mine", loader=loader, **required.get(loader, {}))
    first = next(iter(study.corpora))
    before = replace(study, corpora=study.corpora | {first: corpus})
    expected = {
        **{word: {"tracking"} for word in WORDS},
        "max_seconds": {f"features {first}", "tracking"},
        "bad_audio": {f"corpus {first}", f"features {first}", "tracking"},
        "root": {f"corpus {first}", f"features {first}", "tracking"},
    }
    versions = {"version"} if model.__name__ == "OfficialCorpus" else set()  # one of its loader's, below
    for name in fields(model, "name", "loader", "recipe", *versions):
        after = replace(before, corpora=before.corpora | {first: changed(corpus, name)})
        assert stale(before, after) == expected.get(name, {f"corpus {first}", "tracking"}), name


def test_a_version_of_a_corpus(study):
    first = next(iter(study.corpora))
    corpus = load_corpus("asvspoof2021_df", CONFIG)
    before = replace(study, corpora=study.corpora | {first: corpus})
    after = replace(before, corpora=before.corpora | {first: corpus.model_copy(update={"version": "progress"})})
    assert stale(before, after) == {f"corpus {first}", "tracking"}


def an_attack(model):
    voices = {"voices": ["slt"]} if "voices" in model.model_fields else {}
    return model(type=get_args(model.model_fields["type"].annotation)[0], name="a", **voices)


RECIPE = [
    (Source(package="p", files="f", suffix=".wav", speaker="s"), lambda part: {"sources": [part]}),
    (Channel(), lambda part: {"channel": part}),
    *((an_attack(model), lambda part: {"attacks": [part]}) for model in members(Attack)),
]


@pytest.mark.parametrize("part, put", RECIPE, ids=lambda value: type(value).__name__)
def test_values_of_recipes(study, part, put):
    corpus = load_corpus("open_en_tts", CONFIG)
    first = next(iter(study.corpora))

    def with_part(value):
        recipe = corpus.recipe.model_copy(update=put(value))
        return replace(study, corpora=study.corpora | {first: corpus.model_copy(update={"recipe": recipe})})

    for name in fields(type(part), "type"):
        assert stale(with_part(part), with_part(changed(part, name))) == {f"corpus {first}", "tracking"}, name
    for name in fields(OpenSpeechRecipe, "sources", "attacks", "channel"):
        other = corpus.model_copy(update={"recipe": changed(corpus.recipe, name)})
        before = replace(study, corpora=study.corpora | {first: corpus})
        assert stale(before, replace(study, corpora=study.corpora | {first: other})) == {f"corpus {first}", "tracking"}


def test_divisions_and_counts_of_corpora(study):
    first = next(iter(study.corpora))
    division, counts = Division(train=0.6, dev=0.2, eval=0.2), Counts(genuine=5)
    corpus = load_corpus("in_the_wild", CONFIG).model_copy(update={"splits": division, "expected": {"eval": counts}})
    before = replace(study, corpora=study.corpora | {first: corpus})
    shares = {"train", "dev", "eval"}  # they add up to 1
    variants = [{"splits": changed(division, name)} for name in fields(Division, *shares)]
    variants += [{"splits": Division(train=0.5, dev=0.3, eval=0.2)}]
    variants += [{"expected": {"eval": changed(counts, name)}} for name in fields(Counts)]
    for values in variants:
        after = replace(before, corpora=before.corpora | {first: corpus.model_copy(update=values)})
        assert stale(before, after) == {f"corpus {first}", "tracking"}, values


def test_values_of_studies(study):
    settings = study.settings
    expected = {
        "title": REPORTS,
        "description": {"tracking"},
        "task_order": {"uncertainty", *REPORTS},  # and the tasks of each run, which come in that order
        "equal_training": of_all_tasks(study, "rawm", "finetune") | {"tracking"},
        "augment": {"tracking"},  # a label; the recipe's values count
    }
    for name in fields(StudyFile, "training", *NAMES["StudyFile"]):
        assert stale(study, replace(study, settings=changed(settings, name))) == expected[name], name
    seeds = replace(study, settings=settings.model_copy(update={"seeds": [0, 1]}))
    assert stale(study, seeds) == {"uncertainty", *REPORTS}


def test_values_of_streams(study):
    stream = study.stream
    title = replace(study, stream=stream.model_copy(update={"title": "Another"}))
    assert stale(study, title) == {"tracking"}
    classes = replace(study, stream=stream.model_copy(update={"classes": ["a", "b"]}))
    everything = of_all_tasks(study, "rawm", "finetune") | {"evaluation", "uncertainty", *REPORTS}
    assert stale(study, classes) == everything
    watched = replace(
        study, stream=stream.model_copy(update={"watch": [Task(name="other", corpora=["synthetic_buzz"])]})
    )
    assert stale(study, watched) == {"evaluation", *REPORTS}


def test_keys_that_a_stream_does_not_have_are_not_in_its_settings(study):
    """So that results from before there were such keys stay."""
    values = " ".join(parameters(study).values())
    assert "share" not in values and "watch" not in values


@pytest.mark.parametrize("number", [1, 2])
def test_values_of_tasks(study, number):
    trained = {f"training {method} {number}" for method in ("rawm", "finetune")}
    scored = {"evaluation", "figures", "tracking"}
    first = {"evaluation"} if number == 1 else set()  # for the untrained detector
    expected = {
        "name": {"evaluation", "uncertainty", *REPORTS},
        "title": REPORTS,
        "corpora": trained | {"evaluation", "uncertainty", *REPORTS},
        "where": trained | scored,
        "share": trained | scored,
        "train": trained | first | {"figures", "tracking"},
        "dev": trained | {"evaluation", "tracking"},
        "eval": scored,
    }
    assert expected.keys() == Task.model_fields.keys()
    task = study.task(number)
    for name, jobs_of_field in expected.items():
        other = (
            task.model_copy(update={name: Subset(per_class=3)})
            if name in ("train", "dev", "eval")
            else changed(task, name)
        )
        tasks = [other if each is task else each for each in study.tasks]
        after = replace(study, stream=study.stream.model_copy(update={"tasks": tasks}))
        assert stale(study, after) == jobs_of_field, name


@pytest.mark.parametrize("name", fields(Subset))
def test_values_of_subsets(study, name):
    def with_subset(subset):
        tasks = [study.task(1).model_copy(update={"train": subset}), *study.tasks[1:]]
        return replace(study, stream=study.stream.model_copy(update={"tasks": tasks}))

    before, after = with_subset(Subset()), with_subset(changed(Subset(), name))
    trained = {f"training {method} 1" for method in ("rawm", "finetune")}
    assert stale(before, after) == trained | {"evaluation", "figures", "tracking"}


@pytest.mark.filterwarnings("ignore:Pydantic serializer warnings")
def test_values_of_printed_tables():
    """All of them: a table shows titles, and its verdicts follow the rest."""
    file = next(
        file for file in (read_published(label, CONFIG) for label in labels("published", CONFIG)) if file.drawing
    )

    def differ(other):
        return jobs.published_settings(file, []) != jobs.published_settings(other, [])

    for name in fields(PublishedFile, "columns", "rows", "drawing"):
        assert differ(file.model_copy(update={name: "other"})), name
    parts = (("columns", Column, file.columns[0]), ("rows", Row, file.rows[0]))
    for key, model, part in parts:
        for name in fields(model):
            update = {key: [part.model_copy(update={name: "other"}), *getattr(file, key)[1:]]}
            assert differ(file.model_copy(update=update)), name
    for name in fields(Drawing):
        assert differ(file.model_copy(update={"drawing": file.drawing.model_copy(update={name: "other"})})), name


def defaults():
    """(model, field) of every default in the models of methods, detectors, front-ends, training and recipes."""
    models = [*members(MethodFile), *members(DetectorFile), *members(FrontendFile), Training, Channel, Subset]
    for model in dict.fromkeys(models):
        for name, field in model.model_fields.items():
            if field.default is not PydanticUndefined and name not in ("training", "title", "note"):
                yield model, name


@pytest.mark.parametrize("model, name", defaults(), ids=lambda value: getattr(value, "__name__", value))
def test_a_changed_default_is_a_changed_value(model, name):
    """What a file leaves out is in the settings with its default, so that another default gives other settings."""
    required = {key: get_args(field.annotation)[0] for key, field in model.model_fields.items() if field.is_required()}
    required = {key: "x" if key == "features" else value for key, value in required.items()}
    settings = model(**required)
    written = jobs._values(settings)
    assert written[name] == settings.model_dump(mode="json")[name]
    assert jobs._values(changed(settings, name))[name] != written[name]


def test_front_ends_of_files_have_their_values_in_the_settings(monkeypatch):
    monkeypatch.chdir(ROOT)
    frontend, corpus = load_frontend("lfcc_stats"), load_corpus("synthetic_buzz")
    assert '"window": "hamming"' in jobs.features_settings(frontend, corpus)
