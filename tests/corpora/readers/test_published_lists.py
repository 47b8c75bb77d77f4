import pytest
from support import disk

from rawm.errors import UserError

AUTHORS = "/data1/someone/features_backup/train_fadcl_wav2vec"
HEADER = "file class_index timestamp"
EVDA = [
    HEADER,
    f"{AUTHORS}/1/fake/20004648.npy 1 1",
    f"{AUTHORS}/1/real/20000001.npy 0 1",
    f"{AUTHORS}/8/real/recording2938.npy_norm_mono.npy 0 8",
    f"{AUTHORS}/8/fake/recording2938.npy_norm_mono.npy 1 8",
]
RAIS = [
    "id|label|vocoder|language|speaker",
    "/ASVspoof2019/train/flac/LA_T_1138215.flac|real|real|English|LA_0079",
    "/CFAD/train/wav/SSB0001_hifigan.wav|fake|hifigan|Chinese|unknown",
    "/InTheWild/eval/wav/7136.wav|fake||English|unknown",
]
OPENAI = [
    "id|label|vocoder|language|speaker|script",
    '/GPT/wav/LJ031-0221.wav|fake|tts-1|English|onyx|He never said a "word.',
    '/LJSpeech/dev/wav/LJ014-0295.wav|real|real|English|This man, ""perennibranchs,"" got up|',
    '/LJSpeech/dev/wav/LJ031-0221.wav|real|real|English|"He never said a word.|',
    "/GPT/wav/LJ014-0295.wav|fake|tts-1-|English|nova|This man got up",
]


@pytest.fixture
def evda(tmp_path):
    """The list and recordings under its names; Fake-or-Real has .wav within a name, where the list has .npy."""
    disk.write_lines(tmp_path / "data_train_path.txt", EVDA, last=False)
    for name in ("1/fake/20004648.wav", "1/real/20000001.flac", "8/real/recording2938.wav_norm_mono.wav"):
        disk.write_audio(tmp_path / "train_fadcl_wav2vec" / name)
    disk.write_audio(tmp_path / "train_fadcl_wav2vec/8/fake/recording2938.wav_norm_mono.wav")
    return tmp_path


def read_evda(root, **given):
    return disk.read("evda_list", root, lists={"train": "data_train_path.txt"} | given)


def rais(root, lines, make=disk.make, **given):
    disk.write_lines(root / "train_meta.txt", lines, end=given.pop("end", "\n"), last=given.pop("last", True))
    for line in lines[1:]:
        disk.write_audio(root / line.split("|")[0][1:])
    return make("rais_list", root, lists={"train": "train_meta.txt"}, **given)


def test_evda_says_real_0_and_fake_1(evda):
    rows = disk.make("evda_list", evda, lists={"train": "data_train_path.txt"})
    assert disk.summary(rows) == {
        ("train", "fake", "train_fadcl_wav2vec/1/fake/20004648"),
        ("train", "genuine", "train_fadcl_wav2vec/1/real/20000001"),
        ("train", "genuine", "train_fadcl_wav2vec/8/real/recording2938.wav_norm_mono"),
        ("train", "fake", "train_fadcl_wav2vec/8/fake/recording2938.wav_norm_mono"),
    }
    assert {row["utterance_id"].split("/")[1]: row["condition"] for row in rows} == {"1": "1", "8": "8"}


def test_evda_names_the_authors_folders_and_finds_recordings_of_any_suffix(evda):
    paths = {row["path"] for row in read_evda(evda).rows}
    assert "train_fadcl_wav2vec/1/real/20000001.flac" in paths
    assert "train_fadcl_wav2vec/8/fake/recording2938.wav_norm_mono.wav" in paths


def test_evda_missing_recordings_are_named_as_the_list_names_them(evda):
    (evda / "train_fadcl_wav2vec/1/fake/20004648.wav").unlink()
    with pytest.raises(UserError, match=r"1 of 4 files .* first train_fadcl_wav2vec/1/fake/20004648\.npy"):
        disk.make("evda_list", evda, lists={"train": "data_train_path.txt"})


def test_evda_indices_in_another_order_of_classes_are_noticed(evda):
    swapped = [HEADER, *(line[:-3] + {"0": "1", "1": "0"}[line[-3]] + line[-2:] for line in EVDA[1:])]
    disk.write_lines(evda / "data_train_path.txt", swapped)
    assert "class index of 4 file(s)" in read_evda(evda).problems[0]


