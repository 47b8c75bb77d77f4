"""A corpus of another one's recordings at a lower sample rate."""

import numpy as np
import pytest

from rawm import audio, manifest, paths
from rawm.config.corpora import ResampledCorpus, SyntheticCorpus
from rawm.corpora import make
from rawm.errors import UserError
from rawm.study import jobs

OTHER = "loader: synthetic\nutterances: 8\nduration_s: 0.3\n"


@pytest.fixture
def corpus(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config/corpora").mkdir(parents=True)
    (tmp_path / "config/corpora/wide.yaml").write_text(OTHER)
    return ResampledCorpus(name="narrow", loader="resampled", of="wide", root=str(paths.corpus("narrow")))


def test_recordings_lose_what_is_above_half_the_rate_and_rows_keep_the_rest(corpus):
    make(SyntheticCorpus(name="wide", loader="synthetic", utterances=8, duration_s=0.3, root=str(paths.corpus("wide"))))
    make(corpus, workers=2)
    rows, others = (manifest.read(paths.manifest(name)).rows() for name in ("narrow", "wide"))
    assert len(rows) == 16
    for row, other in zip(rows, others, strict=True):
        changed = {"path", "corpus", "duration_s"}
        assert {key: row[key] for key in row.keys() - changed} == {key: other[key] for key in row.keys() - changed}
        assert row["duration_s"] == pytest.approx(other["duration_s"], abs=1e-3)
        samples = audio.load(paths.corpus("narrow") / row["path"], 16000)
        original = audio.load(paths.corpus("wide") / other["path"], 16000)
        power, before = (np.abs(np.fft.rfft(x[: len(original)])) ** 2 for x in (samples, original))
        share = slice(int(0.55 * len(power)), None)  # above 4.4 kHz
        assert power[share].sum() < 1e-4 * before[share].sum()
        low = slice(0, int(0.4 * len(power)))
        assert power[low].sum() == pytest.approx(before[low].sum(), rel=0.01)


def test_the_workflow_makes_the_other_corpus_first(corpus):
    assert jobs.corpus_inputs(corpus) == ["results/manifests/wide.parquet"]


def test_without_the_other_corpus_one_sentence_says_how_to_make_it(corpus):
    with pytest.raises(UserError, match=r"wide\.parquet: no such manifest; make it with `rawm corpora make wide`"):
        make(corpus)
