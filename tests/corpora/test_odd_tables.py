"""Tables as people have them: empty, with absolute paths, with numbers for words, with a recording in both classes."""

import os
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support import disk

from rawm.config.corpora import CorpusFile
from rawm.config.reading import read_model
from rawm.corpora import audit, listing, maker, reader
from rawm.corpora.importing import import_table
from rawm.corpora.readers import table
from rawm.errors import UserError

HEADER = "utterance_id,path,label,split"


@pytest.fixture
def root(tmp_path):
    """Three recordings in x/."""
    for name in ("a1", "a2", "a3"):
        disk.write_audio(tmp_path / f"x/{name}.wav")
    return tmp_path


def write(root, *rows, header=HEADER):
    disk.write_lines(root / "t.csv", [header, *rows])


def settings(root, **given):
    return disk.corpus("table", root, **{"table": "t.csv"} | given)


def make(root, **given):
    return listing.make(settings(root, **given), table.read, 1)


EMPTY = {
    "only_header": f"{HEADER}\n",
    "no_line_end": HEADER,
    "blank_lines": f"{HEADER}\n\n\n",
    "empty_cells": f"{HEADER}\n,,,\n , , , \n",
}


@pytest.mark.parametrize("case", [*EMPTY, "parquet"])
def test_a_table_without_rows_is_refused(root, case):
    """Kind: input that holds nothing makes an empty manifest and empty features.

    In the list: only a header. Others: without line end, blank lines, rows of empty cells, an empty Parquet file; also
    as a table of features.
    """
    name = "t.parquet" if case == "parquet" else "t.csv"
    if case == "parquet":
        pq.write_table(pa.table({column: pa.array([], pa.string()) for column in HEADER.split(",")}), root / name)
    else:
        (root / name).write_text(EMPTY[case])
    for read in (lambda: make(root, table=name), lambda: import_table(root / name, root / "features", "f", "mean")):
        with pytest.raises(UserError, match=rf"{name}: holds no utterance, only a header; add rows"):
            read()
    assert not list(root.rglob("*.safetensors"))


def test_a_class_without_rows_is_refused_unless_the_corpus_file_leaves_it_out(root):
    write(root, "a1,x/a1.wav,genuine,train", "a2,x/a2.wav,genuine,eval")
    with pytest.raises(UserError, match=r"t\.csv: no row is fake; correct the column label, or leave fake out of `lab"):
        make(root)
    only = settings(root, labels={"genuine": "genuine"})
    assert only.classes == ("genuine",) and len(listing.make(only, table.read, 1)) == 2


PATHS = {
    "absolute": "{root}/x/{name}.wav",
    "dotted": "./x/../x/./{name}.wav",
    "backslashes": "x\\{name}.wav",
    "double_slash": "x//{name}.wav",
    "through_a_link": "linked/{name}.wav",
    "absolute_through_a_link": "{root}/linked/{name}.wav",
}


@pytest.mark.parametrize("case", PATHS)
def test_listed_files_are_known_again_however_the_table_writes_their_paths(root, case):
    """Kind: paths compared as text. In the list: absolute paths. Others: dots, backslashes, links to the folder."""
    (root / "linked").symlink_to("x")
    labels = {"a1": "genuine", "a2": "fake", "a3": "genuine"}
    write(root, *(f"{n},{PATHS[case].format(root=root, name=n)},{label},train" for n, label in labels.items()))
    report = audit.check(settings(root))
    assert report.errors == report.warnings == []
    assert all(row["duration_s"] == pytest.approx(0.3) for row in make(root))
    disk.write_audio(root / "x/more.wav")
    assert [line.rpartition("first ")[2] for line in audit.check(settings(root)).warnings] == ["x/more.wav"] or (
        audit.check(settings(root)).warnings[0].endswith("first linked/more.wav")
    )


TWICE = {
    "same_text": "x/a1.wav",
    "dotted": "./x/a1.wav",
    "absolute": "{root}/x/a1.wav",
    "link_to_file": "link.wav",
    "link_to_folder": "linked/a1.wav",
}


@pytest.mark.parametrize("case", TWICE)
def test_a_recording_listed_as_both_classes_is_always_found(root, case):
    """Kind: one recording, several rows. In the list: as genuine and as fake. Others: in two splits, by other paths."""
    (root / "linked").symlink_to("x")
    (root / "link.wav").symlink_to("x/a1.wav")
    again = TWICE[case].format(root=root)
    write(root, "a1,x/a1.wav,genuine,train", "a2,x/a2.wav,fake,train", f"b,{again},fake,train")
    sentence = "1 recording(s) are listed in several classes, first x/a1.wav: a1 (genuine, train), b (fake, train)"
    assert sentence in audit.check(settings(root)).errors
    with pytest.raises(UserError) as caught:
        make(root)
    assert sentence in str(caught.value).splitlines()
    write(root, "a1,x/a1.wav,genuine,train", "a2,x/a2.wav,fake,train", f"b,{again},genuine,eval")
    assert "1 recording(s) are listed in several splits, first x/a1.wav" in audit.check(settings(root)).errors[0]
    write(root, "a1,x/a1.wav,genuine,train", "a2,x/a2.wav,fake,train", f"b,{again},genuine,train")
    report = audit.check(settings(root))
    assert report.errors == [] and "1 recording(s) are listed twice, first x/a1.wav" in report.warnings[0]


