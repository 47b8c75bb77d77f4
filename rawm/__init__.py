"""Continual learning for fake-speech detection: the methods, the metrics and the pipeline around them."""

__version__ = "0.1.0"
