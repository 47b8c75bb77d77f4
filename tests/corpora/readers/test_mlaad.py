from pathlib import Path

import pytest
from support import disk

from rawm.corpora import listing, reader
from rawm.errors import UserError
from rawm.study import load_corpus

CONFIG = Path(__file__).parents[3] / "config"
V5 = "path|original_file|language|is_original_language|duration|training_data|model_name|architecture|transcript"
EMMA = "en_US/by_book/female/mary_ann/emma/wavs/emma_01_f000001.wav"
ODD = "Resemble.ai (April 12th, 2025)"
LINES = {
    "fake/en/tts_models_en_ljspeech_vits--neon": [
        V5,
        f'./fake/en/tts_models_en_ljspeech_vits--neon/a.wav|{EMMA}|en|True|3.2|ljspeech|vits neon|vits|"Yes, he said.',
        "./fake/en/tts_models_en_ljspeech_vits--neon/b.wav|en_US/x/b.wav|en|True|1.0|ljspeech|vits neon|vits|A |bar|.",
    ],
    f"fake/de/{ODD}": [
        "language|path|model_name|original_file",
        f"de|a.wav|Resemble|{EMMA}",
    ],
}
ALL = {"train": 1, "eval": 0}


@pytest.fixture
def root(tmp_path):
    for folder, lines in LINES.items():
        disk.write_lines(tmp_path / folder / "meta.csv", lines)
        disk.write_audio(tmp_path / folder / "a.wav")
    disk.write_audio(tmp_path / "fake/en/tts_models_en_ljspeech_vits--neon/b.wav")
    disk.write_audio(tmp_path / f"fake/de/{ODD}/unlisted.wav")
    return tmp_path


def test_columns_are_read_by_name_in_folders_with_blanks_dots_and_parentheses(root):
    rows = {row["utterance_id"]: row for row in disk.make("mlaad", root, splits=ALL)}
    assert len(rows) == 3
    odd = rows[f"fake/de/{ODD}/a"]
    assert (odd["label"], odd["attack"], odd["language"]) == ("fake", "Resemble", "de")
    assert rows["fake/en/tts_models_en_ljspeech_vits--neon/a"]["attack"] == "vits neon"


def test_a_single_quotation_mark_in_a_transcript_swallows_no_lines(root):
    folder = "fake/en/tts_models_en_ljspeech_vits--neon"
    assert [row["path"] for row in disk.read("mlaad", root).rows if row["language"] == "en"] == [
        f"{folder}/a.wav",
        f"{folder}/b.wav",
    ]


def test_paths_may_begin_at_the_root_or_at_the_model(root):
    expected = disk.read("mlaad", root)
    for folder, lines in LINES.items():
        text = [
            line.replace(f"./{folder}/", "").replace("a.wav|", f"fake/{Path(folder).name}/a.wav|") for line in lines
        ]
        disk.write_lines(root / folder / "meta.csv", text)
    assert disk.read("mlaad", root) == expected


def test_the_release_is_the_condition(root):
    assert {row["condition"] for row in disk.read("mlaad", root, version="v5").rows} == {"v5"}
    assert {row["condition"] for row in disk.read("mlaad", root).rows} == {"-"}
    with pytest.raises(ValueError, match="version 'v0' is not one of -, v1, v2"):
        disk.read("mlaad", root, version="v0")


def test_models_that_say_one_original_share_its_group_with_m_ailabs(root, tmp_path):
    rows = disk.read("mlaad", root).rows
    groups = {row["utterance_id"]: row["group"] for row in rows}
    one, other = f"fake/de/{ODD}/a", "fake/en/tts_models_en_ljspeech_vits--neon/a"
    assert groups[one] == groups[other] == "emma_01_f000001"
    disk.write_audio(tmp_path / "M-AILABS" / EMMA)
    disk.write_audio(tmp_path / "M-AILABS/en_UK/by_book/female/x/y/wavs/y_01.wav")
    source = load_corpus("m_ailabs", CONFIG).model_copy(update={"root": str(tmp_path / "M-AILABS")})
    genuine, *_ = listing.examine(source, reader("folder"))
    shipped = load_corpus("mlaad", CONFIG).model_copy(update={"root": str(root)})
    fakes, *_ = listing.examine(shipped, reader("mlaad"))
    side = {row["group"]: row["split"] for row in genuine}
    assert {row["split"] for row in fakes if row["group"] == "emma_01_f000001"} == {side["emma_01_f000001"]}


def test_an_utterance_without_an_original_is_a_group_of_its_own(root):
    folder = f"fake/de/{ODD}"
    disk.write_lines(root / folder / "meta.csv", [LINES[folder][0], "de|a.wav|Resemble|"])
    assert disk.read("mlaad", root).rows[0]["group"] == f"{folder}/a"


def test_windows_line_ends_and_a_missing_last_newline_change_nothing(root):
    expected = disk.read("mlaad", root)
    for folder, lines in LINES.items():
        disk.write_lines(root / folder / "meta.csv", lines, end="\r\n", last=False)
    assert disk.read("mlaad", root) == expected


def test_all_mistakes_of_all_models_are_said_together(root):
    disk.write_audio(root / "fake/fr/no list/a.wav")
    disk.write_lines(root / "fake/fr/old/meta.csv", ["file,language", "a.wav,fr"])
    disk.write_lines(root / "fake/fr/short/meta.csv", [V5, "a.wav|x.wav|fr|True"])
    (root / f"fake/de/{ODD}/a.wav").unlink()
    with pytest.raises(UserError) as caught:
        disk.make("mlaad", root, splits=ALL)
    lines = str(caught.value).splitlines()
    assert len(lines) == 4
    assert "fake/fr/no list/meta.csv: no such protocol file" in lines[0]
    assert "fake/fr/old/meta.csv: no column path, original_file, language, model_name" in lines[1]
    assert "fake/fr/short/meta.csv: 1 line(s), first line 2, do not have 9 columns" in lines[2]
    assert "1 of 3 files are not under" in lines[3]


def test_another_root_is_refused(root):
    with pytest.raises(UserError, match="no folder fake/<language>/<model> under"):
        disk.make("mlaad", root / "fake", splits=ALL)
