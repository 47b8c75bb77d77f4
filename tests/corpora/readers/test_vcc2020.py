from collections import Counter
from itertools import product
from pathlib import Path

import pytest
from support import disk

from rawm import manifest
from rawm.corpora import listing
from rawm.corpora.readers import vcc2020
from rawm.errors import UserError
from rawm.study import load_corpus

CONFIG = Path(__file__).parents[3] / "config"
SOURCES = ("SEF1", "SEF2", "SEM1", "SEM2")
INTRA, CROSS = ("TEF1", "TEF2", "TEM1", "TEM2"), ("TFF1", "TFM1", "TGF1", "TGM1", "TMF1", "TMM1")
TASKS = (("task1", "intra", INTRA), ("task2", "cross", CROSS))
E3 = [f"E3000{n}" for n in range(1, 6)]


def official_names():
    """Every file of both repositories, under the names that they have there; which teams left out a task is made up."""
    for speaker, n in product(SOURCES, range(1, 71)):
        yield f"source/{speaker}/E1{n:04}.wav"
    for speaker in INTRA:
        yield from (f"target_task1/{speaker}/E1{n:04}.wav" for n in range(51, 71))
        yield from (f"target_task1/{speaker}/E2{n:04}.wav" for n in range(1, 51))
    for speaker, n in product(CROSS, range(1, 71)):
        yield f"target_task2/{speaker}/{speaker[1]}1{n:04}.wav"
    for n in range(1, 26):
        yield from (f"vcc2020_database_evaluation/{speaker}/E3{n:04}.wav" for speaker in SOURCES)
        yield from (f"vcc2020_database_groundtruth/{speaker}/E3{n:04}.wav" for speaker in INTRA + CROSS)
    teams = [(f"{team:02}", f"T{team:02}", (team <= 31, team >= 6)) for team in range(1, 34)]
    for number, folder, took_part in [*teams, ("34", "SOU", (True, True))]:
        for (task, kind, targets), there in zip(TASKS, took_part, strict=True):
            for target, source, sentence in product(targets, SOURCES, E3 if there else ()):
                yield f"{folder}/{task}/team{number}_{kind}-{target}_{source}_{sentence}.wav"
    for speaker in INTRA + CROSS:
        yield from (f"TAR/task1/ref-{speaker}_E300{n}.wav" for n in range(21, 26))
    for speaker in CROSS:
        yield from (f"TAR/task2/ref-{speaker}_{speaker[1]}100{n}.wav" for n in range(61, 66))


def few():
    """One file of each part, and the clip of which SOU and TAR have copies."""
    yield "source/SEM1/E10001.wav"
    yield "target_task1/TEF1/E20050.wav"
    yield "target_task2/TMF1/M10001.wav"
    yield "vcc2020_database_evaluation/SEF1/E30001.wav"
    yield "vcc2020_database_groundtruth/TEF1/E30021.wav"
    yield "SOU/task1/team34_intra-TEF1_SEF1_E30001.wav"
    yield "SOU/task2/team34_cross-TGM1_SEF1_E30001.wav"
    yield "TAR/task1/ref-TEF1_E30021.wav"
    for team in range(1, 34):
        yield f"T{team:02}/task1/team{team:02}_intra-TEM1_SEF1_E30001.wav"


@pytest.fixture
def root(tmp_path):
    for name in few():
        disk.write_audio(tmp_path / name, 0.1, 24000)
    return tmp_path


def by_id(rows):
    return {row["utterance_id"]: row for row in rows}


def test_copies_in_the_listening_test_are_natural_speech_whatever_their_names(root):
    rows = by_id(disk.read("vcc2020", root).rows)
    for copy, speaker in {
        "SOU_task1_team34_intra-TEF1_SEF1_E30001": "SEF1",
        "SOU_task2_team34_cross-TGM1_SEF1_E30001": "SEF1",
        "TAR_task1_ref-TEF1_E30021": "TEF1",
    }.items():
        assert (rows[copy]["label"], rows[copy]["attack"], rows[copy]["speaker"]) == ("genuine", "-", speaker)