def test_evda_other_indices_and_short_lines_are_said_together(evda):
    disk.write_lines(evda / "data_train_path.txt", [*EVDA, f"{AUTHORS}/1/real/x.npy 2 1", "x.npy 0"], end="\r\n")
    found = read_evda(evda)
    assert len(found.rows) == 4
    assert "first line 7, do not have 3 columns" in found.problems[0]
    assert "label '2' in 1 line(s) is not one of 0, 1" in found.problems[1]


def test_the_order_of_a_list_changes_nothing_but_the_order(evda):
    expected = read_evda(evda).rows
    disk.write_lines(evda / "data_train_path.txt", [HEADER, *EVDA[:0:-1]])
    assert read_evda(evda).rows == expected[::-1]


def test_rais_lists_are_read_by_name_and_paths_begin_under_the_root(tmp_path):
    rows = {row["path"]: row for row in rais(tmp_path, RAIS)}
    columns = ("label", "attack", "language", "speaker", "split")
    assert {path: tuple(row[column] for column in columns) for path, row in rows.items()} == {
        "ASVspoof2019/train/flac/LA_T_1138215.flac": ("genuine", "-", "en", "LA_0079", "train"),
        "CFAD/train/wav/SSB0001_hifigan.wav": ("fake", "hifigan", "zh", "-", "train"),
        "InTheWild/eval/wav/7136.wav": ("fake", "-", "en", "-", "train"),
    }


def test_rais_genuine_lines_with_a_transcript_have_no_speaker(tmp_path):
    rows = {row["path"]: (row["label"], row["attack"], row["speaker"]) for row in rais(tmp_path, OPENAI)}
    assert rows["LJSpeech/dev/wav/LJ014-0295.wav"] == ("genuine", "-", "-")
    assert rows["GPT/wav/LJ031-0221.wav"] == ("fake", "tts-1", "onyx")
    assert rows["GPT/wav/LJ014-0295.wav"] == ("fake", "tts-1-", "nova")


def test_rais_quotation_marks_that_are_not_closed_swallow_no_lines(tmp_path):
    assert len(rais(tmp_path, OPENAI)) == 4


def test_rais_windows_line_ends_and_a_missing_last_newline_change_nothing(tmp_path):
    expected = rais(tmp_path, OPENAI)
    assert rais(tmp_path, OPENAI, end="\r\n", last=False) == expected


def test_rais_published_splits_are_kept_and_our_own_keep_a_sentence_together(tmp_path):
    lists = {"train": "one.txt", "eval": "other.txt"}
    disk.write_lines(tmp_path / "one.txt", OPENAI[:3])
    disk.write_lines(tmp_path / "other.txt", [OPENAI[0], *OPENAI[3:]])
    for line in OPENAI[1:]:
        disk.write_audio(tmp_path / line.split("|")[0][1:])
    published = disk.make("rais_list", tmp_path, lists=lists)
    assert [row["split"] for row in published] == ["train", "train", "eval", "eval"]
    own = disk.divided("rais_list", tmp_path, lists=lists, splits={"train": 0.5, "eval": 0.5})
    assert {row["group"] for row in own} == {"LJ031-0221", "LJ014-0295"}


def test_rais_mistakes_are_said_together(tmp_path):
    lines = [*RAIS, "/x/1.wav|bonafide|real|English|unknown", "/x/2.wav|real"]
    with pytest.raises(UserError) as caught:
        rais(tmp_path, lines)
    said = str(caught.value).splitlines()
    assert len(said) == 2
    assert "first line 6, do not have 5 columns" in said[0]
    assert "label 'bonafide' in 1 line(s) is not one of real, fake" in said[1]


def test_a_list_elsewhere_is_found_and_a_missing_one_is_named(evda, tmp_path_factory, monkeypatch):
    elsewhere = tmp_path_factory.mktemp("lists")
    disk.write_lines(elsewhere / "mine.txt", EVDA)
    monkeypatch.chdir(elsewhere)
    for name in ("mine.txt", str(elsewhere / "mine.txt")):
        assert len(disk.read("evda_list", evda, lists={"eval": name}).rows) == 4
    with pytest.raises(UserError, match=r"no/such\.txt: no such protocol file"):
        disk.read("rais_list", evda, lists={"eval": "no/such.txt"})
