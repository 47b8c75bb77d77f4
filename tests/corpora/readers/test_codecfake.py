import pytest
from support import disk

from rawm.config.corpora import FAKE_ONLY
from rawm.errors import UserError

REAL, FAKE = "SSB13650058", "F01_SSB13650058"
TESTS = ("C1", "C2", "C7", "A1")


def write_xie(root, part, folder, lines):
    disk.write_lines(root / f"label/{part}.txt", lines)
    for line in lines:
        disk.write_audio(root / folder / line.split()[0])
    disk.write_audio(root / folder / "unlisted.wav")


@pytest.fixture
def xie(tmp_path):
    """Parts in the folders that users report: nested, under test/, and beside label/. Tests share their real files."""
    write_xie(tmp_path, "train", "train_split/train", ["SSB00050001.wav real 0", "F02_SSB00050001.wav fake 2"])
    write_xie(tmp_path, "dev", "dev", ["p225_001.wav real 0", "F06_p225_001.wav fake 6"])
    for part in TESTS:
        lines = [f"{REAL}.wav real 0", f"{FAKE}.wav fake 1"]
        write_xie(tmp_path, part, f"test/{part}" if part == "C2" else part, lines)
    disk.write_lines(tmp_path / "label/A3.txt", ["anything.wav fake 1"])  # the labels of a test that was not fetched
    return tmp_path


def test_xie_0_is_real_and_tests_are_the_conditions_of_evaluation_data(xie):
    rows = disk.make("codecfake_xie", xie)
    assert disk.summary(rows) == {
        ("train", "genuine", "train/SSB00050001"),
        ("train", "fake", "train/F02_SSB00050001"),
        ("dev", "genuine", "dev/p225_001"),
        ("dev", "fake", "dev/F06_p225_001"),
        *(("eval", "genuine", f"{part}/{REAL}") for part in TESTS),
        *(("eval", "fake", f"{part}/{FAKE}") for part in TESTS),
    }
    assert {row["condition"] for row in rows if row["split"] == "eval"} == set(TESTS)


def test_xie_speaker_language_and_codec_are_in_the_name(xie):
    disk.write_lines(xie / "label/A1.txt", ["generated7.wav fake 1"])
    disk.write_audio(xie / "A1/generated7.wav")
    rows = {row["utterance_id"]: row for row in disk.make("codecfake_xie", xie)}
    found = {name: tuple(row[k] for k in ("attack", "speaker", "language")) for name, row in rows.items()}
    assert found["train/F02_SSB00050001"] == ("F02", "SSB0005", "zh")
    assert found["dev/p225_001"] == ("-", "p225", "en")
    assert found["A1/generated7"] == ("A1", "-", "-")


def test_xie_sentences_of_c7_that_are_in_train_stop_nothing_but_share_a_split_of_our_own(xie):
    write_xie(xie, "C7", "C7", ["F07_SSB00050001.wav fake 7"])
    assert len(disk.make("codecfake_xie", xie)) == 11
    rows = disk.divided("codecfake_xie", xie, splits={"train": 0.5, "eval": 0.5})
    shared = [row for row in rows if row["group"] == "SSB00050001"]
    assert len(shared) == 3 and len({row["split"] for row in shared}) == 1


def test_xie_labels_in_a_nested_folder_with_windows_line_ends_read_the_same(xie):
    expected = disk.make("codecfake_xie", xie)
    (xie / "label").rename(xie / "moved")
    (xie / "label").mkdir()
    (xie / "moved").rename(xie / "label/label")
    for path in (xie / "label/label").iterdir():
        disk.write_lines(path, path.read_text().splitlines(), end="\r\n", last=False)
    assert disk.make("codecfake_xie", xie) == expected


def test_xie_unknown_words_and_missing_recordings_are_said_together(xie):
    disk.write_lines(xie / "label/dev.txt", ["p225_001.wav 0 0", "F01_p225_002.wav fake 1"])
    with pytest.raises(UserError) as caught:
        disk.make("codecfake_xie", xie)
    assert "label '0' in 1 line(s) is not one of real, fake" in str(caught.value)
    assert "1 of 11 files are not under" in str(caught.value) and "dev/F01_p225_002.wav" in str(caught.value)


