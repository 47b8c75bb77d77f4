import pytest
from support import disk

from rawm.errors import UserError

LA = [
    "LA_0009 LA_E_9332881 alaw ita_tx A07 spoof notrim eval",
    "LA_0020 LA_E_6866159 none - bonafide bonafide notrim eval",
    "LA_0007 LA_E_5464494 gsm sin_tx A19 spoof notrim progress",
    "LA_0031 LA_E_1245054 opus loc_tx A10 spoof trim hidden",
]
DF = [
    "LA_0023 DF_E_2000011 nocodec asvspoof A14 spoof notrim progress traditional_vocoder - - - -",
    "TEF2 DF_E_2000013 low_m4a vcc2020 Task1-team20 spoof notrim eval unknown Task1 team20 FF E",
    "TGF1 DF_E_2000024 mp3m4a vcc2020 Task2-team12 spoof notrim eval traditional_vocoder Task2 team12 FF G",
    "LA_0043 DF_E_2000053 low_ogg asvspoof - bonafide notrim eval bonafide - - - -",
    "VCC2TF1 DF_E_2000060 high_mp3 vcc2018 - bonafide trim hidden bonafide - - - -",
]
LINES = {"LA": LA, "DF": DF}


def loader(track):
    return f"asvspoof2021_{track.lower()}"


def stage_1(line):
    """The line of the first keys: no more than file, key and subset, and another word for the hidden one."""
    _, file, _, _, _, key, _, subset = line.split()[:8]
    return f"- {file} - - - {key} - {subset.replace('hidden', 'hidden_track')}"


@pytest.fixture(params=["LA", "DF"])
def track(request):
    return request.param


@pytest.fixture
def root(tmp_path):
    """Both tracks under one root, as their archives make it, each with a recording that its keys do not list."""
    for track, lines in LINES.items():
        files = [line.split()[1] for line in lines]
        folder = tmp_path / f"ASVspoof2021_{track}_eval"
        disk.write_lines(folder / f"ASVspoof2021.{track}.cm.eval.trl.txt", files)
        disk.write_lines(tmp_path / f"keys/{track}/CM/trial_metadata.txt", lines)
        for file in (*files, f"{track}_E_1000001"):
            disk.write_audio(folder / f"flac/{file}.flac")
    return tmp_path


def move_to_stage_1(root, track):
    (root / f"keys/{track}/CM/trial_metadata.txt").unlink()
    return disk.write_lines(root / "keys/CM/trial_metadata.txt", [stage_1(line) for line in LINES[track]])


def test_la_is_evaluation_data_with_codec_and_transmission(root):
    rows = {row["utterance_id"]: row for row in disk.make("asvspoof2021_la", root)}
    assert disk.summary(rows.values()) == {("eval", "fake", "LA_E_9332881"), ("eval", "genuine", "LA_E_6866159")}
    fake, genuine = rows["LA_E_9332881"], rows["LA_E_6866159"]
    assert fake["path"] == "ASVspoof2021_LA_eval/flac/LA_E_9332881.flac"
    assert (fake["speaker"], fake["attack"], fake["condition"]) == ("LA_0009", "A07", "alaw/ita_tx")
    assert (genuine["attack"], genuine["condition"], genuine["language"]) == ("-", "none", "en")


def test_df_shows_from_which_corpus_a_recording_comes(root):
    rows = {row["utterance_id"]: row for row in disk.make("asvspoof2021_df", root, version="all")}
    assert {name: row["condition"] for name, row in rows.items()} == {
        "DF_E_2000011": "nocodec/asvspoof",
        "DF_E_2000013": "low_m4a/vcc2020",
        "DF_E_2000024": "mp3m4a/vcc2020",
        "DF_E_2000053": "low_ogg/asvspoof",
        "DF_E_2000060": "high_mp3/vcc2018/trim",
    }
    converted, genuine = rows["DF_E_2000024"], rows["DF_E_2000053"]
    assert (converted["speaker"], converted["attack"]) == ("TGF1", "Task2-team12")
    assert converted["language"] == "-", "the keys' G is the language of the target speaker"
    assert (genuine["label"], genuine["attack"], genuine["language"]) == ("genuine", "-", "en")


