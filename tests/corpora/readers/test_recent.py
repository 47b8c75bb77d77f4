"""What every reader of a corpus of 2023 to 2026 must do; what only one of them does is at the end."""

import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from support import disk
from support.recent import RECENT

from rawm.corpora import READERS
from rawm.corpora.readers.partialspoof import segment_labels
from rawm.errors import UserError

LISTED = [loader for loader, recent in RECENT.items() if recent.line]
SPLITS = {"train": 0.5, "eval": 0.5}


@pytest.fixture
def made(request, tmp_path):
    """(loader, what is known of it, root, rows that must be found)."""
    recent = RECENT[request.param]
    return request.param, recent, tmp_path, recent.make(tmp_path)


def read(loader, root):
    return disk.read(loader, root, **RECENT[loader].given)


def every(loaders):
    return pytest.mark.parametrize("made", loaders, indirect=True)


@every(RECENT)
def test_official_names_give_split_label_and_id_and_each_file_is_there(made):
    loader, recent, root, expected = made
    rows, problems = read(loader, root)
    assert problems == []
    assert disk.summary(rows) == expected
    undivided = {"splits": SPLITS} if any(not split for split, _, _ in expected) else {}
    if not undivided:
        rows = disk.make(loader, root, **recent.given)
        assert disk.summary(rows) == expected and all(row["duration_s"] > 0 for row in rows)
    listed = {str(root / row["path"]) for row in rows}
    assert all(Path(path).is_file() for path in listed)
    assert {path.stem for path in root.rglob("*.*") if "unlisted" in path.name} <= {"unlisted"}
    assert not any("unlisted" in path or "elsewhere" in path or "/other/" in path for path in listed)


@every(RECENT)
def test_genuine_utterances_have_no_attack_and_fakes_name_one_where_it_is_known(made):
    loader, _, root, _ = made
    rows = read(loader, root).rows
    assert {row["attack"] for row in rows if row["label"] == "genuine"} == {"-"}
    if loader not in ("arena_list", "deepfake_eval_2024"):
        assert "-" not in {row["attack"] for row in rows if row["label"] == "fake"}


@every(LISTED)
def test_windows_line_ends_a_byte_order_mark_and_a_missing_last_newline_change_nothing(made):
    loader, recent, root, _ = made
    expected = read(loader, root)
    for path in root.glob(recent.protocols):
        disk.write_lines(path, ["\ufeff" + path.read_text().replace("\n", "\r\n").rstrip("\r\n")], last=False)
    assert read(loader, root) == expected


@every(RECENT)
def test_a_missing_recording_is_named(made):
    loader, recent, root, expected = made
    undivided = {"splits": SPLITS | {"by": "utterance"}} if not min(expected)[0] else {}
    row = read(loader, root).rows[-1]
    (root / row["path"]).unlink()
    if recent.line:
        with pytest.raises(UserError, match=r"1 of \d+ files are not under") as caught:
            disk.make(loader, root, **recent.given, **undivided)
        assert Path(row["path"]).stem in str(caught.value)
    else:  # folders are the labels
        assert row["utterance_id"] not in {found["utterance_id"] for found in read(loader, root).rows}


@every([loader for loader in LISTED if RECENT[loader].wrong[0]])
def test_a_class_word_of_another_corpus_is_refused(made):
    loader, recent, root, _ = made
    path = next(path for path in sorted(root.glob(recent.protocols)) if recent.wrong[0] in path.read_text())
    path.write_text(path.read_text().replace(*recent.wrong))
    (problem,) = read(loader, root).problems
    assert f"label {recent.wrong[1].strip(', ')!r} in" in problem and "is not one of" in problem


@every([loader for loader in RECENT if loader != "antideepfake"])
def test_an_empty_root_is_refused(made, tmp_path):
    loader, recent, _, _ = made
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError) as caught:
        disk.make(loader, tmp_path / "empty", **recent.given, splits=SPLITS)
    assert str(tmp_path / "empty") in str(caught.value) or "no such protocol file" in str(caught.value)


@pytest.mark.slow
@every(LISTED)
def test_a_list_of_100_000_lines_is_read_in_seconds(made):
    loader, recent, root, expected = made
    path = sorted(root.glob(recent.protocols), key=lambda path: ("train" not in path.name, path.name))[0]
    added = "".join(recent.line.replace("{}", f"{number:06d}") + "\n" for number in range(100_000))
    path.write_text(path.read_text() + added)
    start = time.process_time()  # of one reader alone it is under two, see benchmarks/protocols.py
    rows, problems = read(loader, root)
    assert time.process_time() - start < 10
    assert problems == [] and len(rows) == len(expected) + 100_000