@pytest.fixture
def wu(tmp_path):
    for folder, name in (
        ("encodec_24khz", "encodec_24khz+p272_103"),
        ("encodec_24khz", "encodec_24khz+p226_001"),
        ("processed/deep", "audiodec_24k_320d+p227_002"),
        ("processed/deep", "audiodec_24k_320d+s5_400"),
    ):
        disk.write_audio(tmp_path / "Codec Fake" / folder / f"{name}.wav")
    (tmp_path / "Codec Fake/encodec_24khz/._encodec_24khz+p272_103.wav").write_bytes(b"Mac")
    (tmp_path / "Codec Fake/encodec_24khz.zip").write_bytes(b"PK")
    return tmp_path / "Codec Fake"


def test_wu_has_no_genuine_speech_and_names_say_codec_speaker_and_sentence(wu):
    rows = disk.make("codecfake_wu", wu)
    assert disk.summary(rows) == {
        ("train", "fake", "encodec_24khz+p272_103"),
        ("dev", "fake", "encodec_24khz+p226_001"),
        ("eval", "fake", "audiodec_24k_320d+p227_002"),
        ("train", "fake", "audiodec_24k_320d+s5_400"),
    }
    row = next(row for row in rows if row["split"] == "eval")
    assert (row["attack"], row["speaker"], row["group"]) == ("audiodec_24k_320d", "p227", "p227_002")
    assert "codecfake_wu" in FAKE_ONLY


def test_wu_recordings_of_other_names_and_an_empty_root_are_refused(wu, tmp_path):
    disk.write_audio(wu / "wav48/p225_001.wav")
    with pytest.raises(UserError, match=r"1 recording\(s\), first wav48/p225_001\.wav, are not named <codec>\+"):
        disk.make("codecfake_wu", wu)
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="no recordings of it under"):
        disk.make("codecfake_wu", tmp_path / "empty")


CORS = ["p225 p225_001.wav bonafide", "p225 p225_001_audiodec_24k_320d.wav spoof", "p227 p227_001_DAC24.wav spoof"]
COSG = ["CLAMTTS CLAMTTS_1 Mvq None Freq Spoof", "CLAMTTS CLAMTTS_24 Real Real Real bonafide"]


@pytest.fixture
def plus(tmp_path):
    disk.write_lines(tmp_path / "CoRS_labels.txt", CORS)
    disk.write_lines(tmp_path / "CoSG_labels.txt", COSG, last=False)
    for line in CORS:
        disk.write_audio(tmp_path / "all_data_16k" / line.split()[1])
    for line in COSG:
        disk.write_audio(tmp_path / f"SLMdemos_16k/CLAMTTS/{line.split()[1]}.wav")
    return tmp_path


def test_plus_joins_its_two_lists_whose_words_differ_in_case(plus):
    rows = disk.make("codecfake_plus", plus)
    assert {(row["condition"], row["split"], row["label"], row["utterance_id"], row["attack"]) for row in rows} == {
        ("CoRS", "train", "genuine", "p225_001", "-"),
        ("CoRS", "train", "fake", "p225_001_audiodec_24k_320d", "audiodec_24k_320d"),
        ("CoRS", "eval", "fake", "p227_001_DAC24", "DAC24"),
        ("CoSG", "eval", "fake", "CLAMTTS_1", "CLAMTTS"),
        ("CoSG", "eval", "genuine", "CLAMTTS_24", "-"),
    }
    assert {row["group"] for row in rows if row["speaker"] == "p225"} == {"p225_001"}


@pytest.mark.parametrize("name", ["CoRS", "CoSG"])
def test_plus_with_one_of_its_lists_is_read(plus, name):
    (plus / f"{name}_labels.txt").unlink()
    assert {row["condition"] for row in disk.make("codecfake_plus", plus)} == {"CoRS", "CoSG"} - {name}


def test_plus_without_lists_or_with_strange_names_is_refused(plus):
    disk.write_lines(plus / "CoRS_labels.txt", [*CORS, "p225 LJ001-0001.wav bonafide", "p225 p225_002.wav fake"])
    _, problems = disk.read("codecfake_plus", plus)
    assert len(problems) == 2 and "label 'fake' in 1 line(s)" in problems[0]
    assert "1 recording(s), first LJ001-0001.wav, are not named <speaker>_<sentence>_<codec>.wav" in problems[1]
    with pytest.raises(UserError, match=r"CoRS_labels\.txt: no such protocol file"):
        disk.read("codecfake_plus", plus / "all_data_16k")
