from collections import defaultdict

import pytest
from support import disk

from rawm.errors import UserError

EMOTIONS = ("neu", "hap", "exc", "ang", "sad", "fru", "xxx")
LISTENERS = ["C-E2:\tNeutral;\t()", "C-F1:\tAnger; Sadness;\t()", "A-E3:\tval 3; act 2; dom  2;\t()", ""]


def dialog(name, emotions=EMOTIONS):
    """Lines of an EmoEvaluation file: turns of the woman and the man in turn, each with its listeners' lines."""
    lines = ["% [START_TIME - END_TIME] TURN_NAME EMOTION [V, A, D]", ""]
    for number, emotion in enumerate(emotions):
        turn = f"{name}_{'FM'[number % 2]}{number:03}"
        lines += [f"[{number}.2901 - {number}.8900]\t{turn}\t{emotion}\t[2.5000, 2.5000, 2.5000]", *LISTENERS]
    return lines


def table(root, session):
    return root / f"Session{session}/dialog/EmoEvaluation/Ses{session:02}F_impro01.txt"


@pytest.fixture
def root(tmp_path):
    for session in range(1, 6):
        name = f"Ses{session:02}F_impro01"
        disk.write_lines(table(tmp_path, session), dialog(name))
        for number in range(len(EMOTIONS)):
            turn = f"{name}_{'FM'[number % 2]}{number:03}"
            disk.write_audio(tmp_path / f"Session{session}/sentences/wav/{name}/{turn}.wav")
    return tmp_path


def test_excited_is_happy_and_emotions_outside_of_the_four_are_left_out(root):
    rows = [row for row in disk.make("iemocap", root) if row["condition"] == "Session2"]
    found = {row["utterance_id"].removeprefix("Ses02F_impro01_"): row["label"] for row in rows}
    assert found == {"F000": "neutral", "M001": "happy", "F002": "happy", "M003": "angry", "F004": "sad"}
    assert rows[0]["path"] == "Session2/sentences/wav/Ses02F_impro01/Ses02F_impro01_F000.wav"


def test_the_speaker_is_in_the_last_part_of_a_turn_and_not_in_the_dialog(root):
    rows = {row["utterance_id"]: row for row in disk.make("iemocap", root)}
    assert rows["Ses01F_impro01_M001"]["speaker"] == "Ses01M"
    assert rows["Ses01F_impro01_F002"]["speaker"] == "Ses01F"
    assert len({row["speaker"] for row in rows.values()}) == 10


@pytest.mark.parametrize("fold, dev", [(1, 5), (2, 1), (3, 2), (4, 3), (5, 4)])
def test_a_fold_evaluates_on_one_session_and_develops_on_the_one_before(root, fold, dev):
    sessions = defaultdict(set)
    for row in disk.make("iemocap", root, version=f"fold{fold}"):
        assert row["group"] == row["condition"]
        sessions[row["split"]].add(row["condition"])
    assert sessions["eval"] == {f"Session{fold}"}
    assert sessions["dev"] == {f"Session{dev}"}
    assert len(sessions["train"]) == 3


def test_the_fifth_fold_is_the_default(root):
    assert disk.make("iemocap", root) == disk.make("iemocap", root, version="fold5")


def test_each_session_has_all_splits_where_utterances_are_divided(root):
    rows = disk.make("iemocap", root, splits={"train": 0.5, "eval": 0.5, "by": "utterance"})
    assert {(row["condition"], row["split"]) for row in rows} == {
        (f"Session{session}", split) for session in range(1, 6) for split in ("train", "eval")
    }


def test_other_folders_and_apple_files_are_not_read(root):
    expected = disk.make("iemocap", root)
    folder = table(root, 1).parent
    disk.write_lines(folder / "Categorical/Ses01F_impro01_e1_cat.txt", dialog("Ses01F_other"))
    (folder / "._Ses01F_impro01.txt").write_bytes(b"[\x00\x05\x16\x07\xb0\t[\t[\t[")
    assert disk.make("iemocap", root) == expected


def test_windows_line_ends_a_missing_last_newline_and_remarks_in_another_encoding_change_nothing(root):
    expected = disk.make("iemocap", root)
    lines = [line for line in dialog("Ses03F_impro01") if line]
    disk.write_lines(table(root, 3), lines[:-3], end="\r\n", last=False)
    table(root, 3).write_bytes(table(root, 3).read_bytes() + b"\r\nC-E1:\tOther;\t(caf\xe9)")
    assert disk.make("iemocap", root) == expected


def test_mistakes_are_said_together(root):
    with open(table(root, 1), "a") as file:
        file.write("[9.0 - 9.1]\tSes01F_impro01_F009\tcalm\t[2.5, 2.5, 2.5]\n[9.0 - 9.1] Ses01F_impro01_F010 neu\n")
    table(root, 4).unlink()
    (root / "Session2/sentences/wav/Ses02F_impro01/Ses02F_impro01_F000.wav").unlink()
    with pytest.raises(UserError) as caught:
        disk.make("iemocap", root)
    lines = str(caught.value).splitlines()
    assert len(lines) == 4
    assert "Session4/dialog/EmoEvaluation: holds no .txt file" in lines[0]
    assert "emotion 'calm' of 1 turn(s) is not one of ang, hap" in lines[1]
    assert "1 turn(s), first in" in lines[2] and "do not have 4 columns" in lines[2]
    assert "1 of 20 files are not under" in lines[3]


def test_a_wrong_fold_is_refused(tmp_path):
    with pytest.raises(ValueError, match="'fold6' is not one of fold5, fold1"):
        disk.corpus("iemocap", tmp_path, version="fold6")
