"""The configuration: what is there is right, and every mistake gives one sentence with file, key and remedy."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from rawm.config.reading import ConfigError
from rawm.study import KINDS, check_all, load_main, load_study
from rawm.study.schemas import make_schema

ROOT = Path(__file__).parents[2]

#: kind -> a file of it, a line to replace, what to write instead, what the sentence must say.
MISTAKES = {
    "unknown key in config.yaml": ("config.yaml", "device:", "devise:", ["devise", "did you mean 'device'?"]),
    "wrong value in config.yaml": ("config.yaml", "device: auto", "device: gpu", ["device", "'gpu'", "auto|cpu"]),
    "unknown key in a study": ("studies/synthetic.yaml", "seeds:", "seed:", ["seed", "did you mean 'seeds'?"]),
    "wrong value in a study": ("studies/synthetic.yaml", "epochs: 60", "epochs: many", ["training.epochs", "'many'"]),
    "zero epochs": (
        "studies/synthetic.yaml",
        "epochs: 60",
        "epochs: 0",
        ["training.epochs", "greater than or equal to 1"],
    ),
    "a seed twice": ("studies/synthetic.yaml", "seeds: [0]", "seeds: [1, 1]", ["seeds lists a value twice"]),
    "unknown method": ("studies/synthetic.yaml", "[finetune,", "[finetunne,", ["no such file", "mean 'finetune'?"]),
    "unknown stream": ("studies/synthetic.yaml", "stream: synthetic", "stream: sinthetic", ["mean 'synthetic'?"]),
    "unknown key in a stream": (
        "streams/synthetic.yaml",
        "corpora: [synthetic_buzz]",
        "corpera: [synthetic_buzz]",
        ["tasks.1.corpera", "mean 'corpora'?"],
    ),
    "unknown corpus": ("streams/synthetic.yaml", "[synthetic_buzz]", "[synthetic_bus]", ["mean 'synthetic_buzz'?"]),
    "unknown key in a corpus": ("corpora/synthetic_buzz.yaml", "pitch_hz", "pich_hz", ["pich_hz", "mean 'pitch_hz'?"]),
    "unknown loader": (
        "corpora/synthetic_buzz.yaml",
        "loader: synthetic",
        "loader: sinthetic",
        ["loader", "'sinthetic'"],
    ),
    "unknown key in a front-end": ("frontends/lfcc_stats.yaml", "hop_ms", "hop_mss", ["hop_mss", "mean 'hop_ms'?"]),
    "impossible front-end": ("frontends/lfcc_stats.yaml", "n_filters: 20", "n_filters: 10", ["at most n_filters (10)"]),
    "unknown key in a detector": ("detectors/mlp_small.yaml", "hidden", "hiden", ["hiden", "did you mean 'hidden'?"]),
    "unknown key in a method": ("methods/rawm.yaml", "energy:", "energi:", ["energi", "did you mean 'energy'?"]),
    "impossible value in a method": (
        "methods/rawm.yaml",
        "energy: ",
        "energy: 97  # ",
        ["energy", "97", "than or equal to 1"],
    ),
    "unknown algorithm": ("methods/owm.yaml", "algorithm: owm", "algorithm: own", ["algorithm", "did you mean 'owm'?"]),
    "unknown class": (
        "methods/rwm.yaml",
        "compact: [genuine]",
        "compact: [genuin]",
        ["compact", "'genuin'", "fake, genuine"],
    ),
    "unknown part of the detector": (
        "methods/freeze.yaml",
        'learn: ["hidden.0", "output"]',
        "learn: [hidden.0, projection]",
        ["methods/freeze.yaml: learn", "mlp_small of study synthetic has no part 'projection'; it has hidden, output"],
    ),
    "not YAML": ("methods/lwf.yaml", "lambda: ", "lambda: [", ["methods/lwf.yaml, line", "not valid YAML"]),
    "a key twice": ("methods/lwf.yaml", "lambda: ", "lambda: 2.0\nlambda: ", ["'lambda' is written twice"]),
}


@pytest.fixture
def copy(tmp_path, monkeypatch):
    """A working folder with a copy of config/, whose synthetic study has more methods."""
    shutil.copytree(ROOT / "config", tmp_path / "config")
    monkeypatch.chdir(tmp_path)
    replace("studies/synthetic.yaml", "joint, rawm]", "joint, rawm, owm, lwf, rwm, freeze]")
    return tmp_path


def replace(file, old, new):
    path = Path("config") / file
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_every_file_that_ships_is_right(copy):
    assert check_all() == []


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_gives_one_sentence(mistake, copy):
    file, old, new, said = MISTAKES[mistake]
    replace(file, old, new)
    with pytest.raises(ConfigError) as caught:
        if file == "config.yaml":
            load_main()
        load_study("synthetic")
    assert len(caught.value.problems) == 1
    for words in ["config/", *said]:
        assert words in caught.value.problems[0]


def test_all_mistakes_of_all_files_are_said_together(copy):
    replace("studies/synthetic.yaml", "epochs: 60", "epochs: -3")
    with pytest.raises(ConfigError) as alone:
        load_study("synthetic")
    assert len(alone.value.problems) == 1
    replace("studies/synthetic.yaml", "epochs: -3", "epochs: 60")
    replace("methods/rawm.yaml", "energy: ", "energy: 97\netta: 0.5 # ")
    replace("methods/owm.yaml", "statistics: samples", "statistics: sample")
    replace("corpora/synthetic_notch.yaml", "attack: notch", "attack: nodge")
    with pytest.raises(ConfigError) as caught:
        load_study("synthetic")
    assert len(caught.value.problems) == 4
    for file in ("methods/rawm.yaml: energy", "methods/rawm.yaml: etta", "owm.yaml: statistics", "notch.yaml: attack"):
        assert any(file in problem for problem in caught.value.problems)


def test_a_missing_corpus_root_is_said(copy):
    Path("config/corpora/mine.yaml").write_text("loader: table\nroot: ${HOME}/no/such/folder\ntable: list.csv\n")
    replace("streams/synthetic.yaml", "[synthetic_notch]", "[mine]")
    with pytest.raises(ConfigError, match=r"corpora/mine\.yaml: root: no folder .*no/such/folder"):
        load_study("synthetic")


def test_a_resampled_corpus_needs_the_file_of_the_other(copy):
    Path("config/corpora/narrow.yaml").write_text("loader: resampled\nof: synthetic_knotch\n")
    replace("streams/synthetic.yaml", "[synthetic_notch]", "[narrow]")
    with pytest.raises(ConfigError, match=r"^config/corpora/narrow\.yaml: of: no file .*synthetic_knotch\.yaml; name"):
        load_study("synthetic")
    replace("corpora/narrow.yaml", "knotch", "notch")
    assert load_study("synthetic").corpora["narrow"].of == "synthetic_notch"


@pytest.mark.parametrize(
    ("content", "lacks"),
    [
        ("loader: wavefake", "genuine"),
        ("loader: folder\ngenuine: []", "genuine"),
        ("loader: folder\nfake: []", "fake"),
    ],
)
def test_a_task_without_speech_of_a_class_is_refused_until_another_corpus_has_it(copy, content, lacks):
    Path("config/corpora/one_class.yaml").write_text(content + "\nroot: .\n")
    replace("streams/synthetic.yaml", "[synthetic_notch]", "[one_class]")
    with pytest.raises(ConfigError) as caught:
        load_study("synthetic")
    assert len(caught.value.problems) == 1
    assert f"one_class has no {lacks} speech, so there is no equal error rate; add a corpus" in str(caught.value)
    replace("streams/synthetic.yaml", "[one_class]", "[one_class, synthetic_notch]")
    assert load_study("synthetic").tasks


def test_methods_may_override_training(copy):
    Path("config/methods/plain.yaml").write_text("algorithm: finetune\n")
    Path("config/methods/own.yaml").write_text("algorithm: finetune\ntraining:\n  learning_rate: 0.0003\n")
    replace("studies/synthetic.yaml", "methods: [", "methods: [plain, own, ")
    replace("studies/synthetic.yaml", "epochs: 60", "epochs: 60\n  learning_rate: 0.002")
    study = load_study("synthetic")
    assert study.training("own").learning_rate == 0.0003
    assert study.training("plain").learning_rate == 0.002
    assert study.training("own").epochs == study.training("plain").epochs == 60


@pytest.mark.parametrize("kind", ["config", *KINDS])
def test_schemas_are_in_step_with_the_models(kind):
    written = json.loads((ROOT / "config" / "schemas" / f"{kind}.schema.json").read_text())
    assert written == make_schema(kind), "run `rawm schemas`"


@pytest.mark.parametrize("path", sorted((ROOT / "config").rglob("*.yaml")), ids=lambda path: path.stem)
def test_every_file_names_its_schema(path):
    kind = "config" if path.parent.name == "config" else path.parent.name
    first = path.read_text().splitlines()[0]
    assert first.startswith("# yaml-language-server: $schema=")
    assert (path.parent / first.split("=", 1)[1]).resolve() == ROOT / "config" / "schemas" / f"{kind}.schema.json"


def test_reading_the_configuration_loads_nothing_heavy():
    heavy = ("torch", "mlflow", "pandas", "scipy", "matplotlib")
    code = f"import sys, rawm.config, rawm.cli.verbs; print([name for name in {heavy} if name in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert found.strip() == "[]"
