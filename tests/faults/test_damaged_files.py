"""Files that were cut, emptied or removed after they were written: named by who reads them, and made again."""

import pytest
from support import disturbed

pytestmark = pytest.mark.faults

RUN = ("--study", "synthetic", "--method", "rawm", "--seed", 0)
RUNS = "results/synthetic/runs/rawm/seed0"
FEATURES = "results/features/lfcc_stats/synthetic_buzz"
MAKE, EXTRACT = (
    ("corpora", "make", "synthetic_buzz"),
    ("extract", "--frontend", "lfcc_stats", "--corpus", "synthetic_buzz"),
)
FIRST, SECOND, EVALUATE = ("train", *RUN, "--task", 1), ("train", *RUN, "--task", 2), ("evaluate", *RUN)
INTERVALS, TABLES, EXPORT = ((verb, "--study", "synthetic") for verb in ("intervals", "tables", "export"))
DETECT = (
    "detect",
    "results/corpora/synthetic_buzz/synthetic_buzz_0000_fake.flac",
    "--model",
    "results/synthetic/model",
)
#: File -> a command that reads it, and the one that makes it.
FILES = {
    "results/corpora/synthetic_buzz/synthetic_buzz_0000_fake.flac": (EXTRACT, MAKE),
    "results/manifests/synthetic_buzz.parquet": (EXTRACT, MAKE),
    f"{FEATURES}/train.safetensors": (FIRST, EXTRACT),
    f"{FEATURES}/dev.safetensors": (FIRST, EXTRACT),
    f"{FEATURES}/eval.safetensors": (EVALUATE, EXTRACT),
    f"{RUNS}/task1/detector.safetensors": (SECOND, FIRST),
    f"{RUNS}/task1/memory.safetensors": (SECOND, FIRST),
    f"{RUNS}/task2/detector.safetensors": (EVALUATE, SECOND),
    f"{RUNS}/task2/history.jsonl": (EVALUATE, SECOND),
    f"{RUNS}/scores.parquet": (INTERVALS, EVALUATE),
    f"{RUNS}/metrics.json": (TABLES, EVALUATE),
    "results/synthetic/intervals.json": (TABLES, INTERVALS),
    "results/synthetic/model/detector.safetensors": (DETECT, EXPORT),
    "results/synthetic/model/model.yaml": (DETECT, EXPORT),
}


def cut(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def empty(path):
    path.write_bytes(b"")


def flip(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


#: What can happen to a file, and how it is said.
DAMAGE = {"changed in one byte": flip, "cut in half": cut, "emptied": empty, "removed": lambda path: path.unlink()}


@pytest.fixture(scope="module")
def tree(undisturbed, tmp_path_factory):
    """A copy of the study, in which each test leaves everything as it was."""
    return disturbed.copy(undisturbed, tmp_path_factory.mktemp("damaged") / "study")


@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize("name", FILES)
def test_a_damaged_file_is_named_and_made_again(name, damage, tree, undisturbed, jobs, fault):
    reader, maker = FILES[name]
    path = tree / name
    DAMAGE[damage](path)
    fault(f"file {damage}")
    status, said = jobs.run(tree, *reader)
    lines = [line for line in said.splitlines() if line.startswith("rawm: ")]
    assert status == 1 and "Traceback" not in said, said
    named = (name, path.parent.name, "rawm seed 0")  # the file, its folder, or its run
    assert any(one in line for one in named for line in lines) and len(lines) <= 2, said
    path.unlink(missing_ok=True)
    status, said = jobs.run(tree, *maker)
    assert status == 0, said
    assert disturbed.differences(tree, undisturbed) == []
