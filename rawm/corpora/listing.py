"""Corpora on disk: from the rows of a protocol to the rows of a manifest.

A reader turns the protocol of one corpus into rows and sentences about its mistakes, and opens no audio. The steps that
all corpora share are here: our own splits, missing files, published counts, durations.
"""

import os
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple, Protocol, TypeVar

from rawm import audio
from rawm.config.corpora import Corpus, ListedCorpus
from rawm.corpora.division import divide, division_problems
from rawm.corpora.recordings import repeated
from rawm.errors import UserError
from rawm.manifest import Row
from rawm.progress import track

_AHEAD = 4096  # durations asked for at a time: a million futures would need more memory than the rows


class Listing(NamedTuple):
    """What a protocol lists.

    Attributes:
        rows: of the manifest; `split` is "" without an official split, `duration_s` is 0 where it is not known.
        problems: mistakes, one sentence each.
    """

    rows: list[Row]
    problems: list[str]


AnyListed = TypeVar("AnyListed", bound=ListedCorpus, contravariant=True)


class Reader(Protocol[AnyListed]):
    """Read the protocol of a corpus; opens no audio."""

    def __call__(self, corpus: AnyListed, /) -> Listing:
        """Return the rows and mistakes of the protocol of a corpus whose `root` is resolved.

        Raises:
            UserError: the protocol is missing or cannot be read at all.
        """
        ...


def utterance(
    corpus: str,
    utterance_id: str,
    path: str,
    label: str,
    split: str = "",
    *,
    speaker: str = "-",
    attack: str = "-",
    language: str = "-",
    condition: str = "-",
    duration_s: float = 0.0,
    group: str | None = None,
) -> Row:
    """Make one row of a manifest; without a group the utterance is its own. See `manifest.COLUMNS`."""
    return {
        "utterance_id": utterance_id,
        "path": path,
        "label": label,
        "split": split,
        "corpus": corpus,
        "speaker": speaker,
        "attack": attack,
        "language": language,
        "condition": condition,
        "duration_s": duration_s,
        "group": group or utterance_id,
    }


def make(corpus: ListedCorpus, read: Reader[Any], workers: int) -> list[Row]:
    """Make the rows of a corpus' manifest.

    Raises:
        UserError: mistakes in the protocol or the files; all of them together.
    """
    rows, errors, warnings = examine(corpus, read)
    if corpus.has_audio:
        root = Path(corpus.root)
        listed = len(rows)
        errors += repeated(root, rows)[0]
        rows, absent = present(root, rows)
        if len(absent) > corpus.missing_allowed * listed:
            errors.append(missing_message(root, listed, absent))
        elif absent:
            warnings.append(f"left out: {missing_message(root, listed, absent)}")
        errors += fill_durations(corpus, rows, workers)
    settle(errors, warnings)
    return rows


def settle(errors: list[str], warnings: list[str]) -> None:
    """Print the warnings; raise the errors, if any, as one UserError."""
    for sentence in warnings:
        print(f"warning: {sentence}", file=sys.stderr)
    if errors:
        raise UserError("\n".join(errors))


def examine(corpus: ListedCorpus, read: Reader[Any]) -> tuple[list[Row], list[str], list[str]]:
    """Read a protocol and check its counts, without a look at the audio.

    Returns:
        rows with their final splits, errors, warnings.
    """
    rows, problems = read(corpus)
    errors, warnings = count_problems(corpus, rows)
    errors = problems + errors
    if not rows and not errors:
        errors.append(
            f"corpus {corpus.name}: lists no utterance; complete its protocol or its folders under {corpus.root}"
        )
    if corpus.splits is not None:
        rows = divide(rows, corpus.splits)
        errors = errors or division_problems(corpus.name, rows, corpus.splits)
    elif undivided := sum(not row["split"] for row in rows):
        errors.append(
            f"corpus {corpus.name}: {undivided} utterance(s) have no official split; add `splits:` to "
            f"config/corpora/{corpus.name}.yaml, e.g. {{train: 0.6, dev: 0.15, eval: 0.25}}"
        )
    return rows, errors, warnings


def count_problems(corpus: Corpus | ListedCorpus, rows: Iterable[Mapping[str, Any]]) -> tuple[list[str], list[str]]:
    """Compare the numbers of utterances with the published ones, split by split.

    A corpus without official splits is counted under `eval`.

    Returns:
        errors, warnings.
    """
    counts = Counter((row["split"] or "eval", row["label"]) for row in rows)
    errors: list[str] = []
    warnings: list[str] = []
    for split, expected in corpus.expected.items():
        by_label = {label: number for (listed_split, label), number in counts.items() if listed_split == split}
        published = {"genuine": expected.genuine, "fake": expected.fake, "total": expected.total}
        for label, wanted in published.items():
            count = sum(by_label.values()) if label == "total" else by_label.get(label, 0)
            if wanted is None or wanted == count:
                continue
            what = "utterances" if label == "total" else f"{label} utterances"
            sentence = f"corpus {corpus.name}: {split} has {count} {what}; {wanted} are published"
            if expected.certain and not corpus.waive_counts:
                errors.append(f"{sentence}; complete it, or write `waive_counts: true` in its corpus file")
            else:
                warnings.append(sentence)
    return errors, warnings


def present(root: Path, rows: Iterable[Row]) -> tuple[list[Row], list[Row]]:
    """Divide rows into those whose file is under the root and those whose file is missing.

    Each folder is listed once, which is much faster on network disks than asking for each file.
    """
    names_in: dict[str, set[str]] = {}
    existing: list[Row] = []
    absent: list[Row] = []
    for row in rows:
        folder, _, name = row["path"].rpartition("/")
        if folder not in names_in:
            try:
                names_in[folder] = set(os.listdir(root / folder))
            except (OSError, ValueError):  # also a name that is too long, or holds a NUL character
                names_in[folder] = set()
        (existing if name in names_in[folder] else absent).append(row)
    return existing, absent


def missing_message(root: Path, listed: int, absent: list[Row]) -> str:
    """The message for missing files, of `listed` ones."""
    return f"{len(absent)} of {listed} files are not under {root}, first {absent[0]['path']}"


def fill_durations(corpus: ListedCorpus, rows: list[Row], workers: int) -> list[str]:
    """Put durations into rows that have none, from the headers of their files; return sentences about unusable files.

    An unusable file keeps 0 s where the corpus file says `bad_audio: skip`: it is left out when features are extracted.
    """
    root = Path(corpus.root)

    def measure(row: Row) -> str | None:
        try:
            row["duration_s"] = row["duration_s"] or audio.duration(root / row["path"])
        except audio.BadAudio as error:
            return None if corpus.bad_audio == "skip" else str(error)
        return None

    def measure_all() -> Iterator[str | None]:
        with ThreadPoolExecutor(max(workers, 4)) as pool:
            for start in range(0, len(rows), _AHEAD):
                yield from pool.map(measure, rows[start : start + _AHEAD])

    return [problem for problem in track(measure_all(), f"{corpus.name}: durations", len(rows)) if problem is not None]
