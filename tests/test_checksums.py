"""Checksums inside files: every damaged byte is found, and other readers take the file as before."""

import json
import os

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import load_file, save_file

from rawm import checksums, paths
from rawm.errors import UserError
from rawm.files import read_json, write_json

#: What each kind of file holds; JSON lines are of two lines.
CONTENT = {"one": [1.5, None, "ü"], "two": {"three": True}}
TABLE = pa.table({"name": [f"u{number}" for number in range(50)], "score": np.arange(50.0)})
TENSORS = {"Q": np.eye(3), "a.b": np.arange(5), "none": np.empty((0, 4), np.float32)}
WRITERS = {
    "x.json": lambda path: path.write_text(json.dumps(CONTENT, indent=2)),
    "x.jsonl": lambda path: path.write_text(2 * (json.dumps(CONTENT) + "\n")),
    "x.yaml": lambda path: path.write_text("# a detector\n" + yaml.safe_dump(CONTENT)),
    "x.parquet": lambda path: pq.write_table(TABLE, path, compression="zstd"),
    "x.safetensors": lambda path: save_file(TENSORS, path, {"study": "s", "task": "1"}),
}


def written(folder, name):
    path = folder / name
    WRITERS[name](path)
    checksums.seal(path)
    return path


@pytest.mark.parametrize("name", WRITERS)
def test_every_byte_counts(tmp_path, name):
    path = written(tmp_path, name)
    content, rng = path.read_bytes(), np.random.default_rng(0)
    assert checksums.state(path) == "whole"
    for place in range(len(content)):
        other = bytes([content[place] ^ int(rng.integers(1, 256))])
        path.write_bytes(content[:place] + other + content[place + 1 :])
        assert checksums.state(path) == "damaged", place
    for size in range(150, len(content), 7):
        path.write_bytes(content[:size])
        assert checksums.state(path) == "damaged" or path.suffix == ".parquet", size  # its mark is at the end


@pytest.mark.parametrize("name", WRITERS)
def test_files_without_a_checksum_are_none_that_is_damaged(tmp_path, name):
    path = tmp_path / name
    WRITERS[name](path)
    assert checksums.state(path) == "without"
    for content in (b"", b"{", b"PAR1", bytes(100), path.read_bytes()[:-9]):
        path.write_bytes(content)
        assert checksums.state(path) == "without"
        checksums.require_intact(path)
    path.unlink()
    checksums.require_intact(path)


def test_other_readers_take_the_files(tmp_path):
    paths_of = {name: written(tmp_path, name) for name in WRITERS}
    assert pq.read_table(paths_of["x.parquet"]).equals(TABLE)
    assert pd.read_parquet(paths_of["x.parquet"]).equals(TABLE.to_pandas())
    tensors = load_file(paths_of["x.safetensors"])
    assert tensors.keys() == TENSORS.keys() and all(np.array_equal(tensors[name], TENSORS[name]) for name in TENSORS)
    assert yaml.safe_load(paths_of["x.yaml"].read_text()) == CONTENT
    lines = [json.loads(line) for line in paths_of["x.jsonl"].read_text().splitlines()]
    assert list(lines[0]) == ["checksum", *CONTENT] and lines[1] == CONTENT
    assert paths_of["x.json"].read_text().startswith('{\n  "checksum": "crc32:')
    assert list(json.loads(paths_of["x.json"].read_text())) == ["checksum", *CONTENT]


def test_a_header_with_blanks_does_not_shrink(tmp_path):
    path = tmp_path / "x.safetensors"
    header = {"__metadata__": {"a": "b"}, "t": {"dtype": "U8", "shape": [3], "data_offsets": [0, 3]}}
    text = json.dumps(header, indent=30).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + b"\1\2\3")
    checksums.seal(path)
    assert checksums.state(path) == "whole" and load_file(path)["t"].tolist() == [1, 2, 3]


def test_large_files_are_moved_block_after_block(tmp_path):
    values = np.random.default_rng(0).integers(0, 255, 3_300_000, np.uint8)
    save_file({"x": values}, path := tmp_path / "x.safetensors")
    checksums.seal(path)
    assert checksums.state(path) == "whole" and np.array_equal(load_file(path)["x"], values)


@given(st.dictionaries(st.text(), st.none() | st.text() | st.floats(allow_nan=False, allow_infinity=False)))
def test_json_is_read_as_it_was_written(tmp_path_factory, content):
    content.pop(checksums.KEY, None)
    path = tmp_path_factory.getbasetemp() / "drawn.json"
    write_json(path, content)
    assert read_json(path) == content
    assert checksums.state(path) == ("whole" if content else "without")


def test_a_changed_file_is_found_though_its_time_is_as_it_was(tmp_path):
    write_json(path := tmp_path / "x.json", CONTENT)
    about = path.stat()
    path.write_text(path.read_text().replace("1.5", "1.6"))
    os.utime(path, ns=(about.st_atime_ns, about.st_mtime_ns))
    with pytest.raises(UserError, match=r"x\.json: was damaged .* differs\); delete it and make it again$"):
        read_json(path)


@pytest.mark.parametrize(
    ("path", "command"),
    [
        (paths.manifest("c"), "rawm corpora make c"),
        (paths.features("f", "c", "dev"), "rawm extract --frontend f --corpus c"),
        (paths.feature_shard("f", "c", "dev", "2of8"), "rawm extract --frontend f --corpus c --shard 2of8"),
        (paths.augmented("f", "c", "a-b-12ab"), "rawm extract --frontend f --corpus c --augment a-b"),
        (paths.corpus("c") / "table.parquet", "rawm corpora make c"),
        (paths.tuning("t") / "trials/rawm-ab/1.json", "rawm tune t"),
        (paths.intervals("s"), "snakemake --cores 2 --config study=s"),
        (paths.study("s") / "runs/rawm/seed0/task1/detector.safetensors", "snakemake --cores 2 --config study=s"),
        (paths.model("s") / "model.yaml", "snakemake --cores 2 --config study=s"),
        (paths.PACKAGES / "espeak-ng.json", ""),
        ("/data/mine/table.parquet", ""),
    ],
)
def test_the_command_that_makes_a_file(path, command):
    assert paths.made_by(path) == command
