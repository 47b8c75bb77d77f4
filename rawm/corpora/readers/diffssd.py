"""DiffSSD: ten diffusion and commercial systems, beside LJSpeech and LibriSpeech."""

import csv
from pathlib import Path

from rawm.config.corpora import OfficialCorpus
from rawm.corpora.listing import Listing, utterance
from rawm.corpora.protocol import HeadedProtocol

FLAGS = {"0": "genuine", "1": "fake"}
SPLITS = {"train": "train", "val": "dev", "test": "eval"}
#: Genuine corpora by the name of their folder in the list -> folder on disk.
REAL = {"ljspeech": "LJSpeech-1.1/wavs", "librispeech": "LibriSpeech"}


def read(corpus: OfficialCorpus) -> Listing:
    """Read all three splits.

    A line has filename, target (0 is genuine) and set; some copies call the target `label`. The archive holds only
    fakes: genuine files are those of LJSpeech and LibriSpeech, which lie below the root, or below real_speech/ in it.

    Source: train_val_test_splits.csv, huggingface.co/datasets/purdueviperlab/diffssd, arXiv:2409.13049.
    """
    root = Path(corpus.root)
    path = root / "train_val_test_splits.csv"
    table = HeadedProtocol(path, ("filename", "set"), FLAGS, ",", csv.QUOTE_MINIMAL)
    target = "label" if "label" in table.header else "target"
    table.require(target)
    rows, problems, strange = [], [], set()
    homes: dict[str, str] = {}
    for line in table:
        if line["set"] not in SPLITS:
            strange.add(line["set"])
        elif label := table.label(line[target]):
            file = line["filename"]
            parts = file.split("/")
            system = line.get("method_name") or file.removeprefix("generated_speech/").split("/")[0]
            row = utterance(
                corpus.name,
                file.rpartition(".")[0],
                _path(root, parts, homes),
                label,
                SPLITS[line["set"]],
                speaker=next((part for part in parts if part.startswith("speaker_")), "-"),
                attack="-" if label == "genuine" else system,
                language="en",
            )
            rows.append(row)
    if strange:
        problems.append(f"{path}: set {sorted(strange)[0]!r} is not one of {', '.join(SPLITS)}")
    return Listing(rows, table.problems + problems)


def _path(root: Path, parts: list[str], homes: dict[str, str]) -> str:
    """Path under the root of a listed file; `homes` keeps the folder that was found for each first folder."""
    name = next((part for part in parts if part in REAL), None)
    inner = parts[parts.index(name) + 1 :] if name else parts
    key = name or inner[0]
    if key not in homes:
        folder = REAL[name] if name else inner[0]
        above = ("", "real_speech/") if name else ("", "generated_speech/")
        homes[key] = next((prefix for prefix in above if (root / prefix / folder).is_dir()), "")
    return "/".join([f"{homes[key]}{REAL[name]}", *inner]) if name else homes[key] + "/".join(inner)
