"""PartialSpoof and LlamaPartialSpoof: recordings of which only parts are fake."""

from pathlib import Path

import numpy as np

from rawm.config.corpora import OfficialCorpus
from rawm.corpora.disk import nested
from rawm.corpora.listing import Listing, utterance
from rawm.corpora.protocol import ProtocolFile
from rawm.errors import UserError

WORDS = {"bonafide": "genuine", "spoof": "fake"}
LLAMA_PARTS = ("R01TTS.0.a", "R01TTS.0.b")
_CONVERT = (
    "the official .npy is a pickle, which can run code and is not opened here; convert it once, in a container or on a "
    "machine that holds nothing else, by python -c \"import numpy as np; np.savez('{stem}.npz', "
    "**np.load('{stem}.npy', allow_pickle=True).item())\""
)


def read(corpus: OfficialCorpus) -> Listing:
    """Read all three splits; an utterance is fake if any part of it is.

    A line is `speaker file - system label`, as in ASVspoof 2019, whose recordings these are made of; they are
    <split>/con_wav/<file>.wav. With `version: segments` the condition of a fake is the share of its 20 ms frames that
    are fake, "0-25", "25-50", "50-75" or "75-100" per cent, from `segment_labels`.

    Source: protocols/PartialSpoof_LA_cm_protocols, doi:10.5281/zenodo.5766198, arXiv:2204.05177.
    """
    root, rows, problems = Path(corpus.root), [], []
    prefix = nested(root, "database", "protocols")
    for split in ("train", "dev", "eval"):
        name = f"PartialSpoof_LA_cm_protocols/PartialSpoof.LA.cm.{split}.trl.txt"
        protocol = ProtocolFile(root / f"{prefix}protocols/{name}", (5,), WORDS)
        bands = _bands(root / prefix, split) if corpus.version == "segments" else {}
        without = 0
        for speaker, file, _, system, word in protocol:
            if label := protocol.label(word):
                attack = "-" if label == "genuine" else system
                without += corpus.version == "segments" and file not in bands
                band = bands.get(file, "-") if label == "fake" else "-"
                path = f"{prefix}{split}/con_wav/{file}.wav"
                row = utterance(corpus.name, file, path, label, split, speaker=speaker, attack=attack, condition=band)
                rows.append(row | {"language": "en"})
        problems += protocol.problems
        if without:
            problems.append(f"corpus {corpus.name}: {without} utterance(s) of {split} have no segment labels")
    return Listing(rows, problems)


def segment_labels(folder: Path, split: str) -> dict[str, np.ndarray]:
    """Read which 20 ms frames of each utterance are genuine.

    Args:
        folder: holds segment_labels/<split>_seglab_0.02.npz.

    Returns:
        utterance -> (frames,) bool, True where genuine ('1' in the file).

    Raises:
        UserError: only the official .npy is there, or labels are not 0 and 1; the message says how to convert.
    """
    stem = f"{split}_seglab_0.02"
    path = folder / "segment_labels" / f"{stem}.npz"
    if not path.is_file():
        raise UserError(f"{path}: no such file; {_CONVERT.format(stem=stem)}")
    try:
        with np.load(path, allow_pickle=False) as archive:
            frames = {name: archive[name].reshape(-1).astype(str) for name in archive.files}
    except (ValueError, OSError) as error:
        raise UserError(f"{path}: cannot be read without unpickling ({error}); {_CONVERT.format(stem=stem)}") from None
    for name, values in frames.items():
        if not np.isin(values, ("0", "1")).all():
            raise UserError(f"{path}: {name}: labels are not 0 (spoof) and 1 (bona fide); restore the official file")
    return {name: values == "1" for name, values in frames.items()}


def _bands(folder: Path, split: str) -> dict[str, str]:
    """Utterance -> share of its frames that are fake, in quarters."""
    labels = segment_labels(folder, split)
    quarters = {name: min(3, int(4 * (1 - genuine.mean()))) for name, genuine in labels.items() if genuine.size}
    return {name: f"{25 * quarter}-{25 * quarter + 25}" for name, quarter in quarters.items()}


def read_llama(corpus: OfficialCorpus) -> Listing:
    """Read LlamaPartialSpoof, which has no official split; its archive, R01TTS.0.a or .b, is the condition.

    A line is `file seconds label start-end-label ...`; the attack is `full` if all segments are fake, else `partial`.
    One of the archives may be missing. The folder `split`, of speaker splits for continual learning, is not read.

    Source: label_R01TTS.0.a.txt and label_R01TTS.0.b.txt, doi:10.5281/zenodo.14214149, arXiv:2409.14743.
    """
    root, rows, problems = Path(corpus.root), [], []
    available = [part for part in LLAMA_PARTS if (root / f"label_{part}.txt").is_file()]
    for part in available or LLAMA_PARTS[:1]:  # which reports the missing list
        protocol = ProtocolFile(root / f"label_{part}.txt", (4,), WORDS, rest=True)
        for file, _, word, segments in protocol:
            if label := protocol.label(word):
                extent = "partial" if "-bonafide" in segments else "full"
                attack = "-" if label == "genuine" else extent
                rows.append(utterance(corpus.name, file, f"{part}/{file}.wav", label, attack=attack, condition=part))
        problems += protocol.problems
    return Listing([row | {"language": "en"} for row in rows], problems)
