import shutil

import numpy as np
import pytest

from rawm import audio, corpora
from rawm.config.corpora import SyntheticCorpus, TableCorpus
from rawm.corpora import audit
from rawm.errors import UserError


@pytest.fixture
def root(tmp_path, monkeypatch):
    """A table corpus of 2 genuine and 2 fake utterances in train, and as many in eval."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    lines = ["utterance_id,path,label,split,group"]
    for number in range(8):
        audio.save_flac(tmp_path / f"{number}.flac", rng.normal(0, 0.1, 4000), 16000)
        label, split = ("genuine", "fake")[number % 2], ("train", "eval")[number // 4]
        lines.append(f"u{number},{number}.flac,{label},{split},g{number // 2}")
    (tmp_path / "t.csv").write_text("\n".join(lines))
    return tmp_path


def check(root, deep=False, **given):
    return audit.check(TableCorpus(loader="table", name="mine", table="t.csv", root=str(root), **given), deep)


def edit(root, old, new):
    text = (root / "t.csv").read_text()
    assert old in text
    (root / "t.csv").write_text(text.replace(old, new))


def test_a_sound_corpus_has_nothing_to_report(root):
    report = check(root, deep=True, expected={"train": {"genuine": 2, "fake": 2}})
    assert report.errors == report.warnings == []
    assert report.counts == {(s, c): 2 for s in ("train", "eval") for c in ("genuine", "fake")}
    assert report.lines() == [
        "mine train 2 genuine, 2 fake",
        "mine dev   0 genuine, 0 fake",
        "mine eval  2 genuine, 2 fake",
        "mine: 0 error(s), 0 warning(s)",
    ]


def test_every_problem_is_in_one_report(root):
    (root / "1.flac").unlink()
    shutil.copy(root / "0.flac", root / "4.flac")  # train and eval
    shutil.copy(root / "6.flac", root / "7.flac")  # genuine and fake
    shutil.copy(root / "2.flac", root / "unlisted.flac")
    (root / "5.flac").write_bytes((root / "5.flac").read_bytes()[:3000])
    edit(root, "u3,3.flac,fake,train,g1", "u2,3.flac,fake,train,g3")
    report = check(root, deep=True, expected={"train": {"genuine": 5}})
    expected = [
        "1 of 8 files are not under",
        "utterance(s), first 'u2': utterance_id is not unique",
        "1 value(s) of group occur in several splits; first: 'g3' in eval, train",
        "1 recording(s) occur in several splits with equal bytes, first 0.flac = 4.flac",
        "1 recording(s) occur both as genuine and as fake with equal bytes, first 6.flac = 7.flac",
        "5.flac: ",
    ]
    assert len(report.errors) == len(expected)
    for sentence, part in zip(report.errors, expected, strict=True):
        assert part in sentence
    assert len(report.warnings) == 2
    assert report.warnings[0] == "train has 2 genuine utterances; the corpus file expects 5"
    assert "1 audio file(s)" in report.warnings[1] and report.warnings[1].endswith("first unlisted.flac")
    assert report.lines()[-1] == "mine: 6 error(s), 2 warning(s)"


def test_damage_inside_a_file_is_found_only_when_decoding(root):
    content = (root / "5.flac").read_bytes()
    (root / "5.flac").write_bytes(content[: len(content) // 2])
    assert check(root).errors == []
    assert len(check(root, deep=True).errors) == 1


def test_the_same_recording_twice_in_one_split_and_class_is_a_warning(root):
    shutil.copy(root / "0.flac", root / "2.flac")
    report = check(root)
    assert report.errors == [] and "in one split with equal bytes, first 0.flac = 2.flac" in report.warnings[0]


def test_corpora_that_are_made_are_audited_by_their_manifest(root):
    corpus = SyntheticCorpus(loader="synthetic", name="toy", root=str(root / "toy"), utterances=8)
    with pytest.raises(UserError, match="no such manifest; make it with `rawm corpora make toy`"):
        audit.check(corpus)
    corpora.make(corpus)
    assert audit.check(corpus, deep=True).errors == []
    next((root / "toy").glob("*.flac")).unlink()
    assert "1 of 16 files are not under" in audit.check(corpus).errors[0]
