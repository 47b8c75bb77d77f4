import shutil
import subprocess

import numpy as np
import pytest
from support import disk

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
        "utterance(s), first 'u2': utterance_id is not unique",
        "1 value(s) of group occur in several splits; first: 'g3' in eval, train",
        "1 of 8 files are not under",
        "1 recording(s) occur in several splits with equal bytes, first 0.flac = 4.flac",
        "1 recording(s) occur both as genuine and as fake with equal bytes, first 6.flac = 7.flac",
        "5.flac: ",
    ]
    assert len(report.errors) == len(expected)
    for sentence, part in zip(report.errors, expected, strict=True):
        assert part in sentence
    assert len(report.warnings) == 2
    assert report.warnings[0] == "corpus mine: train has 2 genuine utterances; 5 are published"
    assert "1 audio file(s)" in report.warnings[1] and report.warnings[1].endswith("first unlisted.flac")
    assert report.lines()[-1] == "mine: 6 error(s), 2 warning(s)"


def test_damage_inside_a_file_is_found_only_when_decoding(root):
    content = (root / "5.flac").read_bytes()
    (root / "5.flac").write_bytes(content[: len(content) // 2])
    assert check(root).errors == []
    assert len(check(root, deep=True).errors) == 1


def test_the_same_recording_twice_in_one_split_and_class_is_a_warning(root):
    shutil.copy(root / "0.flac", root / "2.flac")
    assert check(root).warnings == []
    report = check(root, deep=True)
    assert report.errors == [] and "in one split with equal bytes, first 0.flac = 2.flac" in report.warnings[0]


def test_corpora_that_are_made_are_audited_by_their_manifest(root):
    corpus = SyntheticCorpus(loader="synthetic", name="toy", root=str(root / "toy"), utterances=8)
    with pytest.raises(UserError, match="no such manifest; make it with `rawm corpora make toy`"):
        audit.check(corpus)
    corpora.make(corpus)
    assert audit.check(corpus, deep=True).errors == []
    next((root / "toy").glob("*.flac")).unlink()
    assert "1 of 16 files are not under" in audit.check(corpus).errors[0]


def test_ten_faults_in_an_official_corpus_are_reported_in_one_run(tmp_path):
    """Every kind of fault at once, through the command line, as a user would meet them."""
    protocols, lines = tmp_path / "LA/ASVspoof2019_LA_cm_protocols", {}
    for split, name in {"train": "train.trn", "dev": "dev.trl", "eval": "eval.trl"}.items():
        files = [f"LA_{split[0].upper()}_{number:07d}" for number in range(4)]
        keys = ["- - bonafide", "- - bonafide", "- A01 spoof", "- A02 spoof"]
        lines[split] = [f"LA_0001 {file} {key}" for file, key in zip(files, keys, strict=True)]
        for number, file in enumerate(files):
            disk.write_audio(tmp_path / f"LA/ASVspoof2019_LA_{split}/flac/{file}.flac", 0.2 + 0.05 * number)
        disk.write_lines(protocols / f"ASVspoof2019.LA.cm.{name}.txt", lines[split])

    def flac(split, number):
        return tmp_path / f"LA/ASVspoof2019_LA_{split}/flac/LA_{split[0].upper()}_{number:07d}.flac"

    train = [*lines["train"], "LA_0001 LA_T_0000009 - - bona-fide", "LA_0001 LA_T_0000010 - bonafide"]
    disk.write_lines(protocols / "ASVspoof2019.LA.cm.train.trn.txt", train)  # 1, 2: a wrong word, a short line
    disk.write_lines(
        protocols / "ASVspoof2019.LA.cm.dev.trl.txt", [*lines["dev"], lines["train"][0]]
    )  # 3, 4: id, group
    flac("dev", 0).unlink()  # 5: missing
    flac("dev", 1).write_bytes(flac("dev", 1).read_bytes()[:-2000])  # 6: truncated
    flac("dev", 2).write_bytes(b"")  # 7: empty
    shutil.copy(flac("train", 1), flac("eval", 1))  # 8: in two splits
    shutil.copy(flac("eval", 0), flac("eval", 2))  # 9: genuine and fake
    disk.write_audio(flac("eval", 7))  # 10: not listed
    (tmp_path / "config/corpora").mkdir(parents=True)  # 11, 12: counts, one of them certain
    (tmp_path / "config/corpora/la.yaml").write_text(
        "loader: asvspoof2019_la\nroot: LA\nexpected:\n  eval: {genuine: 5, certain: true}\n  train: {fake: 5}\n"
    )
    done = subprocess.run(["rawm", "corpora", "check", "la", "--deep"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    for sentence in (
        "error: LA/ASVspoof2019_LA_cm_protocols/ASVspoof2019.LA.cm.train.trn.txt: 1 line(s), first line 6",
        "label 'bona-fide' in 1 line(s)",
        "2 utterance(s), first 'LA_T_0000000': utterance_id is not unique",
        "1 value(s) of group occur in several splits; first: 'LA_T_0000000'",
        "2 of 13 files are not under LA, first ASVspoof2019_LA_dev/flac/LA_D_0000000.flac",
        "LA_D_0000001.flac: is truncated",
        "LA_D_0000002.flac: is empty",
        "1 recording(s) occur in several splits with equal bytes",
        "1 recording(s) occur both as genuine and as fake with equal bytes",
        "error: corpus la: eval has 2 genuine utterances; 5 are published",
        "warning: corpus la: train has 2 fake utterances; 5 are published",
        "warning: 1 audio file(s) under LA are not listed, first ASVspoof2019_LA_eval/flac/LA_E_0000007.flac",
        "la: 10 error(s), 2 warning(s)",
    ):
        assert sentence in done.stdout, done.stdout
