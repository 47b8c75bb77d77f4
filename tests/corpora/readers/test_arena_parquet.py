import io
import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import soundfile
from support import disk

from rawm import manifest
from rawm.config.reading import parse
from rawm.corpora import maker
from rawm.corpora.readers import arena_parquet
from rawm.errors import UserError
from rawm.study import KINDS, load_corpus

AUDIO = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
SCHEMA = pa.schema([("path", pa.string()), ("audio", AUDIO), ("label", pa.int64()), ("notes", pa.string())])


def sound(number, kind="WAV"):
    buffer = io.BytesIO()
    samples = np.random.default_rng(number).normal(0, 0.1, 3200)
    soundfile.write(buffer, samples, 16000, format=kind)
    return buffer.getvalue()


def record(number, kind, **changed):
    notes = {"utterance_id": f"u{number}", "attack_id": "A07", "speaker_id": 17}
    given = {"path": f"wav/clip.{number}.wav", "audio": {"bytes": sound(number), "path": None}, "label": kind}
    return given | {"notes": json.dumps(notes)} | changed


def write(path, records, names=None, schema=SCHEMA):
    path.parent.mkdir(parents=True, exist_ok=True)
    if names:
        features = {"info": {"features": {"label": {"names": names, "_type": "ClassLabel"}}}}
        schema = schema.with_metadata({"huggingface": json.dumps(features)})
    pq.write_table(pa.Table.from_pylist(records, schema=schema), path, row_group_size=2)


def make(root, **given):
    settings = disk.corpus("arena_parquet", root / "made", parquet=str(root / "set"), **given)
    rows = maker("arena_parquet")(settings, root, 1)
    assert manifest.problems(rows, settings.classes) == []
    return rows


@pytest.fixture
def root(tmp_path):
    """Two files of recordings, and the list of labels that the data sets have beside them."""
    write(tmp_path / "set/data/test-00000-of-00002.parquet", [record(n, n % 2) for n in range(5)])
    write(tmp_path / "set/data/test-00001-of-00002.parquet", [record(n, n % 2) for n in range(5, 8)])
    labels = pa.table({"utterance_id": [f"u{n}" for n in range(8)], "label": [0] * 8})
    pq.write_table(labels, tmp_path / "set/data/labels.parquet")
    return tmp_path


def test_0_is_bona_fide_and_recordings_are_unpacked_as_they_are(root):
    rows = {row["utterance_id"]: row for row in make(root)}
    assert {name: row["label"] for name, row in rows.items()} == {f"u{n}": ("genuine", "fake")[n % 2] for n in range(8)}
    assert {row["split"] for row in rows.values()} == {"eval"}
    assert rows["u1"]["attack"] == "A07" and rows["u0"]["attack"] == "-" and rows["u0"]["speaker"] == "17"
    for number in range(8):
        assert (root / "made" / rows[f"u{number}"]["path"]).read_bytes() == sound(number)
    assert rows["u3"]["duration_s"] == 0.2


def test_names_of_the_labels_in_the_file_decide_what_0_is(root):
    write(root / "set/data/test-00000-of-00002.parquet", [record(n, n % 2) for n in range(5)], names=["fake", "real"])
    labels = {row["utterance_id"]: row["label"] for row in make(root)}
    assert labels["u0"] == "fake" and labels["u1"] == "genuine" and labels["u6"] == "genuine"


def test_a_stopped_run_goes_on_and_a_changed_recording_is_written_again(root):
    expected = make(root)
    paths = [root / "made" / row["path"] for row in expected]
    kept, changed, gone = paths[:3]
    before = kept.stat().st_mtime_ns
    changed.write_bytes(changed.read_bytes()[:-2] + b"xx")
    gone.unlink()
    assert make(root) == expected
    assert kept.stat().st_mtime_ns == before
    assert [path.read_bytes() for path in paths[:3]] == [sound(n) for n in range(3)]
    assert {path.name for path in kept.parent.iterdir()} == {path.name for path in paths}  # no temporary file


def test_the_suffix_says_what_is_inside(root):
    kinds = {0: "FLAC", 1: "OGG", 2: "MP3", 3: "WAV"}
    records = [record(n, n % 2, audio={"bytes": sound(n, kind), "path": None}) for n, kind in kinds.items()]
    write(root / "set/data/test-00000-of-00002.parquet", records)
    paths = {row["utterance_id"]: row["path"] for row in make(root)}
    assert [paths[f"u{n}"] for n in range(4)] == [
        "wav/clip.0.wav.flac", "wav/clip.1.wav.ogg", "wav/clip.2.wav.mp3", "wav/clip.3.wav",
    ]  # fmt: skip


