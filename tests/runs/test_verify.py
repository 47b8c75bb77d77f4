"""One damaged byte in any file of a study is found, by `rawm verify` and by the job that reads the file."""

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from support import stored
from typer.testing import CliRunner

from rawm import checksums, corpora, paths
from rawm.cli.verbs import app
from rawm.corpora.importing import import_table
from rawm.detectors import checkpoint
from rawm.errors import UserError
from rawm.features.sources import make_features
from rawm.features.store import join
from rawm.runs import uncertainty
from rawm.runs.run import Run
from rawm.runs.verify import files_of, verify
from rawm.study import load_corpus, load_frontend, load_study
from rawm.training.evaluation import evaluate_run
from rawm.training.task import train_task

ROOT = Path(__file__).parents[2]
CPU = torch.device("cpu")
DRAWN = 30  # bytes of each file, beside its first and last ones
EDGE = 16


def write_table(folder, frames):
    """Features of 24 utterances as files of numpy, and their table."""
    rng, lines = np.random.default_rng(0), ["utterance_id,path,label,split"]
    folder.mkdir()
    for number in range(24):
        shape = (3 + number % 5, 6) if frames else (6,)
        np.save(folder / f"u{number}.npy", rng.normal(number % 2, 1, shape).astype(np.float32))
        split = ("train", "train", "dev", "eval")[number // 2 % 4]
        lines.append(f"u{number},u{number}.npy,{('spoof', 'bonafide')[number % 2]},{split}")
    (folder / "table.csv").write_text("\n".join(lines) + "\n")
    return folder / "table.csv"


@pytest.fixture(scope="module", params=["vectors", "frames"])
def finished(request, tmp_path_factory, one_thread):
    """The folder of a finished study on imported features, with one task."""
    folder = tmp_path_factory.mktemp(request.param)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        import_table(write_table(folder / "numpy", request.param == "frames"), Path("data"), "mine", "none")
        stored.write("loader: features\nroot: data\nlabels: {bonafide: genuine, spoof: fake}\n", "mine")
        shutil.copy(ROOT / "config/methods/rawm.yaml", "config/methods")
        study = Path("config/studies/mine.yaml")
        study.write_text(study.read_text().replace("finetune", "rawm") + "training: {epochs: 1, batch_size: 4}\n")
        stored.make_and_extract()
        run = Run(load_study("mine"), "rawm", 0)
        train_task(run, 1, CPU)
        evaluate_run(run, CPU)
        uncertainty.make(run.study, resamples=100)
    return folder


@pytest.fixture
def study(finished, monkeypatch):
    monkeypatch.chdir(finished)
    return load_study("mine")


def run():
    return Run(load_study("mine"), "rawm", 0)


def samples(split):
    """Every feature of a split, as training and evaluation read them."""
    read = stored.samples(split)
    assert read is not None
    return [*(batch.features for batch in read.batches(5)), *read.mean_std()]


def memory():
    with run().open_memory(1) as file:
        yield {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    yield run().memory(1)


#: File -> what reads it. The bundle and receipts have the formats of the others.
JOBS = {
    "data/table.parquet": lambda: corpora.make(load_corpus("mine")),
    "data/mine.safetensors": stored.make_and_extract,
    "results/manifests/mine.parquet": lambda: samples("eval"),
    "results/features/mine/mine/train.safetensors": lambda: samples("train"),
    "results/features/mine/mine/eval.safetensors": lambda: samples("eval"),
    "results/mine/runs/rawm/seed0/task1/detector.safetensors": lambda: run().detector(1),
    "results/mine/runs/rawm/seed0/task1/memory.safetensors": lambda: list(memory()),
    "results/mine/runs/rawm/seed0/task1/history.jsonl": lambda: run().history(1),
    "results/mine/runs/rawm/seed0/scores.parquet": lambda: (run().scores, run().development_scores),
    "results/mine/runs/rawm/seed0/metrics.json": lambda: run().metrics,
    "results/mine/intervals.json": lambda: uncertainty.load(load_study("mine")),
}


def places(size, rng):
    """Bytes to damage: the first, the last, and some at random."""
    return sorted({*range(min(EDGE, size)), *range(max(0, size - EDGE), size), *rng.integers(0, size, DRAWN).tolist()})


@pytest.fixture
def damaged(study):
    """A function that yields each place at which a file is damaged, its time of modification kept."""
    restored = {}

    def each(name):
        path, rng = Path(name), np.random.default_rng(len(name))
        content, about = path.read_bytes(), path.stat()
        restored[path] = content
        for place in places(len(content), rng):
            other = bytes([content[place] ^ int(rng.choice([1, 2, 32, 128, rng.integers(1, 256)]))])
            path.write_bytes(content[:place] + other + content[place + 1 :])
            os.utime(path, ns=(about.st_atime_ns, about.st_mtime_ns))
            yield place
        path.write_bytes(content)

    yield each
    for path, content in restored.items():
        path.write_bytes(content)


def test_a_finished_study_is_whole(study):
    verified = verify(study)
    assert verified.problems == verified.without == []
    assert {str(path) for path in verified.whole} >= set(JOBS)
    assert [path.name for path in verified.absent] == ["tracking.json"]
    result = CliRunner().invoke(app, ["verify", "mine"], catch_exceptions=False)
    assert result.exit_code == 0 and "as they were written, 1 not made yet" in result.stdout


@pytest.mark.parametrize("name", JOBS)
def test_the_job_that_reads_a_file_finds_one_damaged_byte(damaged, name):
    JOBS[name]()
    for place in damaged(name):
        with pytest.raises(UserError) as error:
            JOBS[name]()
        said = str(error.value)
        assert said.startswith(f"{name}: was damaged after it was written (its checksum differs); delete it"), place
        assert said.count("\n") == 0
        if name.startswith("results"):
            assert said.endswith(f"delete it and make it again with `{paths.made_by(name)}`")


@pytest.mark.parametrize("name", JOBS)
def test_verify_finds_one_damaged_byte(study, damaged, name, monkeypatch):
    monkeypatch.setattr("rawm.runs.verify.files_of", lambda study: [Path(name)])
    for place in damaged(name):
        (problem,) = verify(study).problems
        assert problem == checksums.damage_message(name), place


def test_verify_names_every_bad_file_at_once(study, damaged):
    first, second, third = list(JOBS)[3:6]
    next(damaged(first)), next(damaged(second))
    content = Path(third).read_bytes()
    try:
        Path(third).write_bytes(content[: len(content) // 2])
        with pytest.raises(UserError) as error:
            CliRunner().invoke(app, ["verify", "mine"], catch_exceptions=False)
    finally:
        Path(third).write_bytes(content)
    assert [line.partition(":")[0] for line in str(error.value).splitlines()] == [first, second, third]
    assert "`rawm extract --frontend mine --corpus mine`" in str(error.value)
    assert "`snakemake --cores 2 --config study=mine`" in str(error.value)


def test_shards_are_compared_when_they_are_joined(study, damaged, tmp_path):
    shards, joined = [str(tmp_path / f"{number}.safetensors") for number in (1, 2)], tmp_path / "joined.safetensors"
    corpus, frontend = load_corpus("mine"), load_frontend("mine")
    for number, shard in enumerate(shards, 1):
        make_features(corpus, frontend, "train", paths.manifest("mine"), shard, (number, 2))
    join(shards, joined)
    assert joined.read_bytes() == paths.features("mine", "mine", "train").read_bytes()
    joined.unlink()
    for _ in damaged(shards[1]):
        with pytest.raises(UserError, match="was damaged after it was written"):
            join(shards, joined)
    assert not joined.exists()


def without_checksum(path):
    """Turn a file into what versions without checksums wrote."""
    content = path.read_bytes()
    if path.suffix == ".parquet":
        start = content.rindex(b"checksum=crc32:")
        path.write_bytes(content[:start] + content[start + 23 :])
    elif path.suffix != ".safetensors":
        start = content.index(b'"checksum"')
        path.write_bytes(content[:start] + content[start + 29 :].lstrip())
    else:
        end = 8 + int.from_bytes(content[:8], "little")
        header, content = json.loads(content[8:end]), content[end:]
        entries = header.pop("__metadata__")
        del entries["checksum"]
        first, last = header.pop("checksums", {"data_offsets": (0, 0)})["data_offsets"]
        for tensor in header.values():
            tensor["data_offsets"] = [at - (last - first if at >= last else 0) for at in tensor["data_offsets"]]
        text = json.dumps({"__metadata__": entries} | header).encode()
        path.write_bytes(len(text).to_bytes(8, "little") + text + content[:first] + content[last:])


def test_files_without_checksums_are_read_with_the_same_values(study, finished, tmp_path, monkeypatch):
    def values():
        features, weights = [*samples("train"), *samples("dev"), *samples("eval")], run().detector(1).state_dict()
        return features, list(memory())[1], weights, run().scores, run().metrics, run().history(1)

    expected = values()
    shutil.copytree(finished, tmp_path / "old")
    monkeypatch.chdir(tmp_path / "old")
    for path in filter(Path.is_file, files_of(load_study("mine"))):
        without_checksum(path)
    old = values()
    assert all(torch.equal(one, other) for one, other in zip(old[0], expected[0], strict=True))
    for one, other in zip(old[1:3], expected[1:3], strict=True):
        assert one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)
    assert old[3].equals(expected[3]) and old[4:] == expected[4:]
    verified = verify(load_study("mine"))
    assert verified.whole == verified.problems == [] and len(verified.without) == len(JOBS) + 1


@pytest.mark.parametrize("change", ["cut", "header"])
def test_a_detector_without_checksum_that_cannot_be_read_gives_one_sentence(study, tmp_path, change):
    path = tmp_path / "detector.safetensors"
    shutil.copy(run().detector_path(1), path)
    without_checksum(path)
    checkpoint.load_detector(path)
    tensors, header = checkpoint.load(path)
    if change == "cut":
        path.write_bytes(path.read_bytes()[:-10])
    else:
        for spoilt in ({}, {"shape": "{"}, {"detector": "{}"}, {"shape": '{"n_features": 2}'}):
            checkpoint.save(path, tensors, spoilt and header | spoilt)
            with pytest.raises(UserError, match="its header does not describe the detector; delete it"):
                checkpoint.load_detector(path)
        tensors["output.bias"] = torch.zeros(9)
        checkpoint.save(path, tensors, header)
    with pytest.raises(UserError, match=r"detector.safetensors: (not a readable|has other weights)"):
        checkpoint.load_detector(path)
