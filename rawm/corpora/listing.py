"""What all corpora that lie on disk have in common: from the rows of a protocol to a manifest that can be trusted.

A reader turns the protocol of one corpus into rows of the manifest and sentences about what is wrong with it, and
opens no audio. Everything else is here: our own splits, missing files, published counts, durations.
"""

import hashlib
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

from rawm import audio
from rawm.config.corpora import Division, ListedCorpus
from rawm.errors import UserError
from rawm.progress import track


class Listing(NamedTuple):
    """What a reader found.

    Attributes:
        rows: of the manifest; `split` is "" where there is no official one, `duration_s` is 0 where it is not known.
        problems: errors, one sentence each.
    """

    rows: list[dict[str, Any]]
    problems: list[str]


Reader = Callable[[Any], Listing]


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
) -> dict[str, Any]:
    """One row of a manifest; the group is the utterance itself where none is given. See `manifest.COLUMNS`."""
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


class Protocol:
    """A protocol file without header, one utterance a line, read field by field; what is wrong with it is collected.

    Blank lines, CRLF, a byte order mark and a missing last newline are fine. After iterating, `problems` has at most
    one sentence for each kind of mistake.

    Args:
        path: the file.
        columns: how many fields a line may have; more than the largest number are refused too.
        separator: None = any white space.
        words: the file's words for the classes -> label; other words are refused.

    Raises:
        UserError: there is no such file, or it is not text.
    """

    def __init__(self, path: Path, columns: tuple[int, ...], words: Mapping[str, str], separator: str | None = None):
        self._path, self._columns, self._words, self._separator = path, columns, words, separator
        self._short: list[int] = []
        self._unknown: Counter[str] = Counter()
        try:
            self._lines = path.read_text(encoding="utf-8-sig").split("\n")  # splitlines() breaks transcripts
        except FileNotFoundError:
            raise UserError(f"{path}: no such protocol file; check the corpus' root, or fetch its protocols") from None
        except UnicodeDecodeError as error:
            raise UserError(f"{path}: cannot be read as text in UTF-8 ({error})") from None

    def __iter__(self) -> Iterator[list[str]]:
        """The fields of each line that is as it should be."""
        columns, separator = set(self._columns), self._separator
        for number, line in enumerate(self._lines, 1):
            fields = line.split(separator)
            if len(fields) in columns:
                yield fields
            elif line.strip():
                self._short.append(number)

    def label(self, word: str) -> str | None:
        """The label of a class word; an unknown one is kept for `problems`."""
        label = self._words.get(word)
        if label is None:
            self._unknown[word] += 1
        return label

    @property
    def problems(self) -> list[str]:
        """What was wrong so far, one sentence for each kind of mistake."""
        found = []
        if self._short:
            wanted = " or ".join(map(str, self._columns))
            found.append(
                f"{self._path}: {len(self._short)} line(s), first line {self._short[0]}, do not have {wanted} columns; "
                "restore the official file"
            )
        for word, times in self._unknown.items():
            known = ", ".join(self._words)
            found.append(f"{self._path}: label {word!r} in {times} line(s) is not one of {known}")
        return found


def nested(root: Path, name: str, inside: str) -> str:
    """Path under the root, "" or with a last slash, of the folder that holds `inside`: archives repeat their own name.

    Raises:
        UserError: neither the root nor `name` or `name/name` under it holds `inside`.
    """
    for prefix in ("", f"{name}/", f"{name}/{name}/"):
        if (root / prefix / inside).exists():
            return prefix
    raise UserError(f"{root}: holds no {inside}, nor does a folder {name} in it; set `root` to the folder that does")


def audio_files(root: Path, folder: str = "") -> list[str]:
    """Audio files under a folder, to any depth, as sorted paths relative to the root; none where there is no folder.

    Hidden files are left out: archives made on a Mac hold one with the name of each recording (`._a.wav`).
    """
    paths = []
    for where, _, names in os.walk(root / folder, followlinks=True):
        here = Path(where).relative_to(root).as_posix()
        for name in names:
            if os.path.splitext(name)[1].lower() in audio.SUFFIXES and not name.startswith("."):
                paths.append(name if here == "." else f"{here}/{name}")
    return sorted(paths)


def paths_by_name(root: Path, folder: str = "") -> dict[str, str]:
    """File name -> path under the root of every audio file below a folder; of equal names the first in sorted order."""
    paths: dict[str, str] = {}
    for path in audio_files(root, folder):
        paths.setdefault(path.rpartition("/")[2], path)
    return paths


def divide(rows: Iterable[dict[str, Any]], division: Division) -> list[dict[str, Any]]:
    """The rows with splits of our own; a row outside of `division.of` is left out.

    Each group gets a number in [0, 1) by hash, and the shares are intervals of it. So a group's split depends on
    nothing but its name and the seed: not on order, on what else there is, or on the corpus. Shares are met the better
    the more groups there are.
    """
    column = {"group": "group", "speaker": "speaker", "utterance": "utterance_id"}[division.by]
    splits: dict[str, str] = {}
    kept = []
    for row in rows:
        if division.of is not None and row["split"] not in division.of:
            continue
        name = row[column] if row[column] != "-" else row["group"]
        if name not in splits:
            digest = hashlib.sha256(f"{division.seed}:{name}".encode()).digest()
            where = int.from_bytes(digest[:8], "big") / 2**64
            splits[name] = (
                "train" if where < division.train else "dev" if where < division.train + division.dev else "eval"
            )
        kept.append(row | {"split": splits[name], "group": name})
    return kept


