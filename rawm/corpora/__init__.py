"""Corpora: from what lies on disk, or from a recipe, to a manifest."""

from importlib import import_module
from pathlib import Path
from typing import Any

from rawm import manifest, paths

#: `loader` of a corpus that lies on disk -> "module:function" that reads its protocol (`listing.Reader`).
READERS = {
    "table": "rawm.corpora.readers.table:read",
    "folder": "rawm.corpora.readers.folder:read",
    "evda_list": "rawm.corpora.readers.published_lists:read_evda",
    "rais_list": "rawm.corpora.readers.published_lists:read_rais",
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
    "features": "rawm.corpora.readers.imported:read",
}
#: `loader` of a corpus that the pipeline makes -> "module:function" with (corpus, packages_dir, workers) -> rows.
MAKERS = {
    "synthetic": "rawm.corpora.made.synthetic:make",
    "open_speech": "rawm.corpora.made.open_speech:make",
    "digits": "rawm.corpora.made.digits:make",
    "clear": "rawm.corpora.readers.clear:make",
}


def module_of(loader: str) -> str:
    """The module that reads or makes the corpora of a loader."""
    return (READERS | MAKERS)[loader].split(":")[0]


def function_of(loader: str) -> Any:
    """The function that reads or makes the corpora of a loader."""
    module, name = (READERS | MAKERS)[loader].split(":")
    return getattr(import_module(module), name)


def make(corpus: Any, workers: int = 1, packages_dir: Path = paths.PACKAGES) -> None:
    """Write the manifest of a corpus, and first its audio where the pipeline makes it itself.

    Args:
        corpus: settings of the corpus, `root` resolved.
        workers: processes that make audio, or threads that read headers.
        packages_dir: where fetched packages lie; only open_speech reads it.

    Raises:
        UserError: the corpus is not as its file says; all problems together.
    """
    if corpus.loader in MAKERS:
        rows = function_of(corpus.loader)(corpus, packages_dir, workers)
    else:
        from rawm.corpora import listing

        rows = listing.make(corpus, function_of(corpus.loader), workers)
    manifest.write(rows, paths.manifest(corpus.name), corpus.classes)
