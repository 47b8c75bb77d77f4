"""The card of a corpus, read by its reader or made here."""

import os

import pytest
from support import disk

from rawm import manifest, paths
from rawm.audio import BadAudio
from rawm.corpora import card as numbers
from rawm.corpora import listing
from rawm.errors import UserError
from rawm.reports import card
from rawm.study import load_corpus


@pytest.fixture
def corpus(tmp_path, monkeypatch):
    """120 utterances; fakes have twice the sample rate, which gives them away, and two are damaged."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config/corpora").mkdir(parents=True)
    (tmp_path / "config/corpora/small.yaml").write_text(
        f"loader: folder\ntitle: Small | odd\nroot: {tmp_path}/audio\nsplits: {{train: 0.5, eval: 0.5}}\n"
    )
    rows = []
    for number in range(120):
        fake = number % 2
        attack = f"attack {number % 15:02}" if fake else "-"
        row = listing.utterance(
            "small",
            f"u{number:03}",
            f"{number}.wav",
            "fake" if fake else "genuine",
            ("train", "eval")[number % 4 // 2],
            attack=attack,
            speaker=f"s{number % 3}",
            duration_s=0.3,
        )
        path = disk.write_audio(tmp_path / "audio" / row["path"], rate=16000 if fake else 8000, seed=number)
        if number in (10, 11):
            path.write_bytes(b"no sound")
        rows.append(row)
    manifest.write(rows, paths.manifest("small"))
    return load_corpus("small")


def test_page_and_picture_say_what_is_in_it_and_what_gives_it_away(corpus):
    measured = numbers.measure(corpus, most=1000, seed=0)
    path = card.write(measured)
    assert path == paths.card("small") / "card.md"
    assert (path.parent / "card.png").read_bytes().startswith(b"\x89PNG")
    page = path.read_text(encoding="utf-8")
    assert "| train | fake | 30 | 0.00 | 3 | 30 |" in page
    assert "| attack 01 |" in page and "\n3 attacks more.\n" in page
    assert "| sample rate, Hz | 16000 | 8000 |" in page
    assert "**Yes.**" in page and "sample rate" in page.split("**Yes.**")[1].splitlines()[0]
    assert measured.errors["sample rate"] == 0 and measured.errors["offset"] > 30
    assert "2 of the sample:" in page and "10.wav" in page and "11.wav" in page


def test_at_most_so_many_files_of_both_classes_are_decoded_and_the_seed_chooses_them(corpus):
    some, same, others = (numbers.measure(corpus, 20, seed) for seed in (0, 0, 1))
    assert len(some.sample) + len(some.unreadable) == 20
    assert some.sample["label"].value_counts().min() >= 9
    assert some.sample.equals(same.sample) and not some.sample["group"].equals(others.sample["group"])
    assert some.together is None and "Too few recordings" in card.page(some)


def test_a_class_that_is_rare_leaves_its_share_to_the_other(corpus):
    rows = manifest.read(paths.manifest("small")).rows()
    rows = [row for row in rows if row["group"] != "u011" and (row["label"] == "fake" or row["group"] < "u006")]
    manifest.write(rows, paths.manifest("small"))
    sample = numbers.measure(corpus, 20, 0).sample
    assert sample["label"].value_counts().to_dict() == {"fake": 17, "genuine": 3}


@pytest.mark.parametrize("label", ["genuine", "fake"])
def test_a_corpus_of_one_class_has_a_card_without_error_rates(corpus, label):
    rows = [row for row in manifest.read(paths.manifest("small")).rows() if row["label"] == label]
    manifest.write(rows, paths.manifest("small"))
    page = card.write(numbers.measure(corpus, 10, 0)).read_text()
    assert "Too few recordings" in page


def test_a_corpus_of_features_has_a_card_of_counts(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config/corpora").mkdir(parents=True)
    (tmp_path / "config/corpora/digits.yaml").write_text("loader: digits\n")
    rows = [listing.utterance("digits", f"i{n}", "-", str(n % 10), "train") for n in range(30)]
    manifest.write(rows, paths.manifest("digits"), labels=None)
    page = card.write(numbers.measure(load_corpus("digits"), 10, 0)).read_text()
    assert "| train | 7 | 3 |" in page and "The corpus holds features" in page


def test_a_corpus_whose_files_cannot_be_read_has_a_card_that_says_so(corpus, tmp_path):
    for path in (tmp_path / "audio").iterdir():
        path.unlink()
    page = card.write(numbers.measure(corpus, 30, 0)).read_text()
    assert "None of the sampled recordings could be read" in page and "30 of the sample, the first 12" in page


def test_a_recording_that_is_a_named_pipe_is_not_opened(tmp_path, no_waiting):
    os.mkfifo(tmp_path / "a.wav")
    with pytest.raises(BadAudio, match=r"a\.wav: is a named pipe, not a regular file; name a sound file"):
        numbers._of_file(tmp_path / "a.wav")


def test_without_a_manifest_the_command_that_makes_it_is_named(corpus):
    paths.manifest("small").unlink()
    with pytest.raises(UserError, match="rawm corpora make small"):
        numbers.measure(corpus, 10, 0)
