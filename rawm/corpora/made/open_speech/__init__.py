"""Open speech: corpora of voice prompts and synthesisers that Debian distributes, made without root.

`packages.fetch` downloads and unpacks the packages; `build.make` decodes, cleans and splits the recordings, makes the
fakes and writes FLAC.
"""
