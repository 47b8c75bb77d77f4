"""Corpora: a manifest of what is on disk, or of what a recipe makes. Importing it needs no NumPy."""

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from rawm import paths
from rawm.config.corpora import Corpus, CorpusBase, ListedCorpus

if TYPE_CHECKING:
    from rawm.corpora.listing import Reader
    from rawm.manifest import Row

#: `loader` of a corpus on disk -> "module:function" (a `listing.Reader`) that reads its protocol.
READERS = {
    "table": "rawm.corpora.readers.table:read",
    "folder": "rawm.corpora.readers.folder:read",
    "evda_list": "rawm.corpora.readers.published_lists:read_evda",
    "rais_list": "rawm.corpora.readers.published_lists:read_rais",
    "arena_list": "rawm.corpora.readers.arena_list:read",
    "antideepfake": "rawm.corpora.readers.antideepfake:read",
    "asvspoof2015": "rawm.corpora.readers.asvspoof2015:read",
    "asvspoof2019_la": "rawm.corpora.readers.asvspoof2019:read",
    "asvspoof2021_la": "rawm.corpora.readers.asvspoof2021:read_la",
    "asvspoof2021_df": "rawm.corpora.readers.asvspoof2021:read_df",
    "asvspoof5": "rawm.corpora.readers.asvspoof5:read",
    "vcc2020": "rawm.corpora.readers.vcc2020:read",
    "in_the_wild": "rawm.corpora.readers.in_the_wild:read",
    "add2022": "rawm.corpora.readers.add:read_2022",
    "add2023_track1": "rawm.corpora.readers.add:read_2023_track1",
    "add2023_track2": "rawm.corpora.readers.add:read_2023_track2",
    "fake_or_real": "rawm.corpora.readers.fake_or_real:read",
    "had": "rawm.corpora.readers.had:read",
    "fmfcc_a": "rawm.corpora.readers.fmfcc_a:read",
    "cfad": "rawm.corpora.readers.cfad:read",
    "wavefake": "rawm.corpora.readers.wavefake:read",
    "mlaad": "rawm.corpora.readers.mlaad:read",
    "codecfake_xie": "rawm.corpora.readers.codecfake:read_xie",
    "codecfake_wu": "rawm.corpora.readers.codecfake:read_wu",
    "codecfake_plus": "rawm.corpora.readers.codecfake:read_plus",
    "iemocap": "rawm.corpora.readers.iemocap:read",
    "msp_podcast": "rawm.corpora.readers.msp_podcast:read",
    "spoofceleb": "rawm.corpora.readers.spoofceleb:read",
    "deepfake_eval_2024": "rawm.corpora.readers.deepfake_eval_2024:read",
    "dfadd": "rawm.corpora.readers.dfadd:read",
    "ctrsvdd": "rawm.corpora.readers.ctrsvdd:read",
    "partialspoof": "rawm.corpora.readers.partialspoof:read",
    "llamapartialspoof": "rawm.corpora.readers.partialspoof:read_llama",
    "diffssd": "rawm.corpora.readers.diffssd:read",
    "cvoicefake": "rawm.corpora.readers.cvoicefake:read",
    "decro": "rawm.corpora.readers.decro:read",
    "speechfake": "rawm.corpora.readers.speechfake:read",
    "odss": "rawm.corpora.readers.odss:read",
    "features": "rawm.corpora.readers.imported:read",
}
#: `loader` of a corpus that the pipeline makes -> "module:function" (a `Maker`).
MAKERS = {
    "synthetic": "rawm.corpora.made.synthetic:make",
    "resampled": "rawm.corpora.made.resampled:make",
    "open_speech": "rawm.corpora.made.open_speech.build:make",
    "digits": "rawm.corpora.made.digits:make",
    "clear": "rawm.corpora.readers.clear:make",
    "arena_parquet": "rawm.corpora.readers.arena_parquet:make",
}


AnyCorpus = TypeVar("AnyCorpus", bound=CorpusBase, contravariant=True)


class Maker(Protocol[AnyCorpus]):
    """Make a corpus."""

    def __call__(self, corpus: AnyCorpus, packages_dir: Path, workers: int) -> "list[Row]":
        """Write the audio or features of a corpus under its root, and return the rows of its manifest.

        Args:
            corpus: settings of the corpus, `root` resolved.
            packages_dir: folder of fetched packages.
            workers: processes that make audio; the result does not depend on it.

        Raises:
            UserError: something that the corpus is made of is missing.
        """
        ...


def reader(loader: str) -> "Reader[Any]":
    """Return the function that reads the protocol of a corpus on disk."""
    return _function(READERS[loader])


def maker(loader: str) -> Maker[Any]:
    """Return the function that makes a corpus."""
    return _function(MAKERS[loader])


def _function(entry: str) -> Any:
    module, name = entry.split(":")
    return getattr(import_module(module), name)


def make(corpus: Corpus, workers: int = 1, packages_dir: Path = paths.PACKAGES) -> None:
    """Write the manifest of a corpus, and before it the audio or features of a corpus that the pipeline makes.

    Args:
        corpus: settings of the corpus, `root` resolved.
        workers: processes that make audio, or threads that read headers.
        packages_dir: folder of fetched packages; only open_speech reads it.

    Raises:
        UserError: the corpus is not as its file says; all problems together.
    """
    from rawm import manifest

    if corpus.loader in MAKERS:
        rows = maker(corpus.loader)(corpus, packages_dir, workers)
    else:
        from rawm.corpora import listing

        assert isinstance(corpus, ListedCorpus)
        rows = listing.make(corpus, reader(corpus.loader), workers)
    manifest.write(rows, paths.manifest(corpus.name), corpus.classes)
