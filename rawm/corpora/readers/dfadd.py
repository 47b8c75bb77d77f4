"""DFADD: VCTK and its copies by text-to-speech with diffusion and flow matching."""

from pathlib import Path

from rawm.config.corpora import OfficialCorpus
from rawm.corpora.disk import audio_files
from rawm.corpora.listing import Listing, utterance
from rawm.manifest import Row

SPLITS = {"train": "train", "valid": "dev", "test": "eval"}


def read(corpus: OfficialCorpus) -> Listing:
    """Read all three splits.

    There is no protocol: the folder DATASET_VCTK_BONAFIDE holds the genuine speech, every other DATASET_<system> the
    fakes of a system, each in train/, valid/ and test/. All systems read the same sentences of VCTK, so the id is
    system, split and name; speaker and sentence are the name's first two parts (p227_164_GradTTS).

    Source: huggingface.co/datasets/isjwdu/DFADD, arXiv:2409.08731.
    """
    root, rows, problems = Path(corpus.root), [], []
    folders = sorted(path for path in root.glob("DATASET_*") if path.is_dir())
    if not any("BONAFIDE" in folder.name for folder in folders):
        problems.append(f"corpus {corpus.name}: no folder DATASET_VCTK_BONAFIDE under {root}; unpack its archive there")
    for folder in folders:
        for part in SPLITS:
            files = audio_files(root, f"{folder.name}/{part}")
            if not files and not corpus.waive_counts:
                problems.append(f"corpus {corpus.name}: no recordings in {folder / part}; unpack that part")
            rows += [_row(corpus, folder.name.removeprefix("DATASET_"), part, path) for path in files]
    return Listing(rows, problems)


def _row(corpus: OfficialCorpus, system: str, part: str, path: str) -> Row:
    genuine, stem = "BONAFIDE" in system, Path(path).stem
    speaker, *rest = stem.split("_")
    return utterance(
        corpus.name,
        f"{system}/{part}/{stem}",
        path,
        "genuine" if genuine else "fake",
        SPLITS[part],
        speaker=speaker,
        attack="-" if genuine else system,
        language="en",
        group=None if corpus.splits is None else "_".join([speaker, *rest[:1]]),  # official splits stay as they are
    )
