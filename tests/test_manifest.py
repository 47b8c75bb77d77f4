import numpy as np
import pytest

from rawm import manifest
from rawm.errors import UserError


def row(number, **changed):
    genuine = number % 2 == 0
    return {
        "utterance_id": f"u{number:03d}",
        "path": f"a/u{number:03d}.flac",
        "label": "genuine" if genuine else "fake",
        "split": ("train", "dev", "eval")[number // 2 % 3],
        "corpus": "mine",
        "speaker": "s",
        "attack": "-" if genuine else "A01",
        "language": "en",
        "condition": "-",
        "duration_s": 1.0 + number,
        "group": f"g{number // 2}",
    } | changed


ROWS = [row(number) for number in range(12)]


def test_round_trip_sorts_and_keeps_every_column(tmp_path):
    path = tmp_path / "mine.parquet"
    manifest.write(reversed(ROWS), path)
    loaded = manifest.read(path)
    assert len(loaded) == 12 and loaded.rows() == ROWS
    assert loaded.duration_s.dtype == np.float64


def test_equal_rows_give_equal_bytes_in_any_order(tmp_path):
    manifest.write(ROWS, tmp_path / "a.parquet")
    manifest.write(ROWS[::-1], tmp_path / "b.parquet")
    assert (tmp_path / "a.parquet").read_bytes() == (tmp_path / "b.parquet").read_bytes()
    manifest.write([*ROWS[:-1], row(11, speaker="t")], tmp_path / "c.parquet")
    digests = {name: manifest.digest(tmp_path / f"{name}.parquet") for name in "abc"}
    assert digests["a"] == digests["b"] != digests["c"]


def test_select_by_split_and_columns(tmp_path):
    manifest.write([*ROWS, row(13, attack="A02", split="train")], tmp_path / "m.parquet")
    loaded = manifest.read(tmp_path / "m.parquet")
    train = loaded.select(split="train")
    assert set(train.split) == {"train"} and len(train) == 5
    kept = train.select(where={"attack": ["-", "A02"], "language": ["en"]})
    assert kept.utterance_id == ["u000", "u006", "u013"] and kept.duration_s.tolist() == [1.0, 7.0, 14.0]
    assert len(loaded.select(split="train", where={"attack": ["none"]})) == 0
    with pytest.raises(UserError, match=r"'atack'.*columns: utterance_id"):
        loaded.select(where={"atack": ["-"]})


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"utterance_id": "u001"}, "2 utterance.s., first 'u001': utterance_id is not unique"),
        ({"label": "bonafide"}, "label is not one of genuine, fake"),
        ({"split": "test"}, "split is not one of train, dev, eval"),
        ({"duration_s": float("nan")}, "duration_s is not a number"),
        ({"duration_s": None}, "duration_s is not a number"),
        ({"speaker": ""}, "speaker is empty"),
        ({"path": None}, "path is empty"),
        ({"group": "g0"}, r"1 value\(s\) of group occur in several splits; first: 'g0' in eval, train"),
    ],
)
def test_wrong_rows_are_refused_and_nothing_is_written(tmp_path, changed, sentence):
    with pytest.raises(UserError, match=sentence):
        manifest.write([*ROWS[:-1], row(11, **changed)], tmp_path / "m.parquet")
    assert not list(tmp_path.iterdir())


def test_all_problems_are_reported_together(tmp_path):
    with pytest.raises(UserError) as caught:
        manifest.write(
            [row(0, label="x"), row(1, split="y", group="g9"), row(2, duration_s=-1.0)], tmp_path / "m.parquet"
        )
    assert len(str(caught.value).splitlines()) == 3


def test_wrong_columns_are_named(tmp_path):
    wrong = {key: value for key, value in row(0).items() if key != "group"} | {"gender": "f"}
    with pytest.raises(UserError, match=r"missing: group; unknown: gender"):
        manifest.write([wrong], tmp_path / "m.parquet")


def test_unreadable_manifests_give_one_sentence(tmp_path):
    with pytest.raises(UserError, match="no such manifest; make it with `rawm corpora make gone`"):
        manifest.read(tmp_path / "gone.parquet")
    (tmp_path / "bad.parquet").write_bytes(b"PAR1 not really")
    with pytest.raises(UserError, match=r"not a readable manifest .*; delete it and make it again"):
        manifest.read(tmp_path / "bad.parquet")