def test_splits_are_in_the_names_of_files_or_folders(root):
    write(root / "set/data/train-00000-of-00001.parquet", [record(20, 0), record(21, 1)])
    write(root / "set/default/validation/0000.parquet", [record(22, 0), record(23, 1)])
    splits = {row["utterance_id"]: row["split"] for row in make(root)}
    assert (splits["u0"], splits["u20"], splits["u22"]) == ("eval", "train", "dev")


def test_names_of_dfadds_own_columns_are_read_and_notes_may_be_missing(root):
    for path in (root / "set/data").iterdir():
        path.unlink()
    schema = pa.schema([("audio", AUDIO), ("audio_name", pa.string()), ("label", pa.string())])
    word = ("bonafide", "spoof")
    records = [{"audio": {"bytes": sound(n)}, "audio_name": f"p227_{n}", "label": word[n]} for n in range(2)]
    write(root / "set/test-00000-of-00001.parquet", records, schema=schema)
    rows = make(root)
    assert [(row["utterance_id"], row["path"], row["label"]) for row in rows] == [
        ("p227_0", "p227_0.wav", "genuine"),
        ("p227_1", "p227_1.wav", "fake"),
    ]


def test_a_vocoded_copy_shares_the_split_of_its_source_where_the_notes_name_it(root):
    records = [
        record(n, n % 2, notes=json.dumps({"utterance_id": f"u{n}", "base_id": f"s{n // 2}"})) for n in range(40)
    ]
    write(root / "set/data/test-00000-of-00002.parquet", records)
    (root / "set/data/test-00001-of-00002.parquet").unlink()
    rows = make(root, splits={"train": 0.5, "eval": 0.5})
    assert {row["group"] for row in rows} == {f"s{n}" for n in range(20)}
    assert {row["split"] for row in rows} == {"train", "eval"}


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"label": 2}, r"wav/clip\.9\.wav: label 2 is none of bonafide, bona-fide, real, spoof, fake"),
        ({"label": None}, "label None is none of"),
        ({"path": "../../elsewhere.wav"}, "path leads out of the corpus"),
        ({"path": "/etc/clip.wav"}, "path leads out of the corpus"),
        ({"path": "wav/clip.0.wav"}, "path is not unique"),
        ({"audio": {"bytes": None, "path": "clip.wav"}}, r"clip\.9\.wav: holds no audio; fetch the data set"),
        ({"audio": None}, "holds no audio"),
    ],
)
def test_what_cannot_be_right_is_refused(root, changed, said):
    write(root / "set/data/test-00002-of-00002.parquet", [record(9, 1, **changed)])
    with pytest.raises(UserError, match=said):
        make(root)
    assert not (root.parent / "elsewhere.wav").exists()


def test_certain_counts_are_checked_before_anything_is_written(root):
    with pytest.raises(UserError, match="eval has 4 genuine utterances; 5 are published"):
        make(root, expected={"eval": {"genuine": 5, "certain": True}})
    assert not (root / "made").exists()


def test_other_folders_and_files_are_refused(root):
    (root / "set/data/test-00001-of-00002.parquet").write_bytes(b"PAR1 and no more")
    with pytest.raises(UserError, match=r"test-00001-of-00002\.parquet: not a readable Parquet file"):
        make(root)
    for path in (root / "set/data").glob("test*"):
        path.unlink()
    with pytest.raises(UserError, match="holds no Parquet file with a column audio"):
        make(root)


def test_memory_holds_some_recordings_and_not_a_row_group(tmp_path):
    path = tmp_path / "test-00000-of-00001.parquet"
    records = [{"path": f"{n}.wav", "audio": {"bytes": bytes([n]) * 2**20}, "label": n % 2} for n in range(64)]
    table = pa.Table.from_pylist(records, schema=SCHEMA)
    pq.write_table(table, path, compression="none", use_dictionary=False, write_batch_size=1)  # a page for each
    assert pq.ParquetFile(path).num_row_groups == 1
    del table, records
    before, most = pa.total_allocated_bytes(), 0
    for number, data in enumerate(arena_parquet._recordings({path: "eval"})):
        assert data == bytes([number]) * 2**20
        most = max(most, pa.total_allocated_bytes() - before)
    assert most < 2**20 * 40  # of 64


def test_fakes_only_is_a_corpus_without_genuine_speech_and_studies_ask_for_the_parquet_folder():
    settings = parse(
        {"loader": "arena_parquet", "parquet": "x", "fakes_only": True}, KINDS["corpora"], "c.yaml", {"name": "c"}
    )
    assert settings.classes == ("fake",)
    assert load_corpus("arena_sonar").root == "results/corpora/arena_sonar"
