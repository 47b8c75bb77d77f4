"""What the tasks of a stream may not share."""

import shutil

import pytest
from support import disk

from rawm import manifest, paths
from rawm.config.study import StreamFile
from rawm.corpora import leakage, listing
from rawm.errors import UserError


@pytest.fixture
def corpora(tmp_path, monkeypatch):
    """Makes corpora in a working folder: name, loader, and (id, label, split, speaker, group) of each utterance."""
    monkeypatch.chdir(tmp_path)

    def make(name, loader, *utterances):
        (tmp_path / "config/corpora").mkdir(parents=True, exist_ok=True)
        table = "table: t.csv\n" if loader == "table" else ""
        (tmp_path / f"config/corpora/{name}.yaml").write_text(f"loader: {loader}\nroot: {tmp_path / name}\n{table}")
        rows = [
            listing.utterance(name, utterance, f"{utterance}.flac", label, split, speaker=speaker, group=group)
            for utterance, label, split, speaker, group in utterances
        ]
        for row in rows:
            disk.write_audio(tmp_path / name / row["path"])
        manifest.write(rows, paths.manifest(name))

    return make


def check(*tasks, deep=False):
    stream = StreamFile(title="s", tasks=[{"name": name, "corpora": corpora} for name, *corpora in tasks])
    return leakage.check("s", stream, deep)


def test_a_stream_without_shared_material_has_nothing_to_report(corpora):
    corpora("one", "in_the_wild", ("a", "genuine", "train", "ann", "a"), ("b", "fake", "eval", "bob", "b"))
    corpora("two", "in_the_wild", ("c", "genuine", "train", "cat", "c"), ("d", "fake", "eval", "dan", "d"))
    report = check(("first", "one"), ("second", "two"), deep=True)
    assert (report.errors, report.warnings) == ([], [])


def test_one_corpus_in_two_tasks_shares_its_speakers_and_copies_across_them(corpora):
    """VCC2020's SOU recordings are copies of sources: one group, also where it is met under two corpora."""
    corpora("vcc", "vcc2020", ("E30001", "genuine", "train", "SEM1", "SEM1_E30001"))
    corpora("copies", "vcc2020", ("SOU_E30001", "genuine", "eval", "SEM1", "SEM1_E30001"))
    report = check(("sources", "vcc"), ("listening", "copies"))
    assert len(report.errors) == 1
    assert (
        "1 group(s) are in training data of task sources and in evaluation data of task listening, first SEM1_E30001"
        in report.errors[0]
    )
    assert len(report.warnings) == 1 and "1 speaker(s)" in report.warnings[0]


def test_speakers_of_asvspoof_2019_are_found_in_2021(corpora):
    corpora("la19", "asvspoof2019_la", ("LA_T_1", "genuine", "train", "LA_0079", "LA_T_1"))
    corpora("la21", "asvspoof2021_la", ("LA_E_9", "genuine", "eval", "LA_0079", "LA_E_9"))
    report = check(("old", "la19"), ("new", "la21"))
    assert report.errors == []
    assert "training data of task old and in evaluation data of task new, first LA_0079" in report.warnings[0]


def test_the_same_utterance_on_both_sides_is_an_error(corpora):
    corpora("one", "in_the_wild", ("a", "genuine", "train", "-", "a"))
    shutil.copy(paths.manifest("one"), "kept.parquet")
    corpora("one", "in_the_wild", ("a", "genuine", "dev", "-", "a"), ("b", "genuine", "eval", "-", "b"))
    assert check(("first", "one"), ("second", "one")).errors == []
    rows = [row | {"split": "eval"} for row in manifest.read("kept.parquet").rows()]
    corpora("two", "in_the_wild", ("z", "genuine", "eval", "-", "z"))
    manifest.write([row | {"corpus": "one"} for row in rows], paths.manifest("two"))
    assert "1 utterance(s) are in training data of task first" in check(("first", "one"), ("second", "two")).errors[0]


def test_names_of_ones_own_tables_are_not_compared_across_corpora(corpora):
    corpora("one", "table", ("a", "genuine", "train", "speaker1", "g1"))
    corpora("two", "table", ("a", "genuine", "eval", "speaker1", "g1"))
    report = check(("first", "one"), ("second", "two"))
    assert (report.errors, report.warnings) == ([], [])


def test_equal_bytes_in_two_corpora_are_found_deep(corpora, tmp_path):
    corpora("one", "table", ("a", "genuine", "train", "-", "a"))
    corpora("two", "table", ("b", "genuine", "eval", "-", "b"))
    shutil.copy(tmp_path / "one/a.flac", tmp_path / "two/b.flac")
    assert check(("first", "one"), ("second", "two")).errors == []
    assert "with equal bytes, first a.flac = b.flac" in check(("first", "one"), ("second", "two"), deep=True).errors[0]


def test_a_corpus_that_is_not_made_is_named(corpora, tmp_path):
    corpora("one", "table", ("a", "genuine", "train", "-", "a"))
    paths.manifest("one").unlink()
    with pytest.raises(UserError, match="rawm corpora make one"):
        check(("first", "one"))
