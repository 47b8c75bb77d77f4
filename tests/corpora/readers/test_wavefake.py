from pathlib import Path

import pytest
from support import disk

from rawm.corpora import listing, reader
from rawm.corpora.readers import wavefake
from rawm.errors import UserError
from rawm.study import load_corpus

CONFIG = Path(__file__).parents[3] / "config"
COMMON_VOICES = "common_voices_prompts_from_conformer_fastspeech2_pwg_ljspeech"


@pytest.fixture
def root(tmp_path):
    """Two sentences of each source by each of its vocoders; the prompts lie there twice."""
    for folder in wavefake.FOLDERS:
        for n in (1, 2):
            sentence = f"BASIC5000_{n:04}" if folder.startswith("jsut") else f"LJ001-{n:04}"
            name = f"gen_{n}" if folder == COMMON_VOICES else f"{sentence}_gen"
            disk.write_audio(tmp_path / folder / f"{name}.wav", 0.1, 22050)
    for n in (1, 2):
        disk.write_audio(tmp_path / COMMON_VOICES / "generated" / f"gen_{n}.wav", 0.1, 22050)
    return tmp_path


def test_all_are_fakes_by_vocoder_and_names_used_again_are_utterances_of_their_own(root):
    rows = disk.make("wavefake", root, splits={"train": 1, "eval": 0})
    assert len(rows) == len({row["utterance_id"] for row in rows}) == 20
    found = {row["utterance_id"]: (row["label"], row["attack"], row["speaker"], row["language"]) for row in rows}
    assert found["ljspeech_hifiGAN/LJ001-0001_gen"] == ("fake", "hifiGAN", "ljspeech", "en")
    assert found["jsut_multi_band_melgan/BASIC5000_0002_gen"] == ("fake", "multi_band_melgan", "jsut", "ja")
    assert found[f"{COMMON_VOICES}/gen_2"] == ("fake", "conformer_fastspeech2_pwg", "ljspeech", "en")


def test_the_second_copy_of_the_prompts_is_left_alone(root):
    assert not any("generated" in row["path"] for row in disk.read("wavefake", root).rows)


def test_a_sentence_and_its_vocoded_copies_never_straddle_splits_of_the_corpora_that_ship(tmp_path):
    corpora = {}
    for label in ("wavefake", "ljspeech", "jsut_basic5000"):
        corpora[label] = load_corpus(label, CONFIG).model_copy(update={"root": str(tmp_path / label)})
    sentences = [*(f"LJ001-{n:04}" for n in range(30)), *(f"BASIC5000_{n:04}" for n in range(30))]
    for sentence in sentences:
        source, genuine = ("ljspeech", "wavs") if sentence[0] == "L" else ("jsut", "basic5000/wav")
        label = "ljspeech" if source == "ljspeech" else "jsut_basic5000"
        for path in (f"{label}/{genuine}/{sentence}.wav", f"wavefake/{source}_parallel_wavegan/{sentence}_gen.wav"):
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / path).touch()
    sides = {sentence: set() for sentence in sentences}
    for corpus in corpora.values():
        rows, *_ = listing.examine(corpus, reader(corpus.loader))
        assert len(rows) in (30, 60)
        for row in rows:
            sides[row["group"]].add(row["split"])
    assert all(len(where) == 1 for where in sides.values())
    assert set().union(*sides.values()) == {"train", "dev", "eval"}


def test_prompts_are_groups_of_their_own(root):
    groups = {row["group"] for row in disk.read("wavefake", root).rows if row["path"].startswith("common")}
    assert groups == {f"{COMMON_VOICES}/gen_1", f"{COMMON_VOICES}/gen_2"}


def test_a_vocoder_that_is_not_unpacked_is_named_unless_a_part_is_wanted(root):
    for path in (root / "ljspeech_melgan").iterdir():
        path.unlink()
    with pytest.raises(UserError, match=r"no audio in .*/ljspeech_melgan; unpack all of generated_audio\.zip"):
        disk.make("wavefake", root, splits={"train": 1, "eval": 0})
    assert len(disk.make("wavefake", root, splits={"train": 1, "eval": 0}, waive_counts=True)) == 18