def test_every_reader_of_these_corpora_is_in_the_table():
    assert set(RECENT) < set(READERS)


def test_deepfake_eval_says_how_many_recordings_it_leaves_out(tmp_path, capsys):
    RECENT["deepfake_eval_2024"].make(tmp_path)
    read("deepfake_eval_2024", tmp_path)
    said = capsys.readouterr().err
    assert "left out: 1 recording(s) of " in said and "with Ground Truth 'Unknown'" in said
    assert "1 recording(s)" in said.splitlines()[0] and "with Finetuning Set ''" in said


def test_names_in_arena_lists_that_two_files_have_are_not_guessed(tmp_path):
    for path in ("a/7.wav", "b/7.wav", "c/8.wav"):
        disk.write_audio(tmp_path / path)
    absolute = disk.write_audio(tmp_path / "elsewhere" / "9.wav")
    names = ("7", "8", "a/7", "d/8", str(absolute))
    disk.write_lines(tmp_path / "list.csv", ["file_name,label", *(f"{name},spoof" for name in names)])
    rows = disk.read("arena_list", tmp_path, lists={"eval": "list.csv"}).rows
    assert [row["path"] for row in rows] == ["7", "c/8.wav", "a/7.wav", "d/8", str(absolute)]


def test_antideepfake_refuses_paths_without_root_and_unknown_parts_together(tmp_path):
    RECENT["antideepfake"].make(tmp_path)
    text = (tmp_path / "DFADD.csv").read_text()
    (tmp_path / "DFADD.csv").write_text(text.replace("$ROOT/DFADD/test/real", "/data/real").replace(",valid,", ",7,"))
    assert [problem.partition(": ")[2] for problem in read("antideepfake", tmp_path).problems] == [
        "2 utterance(s), first D-valid-real: Proportion '7' is not one of train, valid, test, -",
        "1 utterance(s), first D-test-real: Path does not begin with $ROOT/",
    ]


def test_antideepfake_durations_of_the_list_are_used_and_others_are_measured(tmp_path):
    RECENT["antideepfake"].make(tmp_path)
    text = (tmp_path / "DFADD.csv").read_text()
    (tmp_path / "DFADD.csv").write_text(text.replace("real,0.3", "real,7.5", 1).replace("fake,0.3", "fake,", 1))
    rows = {row["utterance_id"]: row for row in disk.make("antideepfake", tmp_path, table="DFADD.csv")}
    assert rows["D-train-real"]["duration_s"] == 7.5
    assert rows["D-train-fake"]["duration_s"] == pytest.approx(0.3)
    assert {row["language"] for row in rows.values()} == {"en"}


def segments(root, split, **labels):
    (root / "segment_labels").mkdir(exist_ok=True)
    np.savez(
        root / f"segment_labels/{split}_seglab_0.02.npz",
        **{name: np.array(list(text)) for name, text in labels.items()},
    )


def test_partialspoof_segments_give_the_share_that_is_fake_where_0_is_spoof(tmp_path):
    RECENT["partialspoof"].make(tmp_path)
    for split, fake in (("train", "0111"), ("dev", "0000"), ("eval", "1110000111")):
        letter = split[0].upper()
        segments(tmp_path, split, **{f"LA_{letter}_1000137": "1111", f"CON_{letter}_0000029": fake})
    rows = disk.make("partialspoof", tmp_path, version="segments")
    bands = {(row["split"], row["label"]): row["condition"] for row in rows}
    assert bands == {
        ("train", "fake"): "25-50", ("dev", "fake"): "75-100", ("eval", "fake"): "25-50",
        **{(split, "genuine"): "-" for split in ("train", "dev", "eval")},
    }  # fmt: skip


def test_partialspoof_pickled_segments_are_not_opened_and_the_way_to_convert_them_is_said(tmp_path):
    RECENT["partialspoof"].make(tmp_path)
    (tmp_path / "segment_labels").mkdir()
    np.save(
        tmp_path / "segment_labels/train_seglab_0.02.npy",
        np.array({"a": np.array(["1"])}, dtype=object),
        allow_pickle=True,
    )
    with pytest.raises(UserError, match=r"the official .npy is a pickle.*np.savez\('train_seglab_0.02.npz'"):
        disk.read("partialspoof", tmp_path, version="segments")
    np.savez(tmp_path / "segment_labels/train_seglab_0.02.npz", a=np.array({}, dtype=object))
    with pytest.raises(UserError, match="cannot be read without unpickling"):
        disk.read("partialspoof", tmp_path, version="segments")


