import pytest
from support import disk

from rawm import manifest
from rawm.config.corpora import FolderCorpus
from rawm.corpora import listing
from rawm.errors import UserError

SHARES = {"train": 0.6, "dev": 0.15, "eval": 0.25}


@pytest.fixture
def four(tmp_path):
    """A corpus of three genuine files and a fake, and its reader, whose third genuine file is not there."""
    for name in ("a.wav", "b.wav", "x/f.wav"):
        disk.write_audio(tmp_path / name)
    found = [listing.utterance("mine", name, f"{name}.wav", "genuine", "eval") for name in "abc"]
    found.append(listing.utterance("mine", "f", "x/f.wav", "fake", "eval"))
    return tmp_path, lambda corpus: listing.Listing([dict(row) for row in found], [])


def corpus(root, **given):
    return FolderCorpus(**{"loader": "folder", "name": "mine", "root": str(root)} | given)


def test_present_tells_files_that_are_there_from_those_that_are_not(four):
    root, read = four
    there, absent = listing.present(root, read(None).rows)
    assert [row["path"] for row in there] == ["a.wav", "b.wav", "x/f.wav"]
    assert [row["path"] for row in absent] == ["c.wav"]


def test_a_missing_folder_misses_all_its_files(tmp_path):
    some = [
        listing.utterance("c", name, f"{folder}{name}.wav", "fake") for name, folder in (("a", ""), ("d", "no/such/"))
    ]
    assert listing.present(tmp_path, some) == ([], some)


def test_missing_files_stop_unless_their_share_is_allowed(four, capsys):
    root, read = four
    for allowed in (0.0, 0.24):
        with pytest.raises(UserError, match=r"1 of 4 files are not under .*, first c\.wav"):
            listing.make(corpus(root, missing_allowed=allowed), read, 1)
    made = listing.make(corpus(root, missing_allowed=0.25), read, 1)
    assert [row["utterance_id"] for row in made] == ["a", "b", "f"]
    assert "warning: left out: 1 of 4 files are not under" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("expected", "said"),
    [
        ({"genuine": 3, "fake": 1, "total": 4}, None),
        ({"genuine": 4}, "eval has 3 genuine utterances; 4 are published"),
        ({"fake": 0}, "eval has 1 fake utterances; 0 are published"),
        ({"total": 5}, "eval has 4 utterances; 5 are published"),
    ],
)
def test_certain_counts_are_errors_and_uncertain_or_waived_ones_are_warnings(four, expected, said):
    root, read = four
    for certain, waived in ((True, False), (True, True), (False, False)):
        settings = corpus(root, expected={"eval": expected | {"certain": certain}}, waive_counts=waived)
        errors, warnings = listing.count_problems(settings, read(None).rows)
        stops, warns = (errors, warnings) if certain and not waived else (warnings, errors)
        assert warns == []
        assert len(stops) == (said is not None)
        if said:
            assert said in stops[0]
            assert ("waive_counts: true" in stops[0]) == (certain and not waived)


def test_a_split_that_is_missing_altogether_is_noticed(four):
    root, read = four
    settings = corpus(root, expected={"train": {"genuine": 7, "certain": True}})
    errors, _ = listing.count_problems(settings, read(None).rows)
    assert "train has 0 genuine utterances; 7 are published" in errors[0]


def test_a_corpus_without_official_splits_is_counted_whole_under_eval(four):
    root, read = four
    whole = [row | {"split": ""} for row in read(None).rows]
    settings = corpus(root, expected={"eval": {"total": 4, "certain": True}})
    assert listing.count_problems(settings, whole) == ([], [])


def test_a_corpus_without_splits_asks_for_a_division(four):
    root, read = four

    def unsplit(settings):
        return listing.Listing([row | {"split": ""} for row in read(settings).rows], [])

    with pytest.raises(UserError, match=r"4 utterance\(s\) have no official split; add `splits:` to"):
        listing.make(corpus(root, missing_allowed=1), unsplit, 1)
    made = listing.make(corpus(root, missing_allowed=1, splits={"train": 1, "eval": 0}), unsplit, 1)
    assert manifest.problems(made) == []


def test_counts_problems_and_missing_files_are_said_together(four):
    root, read = four

    def wrong(settings):
        return listing.Listing(read(settings).rows, ["list.txt: a line is wrong"])

    with pytest.raises(UserError) as caught:
        listing.make(corpus(root, expected={"eval": {"fake": 9, "certain": True}}), wrong, 1)
    lines = str(caught.value).splitlines()
    assert len(lines) == 3
    assert lines[0] == "list.txt: a line is wrong"
    assert "1 fake utterances; 9 are published" in lines[1]
    assert "1 of 4 files" in lines[2]
