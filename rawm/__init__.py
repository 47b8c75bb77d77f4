"""Continual learning for fake-speech detection: the methods, the metrics and the pipeline around them."""

TYPE_CHECKING = False  # not from `typing`, which takes longer to load than all else that a small job's client needs
if TYPE_CHECKING:
    from rawm.detection.detector import Detector

    __version__: str

__all__ = ["Detector"]


def __getattr__(name: str) -> object:
    """Load `Detector`, which needs torch, and the version on first use."""
    if name == "Detector":
        from rawm.detection.detector import Detector

        return Detector
    if name == "__version__":
        from importlib.metadata import version

        return version("rawm")
    raise AttributeError(f"module 'rawm' has no attribute {name!r}")