@pytest.mark.parametrize("version", ["eval", "progress", "hidden", "all"])
@pytest.mark.parametrize("keys", ["full", "stage 1"])
def test_a_version_chooses_the_subset_whatever_the_keys_call_it(root, track, version, keys):
    if keys == "stage 1":
        move_to_stage_1(root, track)
    expected = {line.split()[1] for line in LINES[track] if version in ("all", line.split()[7])}
    rows = disk.make(loader(track), root, version=version)
    assert {row["utterance_id"] for row in rows} == expected
    assert {row["split"] for row in rows} == {"eval"}


def test_stage_1_keys_give_the_same_labels_and_nothing_more(root, track):
    full = disk.make(loader(track), root, version="all")
    move_to_stage_1(root, track)
    rows = disk.make(loader(track), root, version="all")
    assert disk.summary(rows) == disk.summary(full)
    assert {row[column] for row in rows for column in ("speaker", "attack", "condition")} == {"-"}


def test_full_keys_win_over_stage_1_keys(root, track):
    expected = disk.make(loader(track), root)
    wrong = [stage_1(line).replace("bonafide", "spoof") for line in LINES[track]]
    disk.write_lines(root / "keys/CM/trial_metadata.txt", wrong)
    assert disk.make(loader(track), root) == expected


def test_stage_1_keys_of_the_other_track_are_refused(root, track):
    other = {"LA": "DF", "DF": "LA"}[track]
    keys = move_to_stage_1(root, other)
    (root / f"keys/{track}/CM/trial_metadata.txt").unlink()
    with pytest.raises(UserError) as caught:
        disk.make(loader(track), root)
    n, first = len(LINES[other]), LINES[other][0].split()[1]
    sentence = f"{keys}: {n} file(s), first {first}, are not of {track}; unpack {track}-keys-full.tar.gz in {root}"
    assert str(caught.value) == sentence


def test_stage_1_keys_of_both_tracks_may_lie_beside_the_recordings(root, track):
    expected = disk.summary(disk.make(loader(track), root))
    for name in LINES:
        folder = root / f"ASVspoof2021_{name}_eval/keys/CM"
        folder.mkdir(parents=True)
        move_to_stage_1(root, name).rename(folder / "trial_metadata.txt")
    assert disk.summary(disk.make(loader(track), root)) == expected


def test_without_keys_one_sentence_says_what_to_fetch(root, track):
    (root / f"keys/{track}/CM/trial_metadata.txt").unlink()
    expected = {"eval": {"genuine": 14869, "fake": 519059, "certain": True}}
    with pytest.raises(UserError) as caught:
        disk.make(loader(track), root, expected=expected)
    assert len(str(caught.value).splitlines()) == 1
    assert f"fetch {track}-keys-full.tar.gz from https://www.asvspoof.org/index2021.html" in str(caught.value)


def test_recordings_that_the_keys_do_not_list_are_ignored(root, track):
    names = {row["utterance_id"] for row in disk.make(loader(track), root, version="all")}
    assert f"{track}_E_1000001" not in names


def test_unknown_subsets_and_labels_are_said_together(root):
    path = root / "keys/LA/CM/trial_metadata.txt"
    disk.write_lines(path, [*LA, LA[0].replace("eval", "final"), LA[0].replace("spoof", "fake"), "LA_E_1 spoof"])
    with pytest.raises(UserError) as caught:
        disk.make("asvspoof2021_la", root)
    lines = str(caught.value).splitlines()
    assert len(lines) == 3
    assert "1 line(s), first line 7, do not have 8 columns" in lines[0]
    assert "label 'fake' in 1 line(s) is not one of bonafide, spoof" in lines[1]
    assert "subset 'final' in 1 line(s) is not one of eval, progress, hidden, hidden_track" in lines[2]


def test_windows_line_ends_and_a_missing_last_newline_change_nothing(root, track):
    expected = disk.make(loader(track), root)
    path = root / f"keys/{track}/CM/trial_metadata.txt"
    disk.write_lines(path, LINES[track], end="\r\n", last=False)
    assert disk.make(loader(track), root) == expected


def test_missing_recordings_are_an_error_above_the_share_that_is_allowed(root, capsys):
    (root / "ASVspoof2021_LA_eval/flac/LA_E_9332881.flac").unlink()
    with pytest.raises(UserError, match="1 of 2 files are not under"):
        disk.make("asvspoof2021_la", root)
    rows = disk.make("asvspoof2021_la", root, missing_allowed=0.5)
    assert disk.summary(rows) == {("eval", "genuine", "LA_E_6866159")}
    assert "left out: 1 of 2 files" in capsys.readouterr().err
