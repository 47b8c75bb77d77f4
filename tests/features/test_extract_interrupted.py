"""Extraction that is killed half-way, and a large corpus with one bad file, as commands of their own process."""

import os
import re
import shutil
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile

from rawm import manifest, paths
from rawm.features.sources import make_features
from rawm.features.store import FeatureStore
from rawm.study import load_corpus, load_frontend

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
ENVIRONMENT = os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
SHARDS = 2


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A working directory with the repository's configuration."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(ROOT / "config", "config")
    return tmp_path


def make_corpus(files, suffix, bad_audio="stop", seconds=1.0):
    """Noises as the corpus `mine`, with its manifest: so many in train, one in dev and in eval; seven differ."""
    Path("audio").mkdir()
    rng = np.random.default_rng(0)
    for number in range(7):  # which does not divide a shard, so that no two shards are equal
        soundfile.write(f"audio/{number}.{suffix}", rng.normal(0, 0.1, int(16000 * seconds)), 16000)
    rows = []
    for number in range(files + 2):
        path = Path(f"audio/u{number:04d}.{suffix}")
        os.link(f"audio/{number % 7}.{suffix}", path)
        split = {files: "dev", files + 1: "eval"}.get(number, "train")
        row = {"utterance_id": path.stem, "path": path.name, "group": path.stem, "label": "fake", "split": split}
        rows.append(dict.fromkeys(manifest.COLUMNS, "-") | row | {"duration_s": seconds})
    Path("audio/t.csv").write_text("utterance_id,path,label\n")
    Path("config/corpora/mine.yaml").write_text(f"loader: table\nroot: audio\ntable: t.csv\nbad_audio: {bad_audio}\n")
    manifest.write(rows, paths.manifest("mine"))


def extract_here(frontend):
    """The features of all splits, extracted without interruption in this process, as bytes."""
    settings, corpus = load_frontend(frontend), load_corpus("mine")
    for split in paths.SPLITS:
        make_features(corpus, settings, split, paths.manifest("mine"), f"whole/{split}.safetensors")
    return [Path(f"whole/{split}.safetensors").read_bytes() for split in paths.SPLITS]


def snakemake(*options):
    """Start Snakemake on the features of `mine` in shards, one job at a time; its output goes to snakemake.log."""
    command = ["snakemake", "--snakefile", str(ROOT / "workflow/Snakefile"), "--cores", "1"]
    target = str(paths.features("lfcc", "mine", "train"))
    with open("snakemake.log", "w") as log:
        return subprocess.Popen(
            [*command, "--config", f"shards={SHARDS}", "--", target], env=ENVIRONMENT, stdout=log, stderr=log
        )


def here():
    """(process id, words of its command line) of every process that works in this folder."""
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if (folder / "cwd").resolve() == Path.cwd():
                yield int(folder.name), (folder / "cmdline").read_bytes().split(b"\0")
        except OSError:  # it has ended
            continue


def spooled(process):
    """Bytes of features that a process holds in its unnamed temporary file."""
    sizes = [0]
    for file in Path(f"/proc/{process}/fd").glob("*"):
        try:
            found = file.stat()
        except OSError:
            continue
        if stat.S_ISREG(found.st_mode) and found.st_nlink == 0:
            sizes.append(found.st_size)
    return max(sizes)


def kill_half_way(run, shard, half):
    """Kill the process that computes a shard, be it a fork of the job server, when it holds more than `half` bytes."""
    while run.poll() is None:
        processes = dict(here())
        if any(b"extract" in words and shard.encode() in words for words in processes.values()):
            for process in processes:
                if spooled(process) > half:
                    os.kill(process, signal.SIGKILL)
                    return
        time.sleep(0.002)


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_a_killed_extraction_loses_one_shard_and_goes_on_to_the_same_bytes(folder, one_thread):
    make_corpus(600, "wav")  # two windows of 300 s, one for each shard
    expected = extract_here("lfcc")
    run = snakemake()
    kill_half_way(run, f"2of{SHARDS}", len(expected[0]) // SHARDS // 2)
    assert run.wait(timeout=300) == 1, Path("snakemake.log").read_text()
    kept, lost = (paths.feature_shard("lfcc", "mine", "train", f"{number}of{SHARDS}") for number in (1, 2))
    assert kept.is_file() and not list(lost.parent.glob("*"))
    assert not list(paths.features("lfcc", "mine", "train").parent.glob("*.safetensors"))
    assert snakemake().wait(timeout=300) == 0, Path("snakemake.log").read_text()
    text = Path("snakemake.log").read_text()
    jobs = dict(re.findall(r"^(\w+)\s+(\d+)$", text[text.index("Job stats:") :].split("\n\n")[0], re.M))
    assert jobs == {"extract_shard": "1", "extract_features": "1", "total": "2"}
    assert [paths.features("lfcc", "mine", split).read_bytes() for split in paths.SPLITS] == expected


def test_features_do_not_depend_on_the_number_of_cores(folder):
    make_corpus(40, "wav", seconds=0.3)  # short: torch divides what is done for them in another way for each number
    found = []
    for cores in ("1", "4"):
        command = ["rawm", "extract", "--frontend", "lfcc", "--corpus", "mine", "--split", "train"]
        subprocess.run(command, env=ENVIRONMENT | {"OMP_NUM_THREADS": cores}, check=True, capture_output=True)
        found.append(paths.features("lfcc", "mine", "train").read_bytes())
    assert found[0] == found[1]


def truncate(path):
    content = Path(path).read_bytes()
    Path(path).unlink()  # the others are links to the same file
    Path(path).write_bytes(content[: len(content) // 2])


def test_one_bad_file_among_a_thousand_is_skipped_and_named(folder, one_thread, capsys):
    make_corpus(1000, "flac", "skip")
    truncate("audio/u0123.flac")
    extract_here("lfcc_stats")
    store = FeatureStore("whole/train.safetensors")
    assert store.skipped == ["u0123"]
    assert store.ids == [f"u{number:04d}" for number in range(1000) if number != 123]
    said = [line for line in capsys.readouterr().err.splitlines() if not line.startswith("features of")]
    assert len(said) == 1
    assert re.fullmatch(r"skipped: audio/u0123\.flac: is truncated.*; restore the file", said[0])


def test_one_bad_file_among_a_thousand_stops_and_leaves_nothing(folder):
    make_corpus(1000, "flac")
    truncate("audio/u0123.flac")
    command = ["rawm", "extract", "--frontend", "lfcc_stats", "--corpus", "mine"]
    done = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, timeout=300)
    said = [line for line in done.stderr.splitlines() if not line.startswith("features of")]
    assert done.returncode == 1 and done.stdout == "" and len(said) == 1
    assert re.fullmatch(r"rawm: audio/u0123\.flac: is truncated.*; restore the file \(`bad_audio: skip` .*\)", said[0])
    assert not [path for path in Path("results/features").rglob("*") if path.is_file()]
