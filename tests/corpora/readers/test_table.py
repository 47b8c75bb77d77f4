import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from rawm import audio, corpora, manifest, paths
from rawm.config.corpora import TableCorpus
from rawm.corpora import listing
from rawm.corpora.readers import table
from rawm.errors import UserError

HEADER = ["utterance_id", "path", "label", "split"]
LINES = [
    ["a1", "x/a1.flac", "bonafide", "train"],
    ["a2", "x/a2.flac", "spoof", "train"],
    ["a3", "x/a3.flac", "bonafide", "eval"],
]


@pytest.fixture
def root(tmp_path):
    for number, line in enumerate(LINES, start=1):
        audio.save_flac(tmp_path / line[1], np.full(8000 * number, 0.01 * number), 16000)
    return tmp_path


def corpus(root, name="table.csv", **given):
    labels = {"bonafide": "genuine", "spoof": "fake"}
    return TableCorpus(
        **{"loader": "table", "name": "mine", "table": name, "root": str(root), "labels": labels} | given
    )


def write(root, lines=LINES, header=HEADER, name="table.csv", separator=",", end="\n", encoding="utf-8"):
    text = end.join(separator.join(line) for line in [header, *lines]) + end
    (root / name).write_bytes(text.encode(encoding))


def make(root, **given):
    return listing.make(corpus(root, **given), table.read, 1)


def test_a_minimal_table_gets_defaults_and_durations_from_the_files(root):
    write(root)
    rows = make(root)
    assert manifest.problems(rows) == []
    assert [row["label"] for row in rows] == ["genuine", "fake", "genuine"]
    assert [row["duration_s"] for row in rows] == [0.5, 1.0, 1.5]
    expected = {"corpus": "mine", "speaker": "-", "attack": "-", "language": "-", "group": "a2", "path": "x/a2.flac"}
    assert expected.items() <= rows[1].items()


@pytest.mark.parametrize(
    "given",
    [
        {"end": "\r\n", "encoding": "utf-8-sig"},
        {"name": "table.tsv", "separator": "\t"},
        {"header": [" utterance_id", "path ", "label", "split"], "end": "\n\n"},
    ],
    ids=["crlf and bom", "tsv", "blank lines and spaces"],
)
def test_dialects_give_the_same_rows(root, given):
    write(root)
    expected = make(root)
    write(root, **given)
    assert make(root, name=given.get("name", "table.csv")) == expected


def test_parquet_and_optional_columns(root):
    extra = {
        "speaker": ["s1", None, "s3"],
        "attack": ["ignored", "A07", ""],
        "duration_s": [9.0, 8.0, 7.0],
        "x": [1, 2, 3],
    }
    columns = dict(zip(HEADER, map(list, zip(*LINES, strict=True)), strict=True))
    pq.write_table(pa.table(columns | extra), root / "t.parquet")
    rows = make(root, name="t.parquet")
    assert [(row["speaker"], row["attack"], row["duration_s"]) for row in rows] == [
        ("s1", "-", 9.0),
        ("-", "A07", 8.0),
        ("s3", "-", 7.0),
    ]
    assert all(row.keys() == set(manifest.COLUMNS) for row in rows)


def test_unknown_words_and_missing_files_are_all_reported_at_once(root):
    words = ["bonafide", "Spoof", "human", "Spoof"]
    write(root, [[f"b{n}", f"gone/{n}.flac", word, "train"] for n, word in enumerate(words)] + LINES)
    with pytest.raises(UserError) as caught:
        make(root)
    lines = str(caught.value).splitlines()
    assert len(lines) == 3
    assert "label 'Spoof' in 2 row(s), first in row 3, is not one of bonafide, spoof" in lines[0]
    assert "label 'human' in 1 row(s), first in row 4" in lines[1]
    assert "1 of 4 files are not under" in lines[2] and lines[2].endswith("first gone/0.flac")


def test_tables_that_cannot_be_read_give_one_sentence(root):
    write(root, header=["utterance_id", "file", "label", "split"])
    with pytest.raises(
        UserError, match=r"table\.csv: no column path; needed: utterance_id, path, label, split; found: "
    ):
        make(root)
    write(root, [[*LINES[0], "more"]])
    with pytest.raises(UserError, match="row 2 has 5 cells, but the header has 4"):
        make(root)
    write(root, [["é", *LINES[0][1:]]], encoding="latin-1")
    with pytest.raises(UserError, match="UTF-8"):
        make(root)
    (root / "table.csv").write_text("")
    with pytest.raises(UserError, match="no column"):
        make(root)
    (root / "t.parquet").write_text("x")
    with pytest.raises(UserError, match="not a readable Parquet file"):
        make(root, name="t.parquet")
    with pytest.raises(UserError, match=r"no file 'gone\.csv' under"):
        make(root, name="gone.csv")


def test_unreadable_audio_stops_or_counts_nothing(root):
    (root / "x" / "a2.flac").write_bytes(b"")
    write(root)
    with pytest.raises(UserError, match=r"a2\.flac: is empty"):
        make(root)
    assert [row["duration_s"] for row in make(root, bad_audio="skip")] == [0.5, 0.0, 1.5]


def test_make_writes_the_manifest_where_paths_say(root, monkeypatch):
    write(root)
    monkeypatch.chdir(root)
    corpora.make(corpus(root))
    assert manifest.read(paths.manifest("mine")).utterance_id == ["a1", "a2", "a3"]
    write(root, [*LINES, LINES[0]])
    with pytest.raises(UserError, match="utterance_id is not unique"):
        corpora.make(corpus(root))
