"""Corpora: from what lies on disk, or from a recipe, to a manifest."""

from importlib import import_module
from pathlib import Path
from typing import Any

from rawm import manifest, paths

#: `loader` in config/corpora/*.yaml -> "module:function" with (corpus, packages_dir, workers) -> rows of the manifest.
LOADERS = {
    "table": "rawm.corpora.table:make",
    "synthetic": "rawm.corpora.synthetic:make",
    "open_speech": "rawm.corpora.open_speech:make",
}


def make(corpus: Any, workers: int = 1, packages_dir: Path = paths.PACKAGES) -> None:
    """Write the manifest of a corpus, and first its audio where the pipeline makes it itself.

    Args:
        corpus: settings of the corpus, `root` resolved.
        workers: processes that make audio; corpora that are only listed ignore it.
        packages_dir: where fetched packages lie; only open_speech reads it.

    Raises:
        UserError: the corpus is not as its file says; all problems together.
    """
    module, name = LOADERS[corpus.loader].split(":")
    rows = getattr(import_module(module), name)(corpus, packages_dir, workers)
    manifest.write(rows, paths.manifest(corpus.name))
