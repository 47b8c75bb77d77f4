"""A trained detector in use: taken out of its study, it scores any recording and learns further corpora.

Modules:
    bundle: the folder that a detector lives in outside of its study.
    export: a run of a study -> a bundle.
    detector: the Python interface, `rawm.Detector`; start reading here.
    windows: a recording of any length -> windows.
    files: many recordings, some of them bad -> scores.
    output: scores -> tables and files.
    plot: a recording's spectrogram with its scores.
    demo: a page to try it.
    further: one more corpus, without the old data.
"""
