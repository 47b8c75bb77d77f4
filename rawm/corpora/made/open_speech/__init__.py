"""Open speech: corpora of voice prompts and synthesisers that Debian distributes, made without root.

`fetch` downloads and unpacks the packages; `make` decodes, cleans and splits the recordings, makes the fakes and writes
FLAC. Importing this package is cheap.
"""

from rawm.corpora.made.open_speech.build import make
from rawm.corpora.made.open_speech.packages import fetch

__all__ = ["fetch", "make"]
