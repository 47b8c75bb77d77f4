"""ADD 2022 and ADD 2023, the Mandarin audio deepfake detection challenges."""

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from rawm.config.corpora import OfficialCorpus
from rawm.corpora.disk import paths_by_name
from rawm.corpora.listing import Listing, utterance
from rawm.corpora.protocol import ProtocolFile
from rawm.manifest import Row

WORDS = {"genuine": "genuine", "bonafide": "genuine", "fake": "fake", "spoof": "fake"}
FLAGS = {"1": "genuine", "0": "fake"}


class Part(NamedTuple):
    """One part of the corpus.

    Attributes:
        labels: list of labels, under the root.
        folder: folder of its recordings, under the root.
        split: train, dev or eval.
        condition: name of an evaluation part; else "-".
    """

    labels: str
    folder: str
    split: str
    condition: str = "-"


def read_2022(corpus: OfficialCorpus) -> Listing:
    """Read the training and development part and every evaluation folder beside it.

    A line is `file word`, in some copies with more columns, which are ignored; the words are genuine and fake, in some
    copies bonafide and spoof. Evaluation parts are the folders with a label.txt; the folder's name is the condition and
    the ids begin with it, since a file name may occur in several rounds. Adaptation sets (adp in the folder's name) are
    no evaluation data and are left out.

    Source: ADD_train_dev/label/*_label.txt, doi:10.5281/zenodo.12188127; <track>/label.txt, e.g.
    doi:10.5281/zenodo.10843991.
    """
    root = Path(corpus.root)
    splits = ("train", "dev")
    parts = [Part(f"ADD_train_dev/label/{split}_label.txt", f"ADD_train_dev/{split}", split) for split in splits]
    tracks = sorted(path.parent.name for path in root.glob("*/label.txt"))
    parts += [Part(f"{name}/label.txt", name, "eval", name) for name in tracks if "adp" not in name.lower()]
    listing = _rows(corpus, parts, (2, 3, 4, 5), 1, WORDS)
    for row in listing.rows:
        if row["split"] == "eval":
            row["utterance_id"] = row["group"] = f"{row['condition']}/{row['utterance_id']}"
    return listing


def read_2023_track1(corpus: OfficialCorpus) -> Listing:
    """Read track 1.2; the round, testR1 or testR2, is the condition of evaluation data.

    A line is `file word`. Ids have a dot (ADD2023_T1.2_T_00000001). The tests' labels were published later: a round
    without a label.txt is left out.

    Source: Track1.2/<part>/label.txt, arXiv:2305.13774.
    """
    parts = [Part(f"Track1.2/{split}/label.txt", f"Track1.2/{split}/wav", split) for split in ("train", "dev")]
    tests = [Part(f"Track1.2/{name}/label.txt", f"Track1.2/{name}/wav", "eval", name) for name in ("testR1", "testR2")]
    return _rows(corpus, parts + _published(corpus, tests), (2, 3, 4, 5), 1, WORDS)


def read_2023_track2(corpus: OfficialCorpus) -> Listing:
    """Read track 2: utterances, of which some have a manipulated region.

    A line is `file regions flag`, the file without .wav; 1 is genuine, 0 fake. Regions (`0.00-1.43-T/1.43-2.02-F`) are
    not used. The test's labels were published later: without its label.txt it is left out.

    Source: ADD2023_Track2_<part>/label.txt, arXiv:2305.13774.
    """
    names = {"train": "train", "dev": "dev", "test": "eval"}
    parts = [Part(f"ADD2023_Track2_{n}/label.txt", f"ADD2023_Track2_{n}/wav", split) for n, split in names.items()]
    return _rows(corpus, parts[:2] + _published(corpus, parts[2:]), (3,), 2, FLAGS)


def _published(corpus: OfficialCorpus, tests: Iterable[Part]) -> list[Part]:
    """Select the parts whose labels are under the root."""
    return [part for part in tests if (Path(corpus.root) / part.labels).is_file()]


def _rows(
    corpus: OfficialCorpus, parts: Iterable[Part], columns: tuple[int, ...], label_column: int, words: dict[str, str]
) -> Listing:
    root = Path(corpus.root)
    rows: list[Row] = []
    problems: list[str] = []
    for part in parts:
        protocol = ProtocolFile(root / part.labels, columns, words)
        paths = paths_by_name(root, part.folder)
        for fields in protocol:
            name = fields[0].removesuffix(".wav")  # only this suffix: ids have dots
            if label := protocol.label(fields[label_column]):
                path = paths.get(f"{name}.wav", f"{part.folder}/{name}.wav")
                row = utterance(corpus.name, name, path, label, part.split, language="zh", condition=part.condition)
                rows.append(row)
        problems += protocol.problems
    return Listing(rows, problems)
