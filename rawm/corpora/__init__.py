"""Corpora: from what lies on disk, or from a recipe, to a manifest."""

from importlib import import_module
from pathlib import Path
from typing import Any

from rawm import manifest, paths

#: `loader` of a corpus that lies on disk -> "module:function" that reads its protocol (`listing.Reader`).
READERS = {
    "table": "rawm.corpora.table:read",
    "folder": "rawm.corpora.folder:read",
    "evda_list": "rawm.corpora.published_lists:read_evda",
    "rais_list": "rawm.corpora.published_lists:read_rais",
    "asvspoof2015": "rawm.corpora.asvspoof2015:read",
    "asvspoof2019_la": "rawm.corpora.asvspoof2019:read",
    "asvspoof2021_la": "rawm.corpora.asvspoof2021:read_la",
    "asvspoof2021_df": "rawm.corpora.asvspoof2021:read_df",
    "asvspoof5": "rawm.corpora.asvspoof5:read",
    "vcc2020": "rawm.corpora.vcc2020:read",
    "in_the_wild": "rawm.corpora.in_the_wild:read",
    "add2022": "rawm.corpora.add:read_2022",
    "add2023_track1": "rawm.corpora.add:read_2023_track1",
    "add2023_track2": "rawm.corpora.add:read_2023_track2",
    "fake_or_real": "rawm.corpora.fake_or_real:read",
    "had": "rawm.corpora.had:read",
    "fmfcc_a": "rawm.corpora.fmfcc_a:read",
    "cfad": "rawm.corpora.cfad:read",
    "wavefake": "rawm.corpora.wavefake:read",
    "mlaad": "rawm.corpora.mlaad:read",
    "codecfake_xie": "rawm.corpora.codecfake:read_xie",
    "codecfake_wu": "rawm.corpora.codecfake:read_wu",
    "codecfake_plus": "rawm.corpora.codecfake:read_plus",
    "iemocap": "rawm.corpora.iemocap:read",
    "msp_podcast": "rawm.corpora.msp_podcast:read",
    "features": "rawm.corpora.imported:read",
}
#: `loader` of a corpus that the pipeline makes -> "module:function" with (corpus, packages_dir, workers) -> rows.
MAKERS = {
    "synthetic": "rawm.corpora.synthetic:make",
    "open_speech": "rawm.corpora.open_speech:make",
    "digits": "rawm.corpora.digits:make",
    "clear": "rawm.corpora.clear:make",
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