def test_a_clip_its_copies_and_its_conversions_are_one_group(root):
    groups = {name: row["group"] for name, row in by_id(disk.read("vcc2020", root).rows).items()}
    assert {name for name, group in groups.items() if group == "SEF1_E30001"} == {
        "vcc2020_database_evaluation_SEF1_E30001",
        "SOU_task1_team34_intra-TEF1_SEF1_E30001",
        "SOU_task2_team34_cross-TGM1_SEF1_E30001",
        *(f"T{team:02}_task1_team{team:02}_intra-TEM1_SEF1_E30001" for team in range(1, 34)),
    }
    assert groups["TAR_task1_ref-TEF1_E30021"] == groups["vcc2020_database_groundtruth_TEF1_E30021"]


def test_conversions_name_their_team_and_their_target_and_speak_the_source_s_language(root):
    rows = by_id(disk.read("vcc2020", root).rows)
    fake = rows["T14_task1_team14_intra-TEM1_SEF1_E30001"]
    assert (fake["label"], fake["attack"], fake["speaker"], fake["language"]) == ("fake", "T14", "TEM1", "en")
    assert rows["target_task2_TMF1_M10001"]["language"] == "zh"


def test_counts_are_the_published_ones_of_natural_and_converted_speech(tmp_path):
    for name in official_names():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    corpus = load_corpus("vcc2020", CONFIG).model_copy(update={"root": str(tmp_path)})
    rows, errors, warnings = listing.examine(corpus, vcc2020.read)
    assert errors == warnings == []
    assert manifest.leak_problems(rows, "group") == []
    splits = Counter(row["split"] for row in rows if row["label"] == "fake")
    assert splits == {"train": 2920, "dev": 1460, "eval": 1460}


def test_the_repositories_may_lie_in_folders_of_their_own(root):
    expected = [row | {"path": ""} for row in disk.read("vcc2020", root).rows]
    for part in [path for path in root.iterdir()]:
        listening = part.name in ("SOU", "TAR") or part.name.startswith("T")
        repository = root / f"VCC2020-{'listeningtest-1.0.1' if listening else 'database'}"
        repository.mkdir(exist_ok=True)
        part.rename(repository / part.name)
    found = disk.read("vcc2020", root)
    assert found.problems == []
    assert [row | {"path": ""} for row in found.rows] == expected
    assert all((root / row["path"]).is_file() for row in found.rows)


def test_hidden_copies_of_a_mac_are_left_out(root):
    (root / "source/SEM1/._E10001.wav").write_bytes(b"Mac OS X")
    disk.write_lines(root / "__MACOSX/source/SEM1/._E10001.wav", ["Mac OS X"])
    assert len(disk.make("vcc2020", root, splits={"train": 1, "eval": 0})) == len(list(few()))


def test_parts_that_are_not_unpacked_are_named_unless_a_part_is_wanted(root):
    (root / "TAR/task1/ref-TEF1_E30021.wav").unlink()
    (root / "T14/task1/team14_intra-TEM1_SEF1_E30001.wav").unlink()
    with pytest.raises(UserError, match="no audio in TAR, T14 under"):
        disk.make("vcc2020", root, splits={"train": 1, "eval": 0})
    assert disk.read("vcc2020", root, waive_counts=True).problems == []


def test_files_with_other_names_are_refused(root):
    disk.write_audio(root / "T14/task1/SEF1_E30001.wav", 0.1)
    disk.write_audio(root / "source/SEM1/E10002_denoised.wav", 0.1)
    with pytest.raises(UserError, match=r"2 file\(s\), first source/SEM1/E10002_denoised\.wav, are not named after"):
        disk.make("vcc2020", root, splits={"train": 1, "eval": 0})
