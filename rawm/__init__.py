"""Continual learning for fake-speech detection: the methods, the metrics and the pipeline around them."""

TYPE_CHECKING = False  # not from `typing`, which takes longer to load than all else that a small job's client needs
if TYPE_CHECKING:
    from rawm.detection.detector import Detector

__version__ = "0.1.0"
__all__ = ["Detector"]


def __getattr__(name: str) -> object:
    """Import `Detector` on first use, since it loads torch."""
    if name == "Detector":
        from rawm.detection.detector import Detector

        return Detector
    raise AttributeError(f"module 'rawm' has no attribute {name!r}")