def test_partialspoof_the_command_that_is_said_converts(tmp_path):
    RECENT["partialspoof"].make(tmp_path)
    folder = tmp_path / "segment_labels"
    folder.mkdir()
    labels = {"LA_T_1000137": np.array(["1", "1"]), "CON_T_0000029": np.array(["0", "1"])}
    np.save(folder / "train_seglab_0.02.npy", np.array(labels, dtype=object), allow_pickle=True)
    with pytest.raises(UserError) as caught:
        disk.read("partialspoof", tmp_path, version="segments")
    command = str(caught.value).partition('python -c "')[2].rstrip('"')
    subprocess.run([sys.executable, "-c", command], cwd=folder, check=True)
    read_back = segment_labels(tmp_path, "train")
    assert {name: frames.tolist() for name, frames in read_back.items()} == {
        "LA_T_1000137": [True, True],
        "CON_T_0000029": [False, True],
    }


def test_partialspoof_utterances_without_segment_labels_are_counted(tmp_path):
    RECENT["partialspoof"].make(tmp_path)
    for split in ("train", "dev", "eval"):
        segments(tmp_path, split, nothing="1")
    assert (
        "2 utterance(s) of dev have no segment labels"
        in disk.read("partialspoof", tmp_path, version="segments").problems[1]
    )


def test_llamapartialspoof_partly_fake_is_an_attack_of_its_own_and_one_archive_is_enough(tmp_path):
    RECENT["llamapartialspoof"].make(tmp_path)
    rows = read("llamapartialspoof", tmp_path).rows
    assert [row["attack"] for row in rows] == ["-", "full", "partial"]
    (tmp_path / "label_R01TTS.0.b.txt").unlink()
    assert {row["condition"] for row in read("llamapartialspoof", tmp_path).rows} == {"R01TTS.0.a"}


def test_a_clip_and_its_copies_share_a_split_of_our_own(tmp_path):
    for loader in ("cvoicefake", "odss"):
        RECENT[loader].make(tmp_path / loader)
        rows = read(loader, tmp_path / loader).rows
        assert len({row["group"] for row in rows}) < len(rows) / 2


def test_cvoicefake_folders_of_other_names_are_refused(tmp_path):
    RECENT["cvoicefake"].make(tmp_path)
    disk.write_audio(tmp_path / "CVoiceFake_Large/EN/diffwave/a.mp3")
    (problem,) = read("cvoicefake", tmp_path).problems
    assert "EN/diffwave: is neither Bonafide nor <vocoder>_generated" in problem
    assert {row["language"] for row in read("cvoicefake", tmp_path).rows} == {"en", "zh"}


def test_diffssd_real_files_lie_in_either_place_and_the_label_column_has_two_names(tmp_path):
    expected = RECENT["diffssd"].make(tmp_path)
    (tmp_path / "LibriSpeech").rename(tmp_path / "real_speech/LibriSpeech")
    (tmp_path / "real_speech/LJSpeech-1.1").rename(tmp_path / "LJSpeech-1.1")
    path = tmp_path / "train_val_test_splits.csv"
    path.write_text(path.read_text().replace("target", "label"))
    rows = disk.make("diffssd", tmp_path)
    assert disk.summary(rows) == expected
    assert {row["attack"] for row in rows} == {"-", "grad_tts", "your_tts", "playht"}
    path.write_text(path.read_text().replace(",label", ",class"))
    with pytest.raises(UserError, match="no column target; found: filename"):
        read("diffssd", tmp_path)


def test_speechfake_experiments_have_their_own_lists_and_tests_are_conditions(tmp_path):
    folder = tmp_path / "metadata/experiments/cross_generator"
    for name in ("train_TTS", "dev_TTS", "test_TTS", "test_NV", "train_VC"):
        disk.write_lines(folder / f"{name}.csv", ["file,label", f"BD/VITS/{name[:5]}.wav,fake", "Real/VCTK/a.wav,real"])
    rows = disk.read("speechfake", tmp_path, version="cross_generator_TTS").rows
    assert {(row["split"], row["condition"]) for row in rows} == {
        ("train", "-"), ("dev", "-"), ("eval", "TTS"), ("eval", "NV"),
    }  # fmt: skip
    assert "NV/BD/VITS/test_.wav" in {row["utterance_id"] for row in rows}
    with pytest.raises(UserError, match=r"cross_speaker: holds no test_\*\.csv"):
        disk.read("speechfake", tmp_path, version="cross_speaker")