WORDS = {
    "numbers": ("1", "0", "{1: genuine, 0: fake}"),
    "booleans": ("True", "False", "{True: genuine, False: fake}"),
    "yes_no": ("no", "yes", "{no: genuine, yes: fake}"),
    "fractions": ("1.0", "0.0", "{1.0: genuine, 0.0: fake}"),
    "negative": ("-1", "1", "{-1: fake, 1: genuine}"),
    "null": ("null", "x", "{null: genuine, x: fake}"),
    "octal": ("01", "02", "{01: genuine, 02: fake}"),
}


@pytest.mark.parametrize("case", WORDS)
def test_label_words_may_look_like_anything_else(root, case):
    """Kind: YAML reads words as numbers, booleans or nothing. In the list: 1 and 0. Others: yes, 1.0, -1, null, 01."""
    one, other, labels = WORDS[case]
    write(root, f"a1,x/a1.wav,{one},train", f"a2,x/a2.wav,{other},train")
    path = root / "numbers.yaml"
    path.write_text(f"loader: table\nroot: {root}\ntable: t.csv\nlabels: {labels}\n")
    corpus = read_model(path, CorpusFile, {"name": "numbers"})
    rows = listing.make(corpus, table.read, 1)
    assert {row["label"] for row in rows} == {"genuine", "fake"}
    assert next(row for row in rows if row["utterance_id"] == "a1")["label"] == corpus.labels[one]


def test_labels_of_a_parquet_table_may_be_numbers(root):
    columns = {"utterance_id": ["a1", "a2"], "path": ["x/a1.wav", "x/a2.wav"], "label": [1, 0], "split": ["train"] * 2}
    pq.write_table(pa.table(columns), root / "t.parquet")
    rows = make(root, table="t.parquet", labels={1: "genuine", 0: "fake"})
    assert [row["label"] for row in rows] == ["genuine", "fake"]


def test_a_recording_that_lasts_no_time_is_refused_when_the_manifest_is_made(root):
    (root / "x/a2.wav").write_bytes((root / "x/a2.wav").read_bytes()[:44])
    write(root, "a1,x/a1.wav,genuine,train", "a2,x/a2.wav,fake,train")
    with pytest.raises(UserError, match=r"a2\.wav: (holds no audio|is truncated)"):
        make(root)


@pytest.mark.parametrize("name", ["a\0b.wav", "x/" + "a" * 5000 + ".wav", "a" * 300 + "/a.wav", "x/a1.wav/b.wav"])
def test_paths_that_no_disk_can_hold_are_missing_files(root, name):
    row = listing.utterance("mine", "u", name, "fake", "train")
    assert listing.present(root, [row]) == ([], [row])


PIPES = {
    "asvspoof2019_la": ("ASVspoof2019_LA_cm_protocols/ASVspoof2019.LA.cm.train.trn.txt", "restore the official"),
    "iemocap": ("Session1/dialog/EmoEvaluation/Ses01F_impro01.txt", "restore the official"),
    "clear": ("class_names.txt", "unpack the official archives"),
    "arena_parquet": ("test-00000-of-00001.parquet", "fetch it again"),
}


@pytest.mark.parametrize("loader", PIPES)
def test_a_named_pipe_in_the_place_of_a_protocol_is_refused(root, no_waiting, loader):
    """Kind: opening waits for ever. Members: protocols, emotion tables, lists of classes, Parquet files with audio."""
    name, remedy = PIPES[loader]
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    os.mkfifo(root / name)
    (root / "folder.parquet").mkdir()  # as some programs write tables; its files are read, it is none
    given = {"arena_parquet": {"parquet": str(root)}, "clear": {"layout": "training_folder"}}.get(loader, {})
    read = (lambda corpus: maker(loader)(corpus, root, 1)) if given else reader(loader)
    with pytest.raises(UserError, match=rf"{Path(name).name}: is a named pipe, not a regular file; {remedy}"):
        read(disk.corpus(loader, root, **given))


def test_few_speakers_of_a_table_are_told_where_a_split_stays_empty(root):
    """Kind: as of folders, a division that leaves a split empty; here by speakers that are known."""
    for number in range(12):
        disk.write_audio(root / f"x/{number}.wav", 0.05)
    rows = [f"u{n},x/{n}.wav,{('genuine', 'fake')[n % 2]},,s{n // 2 % 2}" for n in range(12)]
    write(root, *rows, header=f"{HEADER},speaker")
    with pytest.raises(UserError, match=r"form 2 group\(s\) by speaker, the largest 's[01]' with 6; add recordings"):
        make(root, splits={"train": 0.6, "dev": 0.15, "eval": 0.25, "by": "speaker"})


@pytest.mark.parametrize("lacks", ["genuine", "fake"])
@pytest.mark.parametrize("split", ["train", "dev", "eval"])
def test_an_official_split_of_one_class_is_said(root, split, lacks):
    """Kind: an empty split or class, which fails after training; here of the table's own splits, by each way."""
    other = {"genuine": "fake", "fake": "genuine"}[lacks]
    whole = "dev" if split == "train" else "train"
    write(root, f"a1,x/a1.wav,genuine,{whole}", f"a2,x/a2.wav,fake,{whole}", f"a3,x/a3.wav,{other},{split}")
    assert audit.check(settings(root)).warnings == [
        f"corpus table: {split} has no {lacks} utterance; a task with it needs another corpus that has some"
    ]
