import csv
import os

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from support import stored
from typer.testing import CliRunner

from rawm import audio, paths
from rawm.cli.verbs import app
from rawm.corpora import audit
from rawm.corpora.importing import import_table
from rawm.errors import UserError
from rawm.features import folder as feature_folder
from rawm.features.store import FeatureStore
from rawm.study import load_corpus, load_study

DIM = 5
SPLITS = ("train", "train", "dev", "eval")


def values(number, frames=None):
    rng = np.random.default_rng(number)
    return rng.normal(size=DIM if frames is None else (frames, DIM)).astype(np.float32)


def save(path, array):
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".npy":
        np.save(path, array)
    else:
        torch.save(torch.from_numpy(array), path)


def write(folder, number=12, frames=False, **columns):
    """A table of features with files of all three kinds, one of them in a folder with a blank in its name."""
    records = []
    for k in range(number):
        path = f"{('vectors', 'more vectors')[k % 2]}/u.{k}{('.npy', '.pt', '.pth')[k % 3]}"
        save(folder / path, values(k, 3 + k if frames else None))
        record = {"utterance_id": f"u.{k}", "path": path, "label": ("spoof", "bonafide")[k % 2]}
        records.append(record | {"split": SPLITS[k % 4]} | {name: give(k) for name, give in columns.items()})
    return write_table(folder / "table.csv", records)


def write_table(path, records):
    with open(path, "w", newline="") as file:
        writer = csv.DictWriter(file, list(records[0]))
        writer.writeheader()
        writer.writerows(records)
    return path


