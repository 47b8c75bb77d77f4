"""Features: made once per corpus, split and front-end, then read by every run.

Modules:
    sources: make the features of one split, whatever the front-end; start reading here.
    extract: compute features from audio.
    windows: which utterances are computed together, and which belong to a shard.
    copy: copy features that others computed from a feature folder.
    store: the file format; write, join and read feature files.
    frames: frame matrices of many utterances, padded to a minibatch.
    folder: feature folders, a table of utterances beside feature files.
    tensor_files: .npy, .pt and .pth files of others.
"""