def make(corpus: ListedCorpus, read: Reader, workers: int) -> list[dict[str, Any]]:
    """The rows of a corpus' manifest.

    Raises:
        UserError: the protocol or the files are not as they should be; all problems together.
    """
    rows, errors, warnings = examined(corpus, read)
    root = Path(corpus.root)
    there, absent = present(root, rows) if corpus.has_audio else (rows, [])
    if len(absent) > corpus.missing_allowed * len(rows):
        errors.append(missing_sentence(root, rows, absent))
    elif absent:
        warnings.append(f"left out: {missing_sentence(root, rows, absent)}")
    errors += fill_durations(corpus, there, workers) if corpus.has_audio else []
    settle(errors, warnings)
    return there


def settle(errors: list[str], warnings: list[str]) -> None:
    """Print the warnings, and stop with the errors where there are any."""
    for sentence in warnings:
        print(f"warning: {sentence}", file=sys.stderr)
    if errors:
        raise UserError("\n".join(errors))


def examined(corpus: ListedCorpus, read: Reader) -> tuple[list[dict[str, Any]], list[str], list[str]]:
    """Rows with their final splits, errors and warnings of the protocol and of its counts; no audio is looked at."""
    rows, problems = read(corpus)
    errors, warnings = unexpected(corpus, rows)
    errors = problems + errors
    if corpus.splits:
        rows = divide(rows, corpus.splits)
    elif undivided := sum(not row["split"] for row in rows):
        errors.append(
            f"corpus {corpus.name}: {undivided} utterance(s) have no official split; add `splits:` to "
            f"config/corpora/{corpus.name}.yaml, e.g. {{train: 0.6, dev: 0.15, eval: 0.25}}"
        )
    return rows, errors, warnings


def unexpected(corpus: ListedCorpus, rows: Iterable[Mapping[str, Any]]) -> tuple[list[str], list[str]]:
    """(errors, warnings) where the numbers of utterances differ from the published ones, split by split.

    A corpus without official splits is counted under `eval`.
    """
    counts = Counter((row["split"] or "eval", row["label"]) for row in rows)
    errors, warnings = [], []
    for split, expected in corpus.expected.items():
        have = {label: number for (where, label), number in counts.items() if where == split}
        pairs = [("genuine", expected.genuine), ("fake", expected.fake), ("total", expected.total)]
        for label, wanted in pairs:
            found = sum(have.values()) if label == "total" else have.get(label, 0)
            if wanted is None or wanted == found:
                continue
            what = "utterances" if label == "total" else f"{label} utterances"
            sentence = f"corpus {corpus.name}: {split} has {found} {what}; {wanted} are published"
            if expected.certain and not corpus.waive_counts:
                errors.append(f"{sentence}; complete it, or write `waive_counts: true` in its corpus file")
            else:
                warnings.append(sentence)
    return errors, warnings


def present(root: Path, rows: list[dict[str, Any]]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """(rows whose file is under the root, rows whose file is not). Folders are listed, not each file asked for."""
    folders: dict[str, set[str]] = {}
    there, absent = [], []
    for row in rows:
        folder, _, name = row["path"].rpartition("/")
        if folder not in folders:
            try:
                folders[folder] = set(os.listdir(root / folder))
            except (FileNotFoundError, NotADirectoryError):
                folders[folder] = set()
        (there if name in folders[folder] else absent).append(row)
    return there, absent


def missing_sentence(root: Path, rows: list[dict[str, Any]], absent: list[dict[str, Any]]) -> str:
    """What is said of missing files."""
    return f"{len(absent)} of {len(rows)} files are not under {root}, first {absent[0]['path']}"


def fill_durations(corpus: ListedCorpus, rows: list[dict[str, Any]], workers: int) -> list[str]:
    """Put durations into rows that have none, from the headers of their files; the problems found on the way.

    An unreadable file keeps 0 s where the corpus file says `bad_audio: skip`: feature extraction leaves it out.
    """
    root = Path(corpus.root)

    def measure(row: dict[str, Any]) -> str | None:
        try:
            row["duration_s"] = row["duration_s"] or audio.duration(root / row["path"])
        except audio.BadAudio as error:
            return None if corpus.bad_audio == "skip" else str(error)
        return None

    def everything() -> Iterator[str | None]:
        with ThreadPoolExecutor(max(workers, 4)) as pool:
            for start in range(0, len(rows), 4096):  # a million futures at once would need more memory than the rows
                yield from pool.map(measure, rows[start : start + 4096])

    return [problem for problem in track(everything(), f"{corpus.name}: durations", len(rows)) if problem]