def read_table(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def run(*arguments):
    """`rawm` with some arguments; its standard output. A user's mistake is raised."""
    result = CliRunner().invoke(app, list(map(str, arguments)), catch_exceptions=False)
    return result.stdout


def features_of(folder, name="features"):
    return FeatureStore(folder / f"{name}.safetensors")


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_from_a_table_to_training_samples_by_the_printed_corpus_file(here):
    write(here / "data", condition=lambda k: f"codec{k % 2}")
    text = run("import", "features", "data/table.csv", "--output", "vectors of mine", "--name", "wav2vec")
    assert len(text.splitlines()) == 4 and text.startswith("# yaml-language-server: $schema=")
    stored.write(text, "wav2vec", where="{condition: [codec1]}")
    stored.make_and_extract()
    train = stored.samples("train")
    assert train.ids == ["u.1", "u.5", "u.9"]
    assert torch.equal(train.features, torch.from_numpy(np.stack([values(k) for k in (1, 5, 9)])))
    assert train.labels.tolist() == [0, 0, 0]  # bonafide is before spoof
    assert stored.samples("dev") is None


def test_frames_stay_frames_or_are_averaged(here):
    table = write(here / "data", frames=True)
    import_table(table, here / "frames", "wav2vec", "none")
    import_table(table, here / "means", "wav2vec", "mean")
    frames, means = features_of(here / "frames", "wav2vec"), features_of(here / "means", "wav2vec")
    assert not frames.pooled and means.pooled
    for k in (0, 7):
        row = frames.index([f"u.{k}"])[0]
        np.testing.assert_allclose(frames.frames(row).numpy(), values(k, 3 + k), atol=2e-3)
        mean = means.vectors(means.index([f"u.{k}"]))[0].numpy()
        np.testing.assert_allclose(mean, values(k, 3 + k).mean(0), atol=1e-6)
    stored.write(f"loader: features\nroot: {here}/frames\n", "wav2vec")
    stored.make_and_extract()
    samples = stored.samples("train")
    assert not samples.pooled and samples.features[1].shape == (4, DIM)
    assert torch.equal(samples.features[1], frames.frames(frames.index(["u.1"])[0]))


def test_tables_in_all_three_formats_give_the_same_folder(here):
    table = write(here / "data")
    records = read_table(table)
    text = "\t".join(records[0]) + "\r\n" + "\r\n".join("\t".join(record.values()) for record in records)
    (here / "data/table.tsv").write_bytes(b"\xef\xbb\xbf" + text.encode())  # as from a spreadsheet
    pq.write_table(pa.Table.from_pylist(records), here / "data/table.parquet")
    contents = []
    for suffix in (".csv", ".tsv", ".parquet"):
        import_table(table.with_suffix(suffix), here / suffix / "out", "wav2vec", "none")
        contents.append([path.read_bytes() for path in sorted((here / suffix / "out").iterdir())])
    assert contents[0] == contents[1] == contents[2] and len(contents[0]) == 2


def test_everything_that_is_wrong_is_said_together_and_nothing_is_written(here):
    table = write(here / "data", number=16)
    records = read_table(table)
    for k, name in {12: "gone.npy", 13: "text.txt", 14: "dict.pth", 15: "objects.npy"}.items():
        records[k]["path"] = name
    (here / "data/text.txt").write_text("1 2 3")
    torch.save({"x": torch.zeros(DIM)}, here / "data/dict.pth")
    np.save(here / "data/objects.npy", np.array([{"x": 1}], dtype=object), allow_pickle=True)
    save(here / "data" / records[0]["path"], values(0, 4))
    save(here / "data" / records[1]["path"], np.zeros(DIM + 1, np.float32))
    save(here / "data" / records[2]["path"], np.full(DIM, np.inf, np.float32))
    (here / "data" / records[3]["path"]).write_bytes(b"cut short")
    records[4]["utterance_id"] = "u.5"
    records[6]["split"] = "test"
    write_table(table, records)
    with pytest.raises(UserError) as caught:
        import_table(table, here / "out", "wav2vec", "none")
    lines = str(caught.value).splitlines()
    for said in (
        "gone.npy: no such file",
        "text.txt: unknown kind of file; .npy, .pt or .pth is needed",
        "dict.pth: holds a dict; one tensor of numbers is needed",
        "objects.npy: cannot be read as tensors alone",
        "u.0: has the shape (4, 5); most have (5,)",
        "u.1: has the shape (6,); most have (5,)",
        "u.2: is not finite",
        "u.3.npy: cannot be read as tensors alone",
        "first 'u.5': utterance_id is not unique",
        "first 'u.6': split is not one of train, dev, eval, -",
    ):
        assert sum(said in line for line in lines) == 1, said
    assert len(lines) == 10
    assert list((here / "out").iterdir()) == []


def test_a_failed_import_leaves_the_folder_as_it_was(here):
    table = write(here / "data")
    import_table(table, here / "out", "wav2vec", "none")
    before = {path.name: path.read_bytes() for path in (here / "out").iterdir()}
    os.unlink(here / "data" / read_table(table)[0]["path"])
    with pytest.raises(UserError):
        import_table(table, here / "out", "wav2vec", "none")
    assert {path.name: path.read_bytes() for path in (here / "out").iterdir()} == before


def test_a_folder_holds_several_feature_sets_of_the_same_utterances(here):
    import_table(write(here / "a"), here / "out", "wav2vec", "none")
    import_table(write(here / "b"), here / "out", "xlsr", "none")
    assert sorted(path.name for path in (here / "out").iterdir()) == [
        "table.parquet",
        "wav2vec.safetensors",
        "xlsr.safetensors",
    ]
    with pytest.raises(UserError, match=r"wav2vec\.safetensors: is of other utterances"):
        import_table(write(here / "c", number=13), here / "out", "xlsr", "none")


def test_a_table_without_splits_needs_a_division(here):
    table = write(here / "data", number=60)
    write_table(table, [{k: v for k, v in record.items() if k != "split"} for record in read_table(table)])
    text = run("import", "features", table, "--output", "out")
    assert "splits:" in text
    stored.write(text, "features")
    stored.make_and_extract()
    assert sum(len(stored.samples(split)) for split in paths.SPLITS) == 60
    stored.write(f"loader: features\nroot: {here}/out\n", "features")
    with pytest.raises(UserError, match=r"60 utterance\(s\) have no official split; add `splits:`"):
        stored.make_and_extract()


def test_words_are_mapped_to_one_polarity_and_unknown_ones_are_refused(here):
    import_table(write(here / "data"), here / "out", "wav2vec", "none")
    text = "loader: features\nroot: out\nlabels: {bonafide: genuine, spoof: fake}\n"
    stored.write(text, "wav2vec")
    stored.make_and_extract()
    assert load_study("mine").classes == ("fake", "genuine")
    assert stored.samples("train").labels.tolist() == [1 if int(k) % 2 else 0 for k in "014589"]
    stored.write("loader: features\nroot: out\nlabels: {bonafide: genuine}\n", "wav2vec")
    with pytest.raises(UserError, match=r"label 'spoof' in 6 row\(s\) is not one of bonafide; map it under `labels`"):
        stored.make_and_extract()


def test_an_utterance_without_features_is_named_by_the_front_end(here):
    import_table(write(here / "data"), here / "out", "wav2vec", "none")
    stored.write("loader: features\nroot: out\n", "wav2vec")
    stored.make_and_extract()
    import_table(write(here / "fewer", number=8), here / "other", "wav2vec", "none")
    os.replace("other/wav2vec.safetensors", "out/wav2vec.safetensors")
    with pytest.raises(UserError, match=r"2 of 6 utterances of mine train have no features, first 'u\.8'"):
        stored.make_and_extract()
    stored.write("loader: features\nroot: out\n", "xlsr")
    with pytest.raises(UserError, match=r"xlsr\.safetensors: no such feature set; .* in this folder: wav2vec"):
        stored.make_and_extract()
    os.unlink("out/table.parquet")
    with pytest.raises(UserError, match=r"table\.parquet: no such file; make the folder with `rawm import"):
        stored.make_and_extract()


def test_no_audio_is_looked_for_or_opened(here, monkeypatch):
    def refuse(*arguments):
        raise AssertionError("audio was opened")

    import_table(write(here / "data"), here / "out", "wav2vec", "none")
    monkeypatch.setattr(audio, "duration", refuse)
    monkeypatch.setattr(audio, "load", refuse)
    stored.write("loader: features\nroot: out\n", "wav2vec")
    stored.make_and_extract()
    report = audit.check(load_corpus("mine"), deep=True)
    assert (report.errors, report.warnings) == ([], [])
    assert report.counts[("train", "spoof")] == 3


def test_front_ends_and_corpora_that_do_not_fit_are_said_before_any_job(here):
    import_table(write(here / "data"), here / "out", "wav2vec", "none")
    stored.write("loader: features\nroot: out\n", "wav2vec")
    (here / "config/frontends/mine.yaml").write_text("type: lfcc\n")
    with pytest.raises(UserError, match="frontend mine: needs audio, but corpus mine has stored features"):
        load_study("mine")
    with pytest.raises(UserError, match="--frontend mine: needs audio"):
        run("extract", "--frontend", "mine", "--corpus", "mine")
    stored.write("loader: synthetic\n", "wav2vec")
    with pytest.raises(UserError, match="frontend mine: looks up stored features, but corpus mine has audio"):
        load_study("mine")


def test_clear_is_imported_by_the_command_line(here):
    for number in range(20):
        save(here / f"clear/features/imagenet/1/{('bus', 'dress')[number % 2]}/{number}.pth", values(number)[None])
    text = run("import", "clear", "clear", "--features", "imagenet", "--output", "mine")
    assert len(text.splitlines()) == 4
    stored.write(text, "imagenet")
    stored.make_and_extract()
    train = stored.samples("train")
    assert train.n_features == DIM and set(train.labels.tolist()) == {0, 1}
    assert len(train) + len(stored.samples("eval")) == 20
    assert feature_folder.table(here / "mine").is_file()
