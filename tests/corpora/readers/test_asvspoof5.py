import pytest
from support import disk

from rawm.errors import UserError

LINES = {
    "train": ["T_4850 T_0000000000 F - - - AC3 A05 spoof -", "T_3734 T_0000000011 F - - - - bonafide bonafide -"],
    "dev.track_1": [
        "D_0062 D_0000000001 F - - - AC1 A11 spoof -",
        "D_0461 D_0000000190 M - - - - bonafide bonafide -",
    ],
    "eval.track_1": [
        "E_1607 E_0009538969 M C05 2 E_0009486171 AC1 A26 spoof -",
        "E_1607 E_0009486171 M - - - AC1 A26 spoof -",
        "E_0010 E_0000000305 F C11 - E_0000000298 - bonafide bonafide -",
    ],
}
ENROLMENT = ["flac_D/D_A0000000316", "flac_E_eval/E_A0000000120"]
FOLDERS = dict(zip(LINES, ("flac_T", "flac_D", "flac_E_eval"), strict=True))


def path_of(root, name):
    return root / f"ASVspoof5.{name}.tsv"


@pytest.fixture
def root(tmp_path):
    """The official layout, with the enrolment recordings of track 2."""
    for name, lines in LINES.items():
        disk.write_lines(path_of(tmp_path, name), lines)
        for line in lines:
            disk.write_audio(tmp_path / FOLDERS[name] / f"{line.split()[1]}.flac")
    for file in ENROLMENT:
        disk.write_audio(tmp_path / f"{file}.flac")
    disk.write_lines(tmp_path / "ASVspoof5.dev.track_2.enroll.tsv", ["D_0755 D_A0000000316"])
    return tmp_path


def test_the_first_row_survives_since_there_is_no_header(root):
    assert disk.summary(disk.make("asvspoof5", root)) == {
        ("train", "fake", "T_0000000000"),
        ("train", "genuine", "T_0000000011"),
        ("dev", "fake", "D_0000000001"),
        ("dev", "genuine", "D_0000000190"),
        ("eval", "fake", "E_0009538969"),
        ("eval", "fake", "E_0009486171"),
        ("eval", "genuine", "E_0000000305"),
    }


def test_ten_columns_between_spaces_in_a_tsv_say_attack_codec_and_quality(root):
    rows = {row["utterance_id"]: row for row in disk.make("asvspoof5", root)}
    coded, genuine = rows["E_0009538969"], rows["E_0000000305"]
    assert coded["path"] == "flac_E_eval/E_0009538969.flac"
    assert (coded["speaker"], coded["attack"], coded["condition"]) == ("E_1607", "A26", "C05/2")
    assert (genuine["attack"], genuine["condition"], genuine["language"]) == ("-", "C11", "en")
    assert rows["D_0000000001"]["condition"] == "nocodec"


def test_a_recording_and_its_coded_copies_are_one_group(root):
    groups = {row["utterance_id"]: row["group"] for row in disk.make("asvspoof5", root)}
    assert groups["E_0009538969"] == groups["E_0009486171"] == "E_0009486171"
    assert groups["E_0000000305"] == "E_0000000298"
    assert groups["T_0000000000"] == "T_0000000000"


def test_enrolment_recordings_in_the_folders_are_ignored(root):
    names = {row["path"] for row in disk.make("asvspoof5", root)}
    assert not names & {f"{file}.flac" for file in ENROLMENT}


def test_protocols_may_lie_in_a_folder_of_their_own(root):
    expected = disk.make("asvspoof5", root)
    (root / "ASVspoof5_protocols").mkdir()
    for name in LINES:
        path_of(root, name).rename(path_of(root / "ASVspoof5_protocols", name))
    assert disk.make("asvspoof5", root) == expected


@pytest.mark.parametrize("word", ["metadata", "metainfor"])
def test_six_columns_of_the_challenge_are_read(root, word):
    full = [row for row in disk.make("asvspoof5", root) if row["split"] != "eval"]
    for name in ("train", "dev.track_1"):
        path_of(root, name).unlink()
        fields = [line.split() for line in LINES[name]]
        lines = [" ".join((*line[:4], *line[7:9])) for line in fields]
        disk.write_lines(root / f"ASVspoof5.{name.split('.')[0]}.{word}.txt", lines)
    path_of(root, "eval.track_1").unlink()
    assert disk.make("asvspoof5", root, waive_counts=True) == full


def test_missing_protocols_are_named_together(root):
    for name in ("train", "eval.track_1"):
        path_of(root, name).unlink()
    with pytest.raises(UserError) as caught:
        disk.make("asvspoof5", root, expected={"eval": {"genuine": 138688, "fake": 542086, "certain": True}})
    assert len(str(caught.value).splitlines()) == 1
    assert "no ASVspoof5.train.tsv, ASVspoof5.eval.track_1.tsv; unpack ASVspoof5_protocols.tar.gz" in str(caught.value)


def test_an_empty_root_is_an_error_even_where_counts_are_waived(tmp_path):
    with pytest.raises(UserError, match="unpack ASVspoof5_protocols"):
        disk.make("asvspoof5", tmp_path, waive_counts=True)


def test_the_five_columns_that_the_readme_speaks_of_are_refused(root):
    disk.write_lines(path_of(root, "train"), [*LINES["train"], "T_4850 T_0000000022 F A05 spoof"])
    with pytest.raises(UserError, match=r"1 line\(s\), first line 3, do not have 10 or 6 columns"):
        disk.make("asvspoof5", root)


def test_a_header_that_a_tool_has_put_in_is_refused(root):
    header = "SPEAKER FLAC GENDER CODEC CODEC_Q CODEC_SEED ATTACK_TAG ATTACK_LABEL KEY TMP"
    disk.write_lines(path_of(root, "train"), [header, *LINES["train"]])
    with pytest.raises(UserError, match=r"label 'KEY' in 1 line\(s\) is not one of bonafide, spoof"):
        disk.make("asvspoof5", root)


def test_windows_line_ends_and_a_missing_last_newline_change_nothing(root):
    expected = disk.make("asvspoof5", root)
    for name, lines in LINES.items():
        disk.write_lines(path_of(root, name), lines, end="\r\n", last=False)
    assert disk.make("asvspoof5", root) == expected


def test_a_split_that_was_not_fetched_is_allowed_as_a_share_of_missing_files(root):
    for line in LINES["eval.track_1"]:
        (root / f"flac_E_eval/{line.split()[1]}.flac").unlink()
    with pytest.raises(UserError, match="3 of 7 files are not under"):
        disk.make("asvspoof5", root)
    rows = disk.make("asvspoof5", root, missing_allowed=0.5)
    assert {row["split"] for row in rows} == {"train", "dev"}
