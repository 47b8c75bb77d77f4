"""Make the features of one split: compute them from audio, or copy those that others computed."""

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from rawm.config.corpora import Corpus
from rawm.config.frontends import FrontendSettings

if TYPE_CHECKING:
    import torch

#: `type` in config/frontends/*.yaml -> "module:function" (a `Source`), for types that do not compute from audio.
SOURCES = {"stored": "rawm.features.copy:copy"}
#: The source of every type in `rawm.frontends.FRONTENDS`.
EXTRACTION = "rawm.features.extract:extract"


class Source(Protocol):
    """Make the features of one split; for the arguments see `make_features`."""

    def __call__(
        self,
        corpus: Corpus,
        settings: Any,
        split: str,
        manifest_path: str | Path,
        output_path: str | Path,
        shard: tuple[int, int] = (1, 1),
        device: "str | torch.device" = "cpu",
        threads: int = 1,
    ) -> None: ...


def source(settings: FrontendSettings) -> Source:
    """Return the function that makes the features of a front-end."""
    module, name = SOURCES.get(settings.type, EXTRACTION).split(":")
    return getattr(import_module(module), name)


def make_features(
    corpus: Corpus,
    settings: FrontendSettings,
    split: str,
    manifest_path: str | Path,
    output_path: str | Path,
    shard: tuple[int, int] = (1, 1),
    device: "str | torch.device" = "cpu",
    threads: int = 1,
) -> None:
    """Write the features of one split of a corpus to `output_path`, in the order of the manifest.

    Args:
        corpus: settings of the corpus, `root` resolved.
        settings: settings of the front-end.
        shard: (i, n): only the i-th of n parts, i from 1; `store.join` joins them to the file of (1, 1).
        device: where neural front-ends compute; the others compute on the CPU.
        threads: files decoded at a time. For neural front-ends the caller sets torch's threads too.

    Raises:
        UserError: audio or features cannot be used; all of them are named.
    """
    source(settings)(corpus, settings, split, manifest_path, output_path, shard, device, threads)
