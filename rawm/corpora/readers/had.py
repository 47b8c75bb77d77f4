"""HAD, half-truth audio: Mandarin recordings in which words were replaced."""

from pathlib import Path

from rawm.config.corpora import OfficialCorpus
from rawm.corpora.disk import nested, paths_by_name
from rawm.corpora.listing import Listing, utterance
from rawm.corpora.protocol import ProtocolFile

SPLITS = {"train": "train", "dev": "dev", "test": "eval"}
FLAGS = {"1": "genuine", "0": "fake"}


def read(corpus: OfficialCorpus) -> Listing:
    """Read all three splits.

    A line is `file regions flag`, the file without .wav; 1 is real, 0 fake. Regions (`0.00-1.43-T/1.43-2.02-F`) are not
    used. The recordings are one or two folders deep (HAD_train/conbine, HAD_train/train/conbine, HAD_test/test), so
    they are looked up by name. Older releases name them after AISHELL-3: SSB00050001 and its manipulated copies
    SSB00050001_fake_1, SSB00050001_real_2, where "real" does not mean that the copy is genuine.

    Source: HAD_<split>/HAD_<split>_label.txt, doi:10.5281/zenodo.10377492.
    """
    prefix = nested(Path(corpus.root), "HAD", "HAD_train")
    root, rows, problems = Path(corpus.root), [], []
    for name, split in SPLITS.items():
        folder = f"{prefix}HAD_{name}"
        protocol = ProtocolFile(root / folder / f"HAD_{name}_label.txt", (3,), FLAGS)
        paths = paths_by_name(root, folder)
        for file, _, flag in protocol:
            if label := protocol.label(flag):
                file = file.removesuffix(".wav")
                recording = file.split("_")[0] if file.startswith("SSB") else None
                row = utterance(
                    corpus.name,
                    file,
                    paths.get(f"{file}.wav", f"{folder}/{file}.wav"),
                    label,
                    split,
                    speaker=recording[:7] if recording else "-",
                    language="zh",
                    group=None if corpus.splits is None else recording,  # official splits stay as they are
                )
                rows.append(row)
        problems += protocol.problems
    return Listing(rows, problems)
