import pytest
from support import disk

from rawm.errors import UserError

HEADER = "FileName,EmoClass,EmoAct,EmoVal,EmoDom,SpkrID,Gender,Split_Set"
LINES = [
    "MSP-PODCAST_0001_0008.wav,N,2.2,4.0,2.6,30,Male,Test1",
    "MSP-PODCAST_0001_0019.wav,H,2.2,4.0,2.6,30,Male,Test2",
    "MSP-PODCAST_0002_0033.wav,A,5.2,2.0,5.6,Unknown,Unknown,Test3",
    "MSP-PODCAST_0002_0039.wav,S,2.2,2.0,2.6,41,Female,Development",
    "MSP-PODCAST_0003_0001.wav,N,3.2,4.0,3.6,42,Female,Train",
    "MSP-PODCAST_0003_0002.wav,A,3.2,4.0,3.6,,Female,Train",
    *(f"MSP-PODCAST_0004_000{n}.wav,{word},3.2,4.0,3.6,42,Female,Train" for n, word in enumerate("FDCUOX")),
]
TABLE = "Labels/labels_consensus.csv"


@pytest.fixture
def root(tmp_path):
    disk.write_lines(tmp_path / TABLE, [HEADER, *LINES])
    for line in LINES:
        disk.write_audio(tmp_path / "Audios" / line.split(",")[0])
    disk.write_audio(tmp_path / "Audios/MSP-PODCAST_9999_0001.wav")  # of nobody's
    return tmp_path


def test_the_four_classes_are_kept_and_the_three_test_sets_are_told_apart(root):
    rows = disk.make("msp_podcast", root)
    assert {(row["split"], row["label"], row["condition"], row["speaker"]) for row in rows} == {
        ("eval", "neutral", "Test1", "msp_30"),
        ("eval", "happy", "Test2", "msp_30"),
        ("eval", "angry", "Test3", "-"),
        ("dev", "sad", "-", "msp_41"),
        ("train", "neutral", "-", "msp_42"),
        ("train", "angry", "-", "-"),
    }
    assert len(rows) == 6


def test_the_misspelt_table_of_older_releases_is_read(root):
    expected = disk.make("msp_podcast", root)
    (root / TABLE).rename(root / "Labels/labels_concensus.csv")
    assert disk.make("msp_podcast", root) == expected


@pytest.mark.parametrize("folder", ["Audio", "Audios/Audio"])
def test_recordings_may_lie_in_other_folders(root, folder):
    (root / "Audios").rename(root / "there")
    (root / folder).parent.mkdir(exist_ok=True)
    (root / "there").rename(root / folder)
    assert {row["path"].rpartition("/")[0] for row in disk.make("msp_podcast", root)} == {folder}


def test_development_was_called_validation(root):
    expected = disk.make("msp_podcast", root)
    disk.write_lines(root / TABLE, [HEADER, *(line.replace("Development", "Validation") for line in LINES)])
    assert disk.make("msp_podcast", root) == expected


def test_windows_line_ends_a_byte_order_mark_and_a_missing_last_newline_change_nothing(root):
    expected = disk.make("msp_podcast", root)
    disk.write_lines(root / TABLE, ["\ufeff" + HEADER, *LINES], end="\r\n", last=False)
    assert disk.make("msp_podcast", root) == expected


def test_columns_are_found_by_name(root):
    expected = disk.make("msp_podcast", root)
    swapped = [",".join(reversed(line.split(","))) for line in [HEADER, *LINES]]
    disk.write_lines(root / TABLE, swapped)
    assert disk.make("msp_podcast", root) == expected


def test_mistakes_are_said_together(root):
    more = ["MSP-PODCAST_0005_0001.wav,Q,1,1,1,1,Male,Train", "MSP-PODCAST_0005_0002.wav,N,1,1,1,1,Male,Trial"]
    disk.write_lines(root / TABLE, [HEADER, *LINES, *more])
    (root / "Audios/MSP-PODCAST_0003_0001.wav").unlink()
    with pytest.raises(UserError) as caught:
        disk.make("msp_podcast", root)
    lines = str(caught.value).splitlines()
    assert len(lines) == 3
    assert "label 'Q' in 1 line(s) is not one of A, H, N, S" in lines[0]
    assert "Split_Set 'Trial' in 1 line(s) is not one of Train, Development" in lines[1]
    assert "1 of 6 files are not under" in lines[2]


def test_a_wrong_root_is_said(root):
    with pytest.raises(UserError, match=r"has no Labels/labels_consensus\.csv \(or labels_concensus\.csv\)"):
        disk.make("msp_podcast", root / "Labels")
    (root / "Audios").rename(root / "sound")
    with pytest.raises(UserError, match=r"has no Audios \(or Audio\)"):
        disk.make("msp_podcast", root)


def test_two_hundred_thousand_rows_are_read(root):
    lines = [f"MSP-PODCAST_{n // 100:04}_{n % 100:04}.wav,N,2.2,4.0,2.6,30,Male,Train" for n in range(200_000)]
    disk.write_lines(root / TABLE, [HEADER, *lines])
    assert len(disk.read("msp_podcast", root).rows) == 200_000
