"""Read and write score files of the ASVspoof challenges, of detectors and of speaker verification (ASV) systems.

| format       | a line                                         | labels                                   |
|--------------|------------------------------------------------|------------------------------------------|
| asvspoof2019 | `utterance source key score`                   | the key, bonafide or spoof               |
| asvspoof2021 | `utterance score`                              | none; they are in a key file or manifest |
| asvspoof5    | `filename<TAB>cm-score`, after this as header  | none; they are in a key file or manifest |
| arena        | `file_name score`, as asvspoof2021             | in a list `file_name,label` beside it    |

A score is higher where an utterance sounds more genuine. `source` is the attack, "-" for genuine utterances. Blank
lines, CRLF, a byte order mark and a missing last newline are fine.

Source: tDCF_python of ASVspoof 2019, the evaluation packages of ASVspoof 2021 and 5, and utils/metrics.py of Speech DF
Arena's toolkit.
"""

import csv
import io
import math
import re
from collections import defaultdict
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np

from rawm import files, manifest
from rawm.config.shown import shortened
from rawm.errors import UserError
from rawm.files import write_text
from rawm.metrics.tandem import AsvScores

Format = Literal["asvspoof2019", "asvspoof2021", "asvspoof5", "arena"]
COLUMNS: dict[str, str] = {
    "asvspoof2019": "utterance source key score",
    "asvspoof2021": "utterance score",
    "asvspoof5": "filename<TAB>cm-score",
    "arena": "file_name score",
}
WORDS = {"bonafide": "genuine", "spoof": "fake"}
_HEADER, _KEY_HEADER = ["filename", "cm-score"], ["filename", "cm-label"]
_LIST_HEADER = ["file_name", "label"]  # of Speech DF Arena's lists, which are separated by commas
#: Columns of a file with keys -> where the utterance and its key stand: ASVspoof 5's labels, score files and protocols
#: of 2019, 2021 LA's and DF's trial_metadata.txt, ASVspoof 5's protocols.
_KEYS = {2: (0, 1), 4: (0, 2), 5: (1, 4), 8: (1, 5), 13: (1, 5), 10: (1, 8)}
_SUBSET = 7  # of trial_metadata.txt; what is not "eval" takes no part in the challenge's results


class CmScores(NamedTuple):
    """Scores of a detector.

    Attributes:
        format: of the file.
        utterance_id: (N,), each once.
        score: (N,) float64, higher = more genuine.
        label: genuine or fake, (N,); None where the format has no keys.
    """

    format: str
    utterance_id: list[str]
    score: np.ndarray
    label: list[str] | None


class _Problems:
    """Problems of a file by kind, with the lines that have them."""

    def __init__(self, path: Path):
        self._path = path
        self._lines: defaultdict[str, list[int]] = defaultdict(list)
        self._first: dict[str, str] = {}

    def add(self, number: int, kind: str, first: str = "") -> None:
        self._lines[kind].append(number)
        self._first.setdefault(kind, shortened(first))

    def done(self) -> None:
        """Raise UserError with a sentence for each kind."""
        sentences = []
        for kind, numbers in self._lines.items():
            some = ", ".join(map(str, numbers[:5])) + (", ..." if numbers[5:] else "")
            lines = f"line {some}" if len(numbers) == 1 else f"{len(numbers)} lines ({some})"
            sentences.append(
                f"{self._path}: {lines}: {kind}" + (f"; first: {first}" if (first := self._first[kind]) else "")
            )
        if sentences:
            raise UserError("\n".join(sentences))


def _lines(path: Path) -> list[tuple[int, str]]:
    """(number, text) of the lines that are not blank."""
    files.require_regular(path, "name a text file with scores or keys")
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise UserError(f"{path}: no such file") from None
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: cannot be read as text in UTF-8 ({error})") from None
    lines = [(number, line) for number, line in enumerate(text.split("\n"), 1) if line.strip()]
    if not lines:
        raise UserError(f"{path}: is empty; give a file with scores or keys")
    return lines


def write(
    path: str | Path,
    format: Format,
    utterance_id: Sequence[str],
    score: Sequence[float],
    label: Sequence[str] | None = None,
    source: Sequence[str] | None = None,
) -> None:
    """Write scores of a detector, with enough digits to read them back exactly.

    Args:
        utterance_id, score: (N,).
        label: genuine or fake, (N,); asvspoof2019 needs it.
        source: attacks, (N,); default "-". White space in them becomes "_".

    Raises:
        UserError: an utterance occurs twice or its name does not fit into the format, or a score is not finite.
    """
    seen: set[str] = set()
    for utterance, value in zip(utterance_id, score, strict=True):
        parts = re.split(r"[\t\r\n]", utterance) if format == "asvspoof5" else utterance.split()
        if not utterance or parts != [utterance.strip()]:
            raise UserError(
                f"{path}: utterance {utterance!r}: names in {format} must not be empty or have white space; asvspoof5 "
                "takes spaces within"
            )
        if utterance in seen:
            raise UserError(f"{path}: utterance {utterance!r} occurs twice; a score file has each once")
        if not math.isfinite(value):
            raise UserError(f"{path}: utterance {utterance!r} has the score {value}; every score must be finite")
        seen.add(utterance)
    if format == "asvspoof2019":
        words = {label: word for word, label in WORDS.items()}
        sources = ("-" if source is None else "_".join(name.split()) for name in source or utterance_id)
        rows = zip(utterance_id, sources, (words[name] for name in label), score, strict=True)
    else:
        rows = zip(utterance_id, score, strict=True)
    separator = "\t" if format == "asvspoof5" else " "
    lines = [separator.join(map(str, row)) for row in rows]
    if format == "asvspoof5":
        lines.insert(0, separator.join(_HEADER))
    write_text(path, "\n".join(lines) + "\n")


def write_arena_list(path: str | Path, utterance_id: Sequence[str], label: Sequence[str]) -> None:
    """Write the list `file_name,label` that Speech DF Arena scores a file of the format `arena` against.

    Args:
        utterance_id, label: (N,), the label genuine or fake.
    """
    words, text = {label: word for word, label in WORDS.items()}, io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_LIST_HEADER)
    writer.writerows((name, words[kind]) for name, kind in zip(utterance_id, label, strict=True))
    write_text(path, text.getvalue())


def read(path: str | Path, format: Format | Literal["auto"] = "auto") -> CmScores:
    """Read scores of a detector; `auto` detects the format from the first line, and calls arena asvspoof2021.

    Raises:
        UserError: lines with another number of columns, scores that are not finite numbers, unknown keys and utterances
            that occur twice, all together and with their lines.
    """
    path = Path(path)
    lines = _lines(path)
    first = lines[0][1].split()
    if format == "auto":
        by_columns = {4: "asvspoof2019", 2: "asvspoof2021"}
        detected = "asvspoof5" if first == _HEADER else by_columns.get(len(first))
        if detected is None:
            formats = ", ".join(f"{name} (`{columns}`)" for name, columns in COLUMNS.items())
            raise UserError(f"{path}: line {lines[0][0]} has {len(first)} columns; no score file of {formats}")
        format = detected
    problems = _Problems(path)
    if format == "asvspoof5" and first == _HEADER:
        lines = lines[1:]
    elif format == "asvspoof5":
        problems.add(lines[0][0], "is not the header `filename<TAB>cm-score`")
    separator = "\t" if format == "asvspoof5" else None
    rows: dict[str, tuple[float, str]] = {}
    for number, line in lines:
        fields = [field.strip() for field in line.split(separator)]
        if len(fields) != (4 if format == "asvspoof2019" else 2):
            problems.add(number, f"not `{COLUMNS[format]}`", line.strip()[:60])
            continue
        score = _number(problems, number, fields[-1])
        word = fields[2] if format == "asvspoof2019" else "spoof"
        if word not in WORDS:
            problems.add(number, "key is not bonafide or spoof", repr(word))
        if fields[0] in rows:
            problems.add(number, "the utterance was there before", fields[0])
        rows[fields[0]] = score, WORDS.get(word, "")
    if not lines:
        problems.add(1, "no scores after the header")
    problems.done()
    labels = [label for _, label in rows.values()] if format == "asvspoof2019" else None
    return CmScores(format, list(rows), np.array([score for score, _ in rows.values()]), labels)


def _cells(line: str) -> list[str]:
    """The cells of a line that commas separate; none where it is no such line."""
    try:
        return next(csv.reader([line.strip()]), [])
    except csv.Error:  # e.g. a cell of more than 128 kB
        return []


def _number(problems: _Problems, line: int, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        problems.add(line, "score is not a finite number", repr(text))
    return value


def read_asv(path: str | Path) -> AsvScores:
    """Read scores of a speaker verification system: lines `source key score`, key target, nontarget or spoof.

    Raises:
        UserError: as `read`, or no scores of one of the three.

    Source: `ASVspoof2019.LA.asv.*.scores.txt` of ASVspoof 2019's LA.zip.
    """
    path = Path(path)
    problems = _Problems(path)
    scores: dict[str, list[float]] = {name: [] for name in AsvScores._fields}
    for number, line in _lines(path):
        fields = line.split()
        if len(fields) != 3:
            problems.add(number, "not `source key score`", line.strip()[:60])
        elif fields[1] not in scores:
            problems.add(number, "key is not target, nontarget or spoof", repr(fields[1]))
        else:
            scores[fields[1]].append(_number(problems, number, fields[2]))
    problems.done()
    if missing := [name for name, values in scores.items() if not values]:
        raise UserError(f"{path}: no {' and no '.join(missing)} scores; min t-DCF needs target, nontarget and spoof")
    return AsvScores(*(np.array(values) for values in scores.values()))


def read_key(path: str | Path, scored: Collection[str] = ()) -> dict[str, str]:
    """Utterance -> genuine or fake, from a manifest (.parquet), a score file of 2019, or the keys of a challenge.

    Keys of a challenge are 2019's protocols (5 columns; the file is the third where the second is "-"), 2021's
    trial_metadata.txt (8 or 13 columns, subset eval only), ASVspoof 5's protocols (10 columns), `filename cm-label`
    tables, and lists `file_name,label` of Speech DF Arena.

    Args:
        scored: utterances with scores; a manifest is a key of the splits that hold any of them. () = of all.

    Raises:
        UserError: what is wrong with the file, all together.
    """
    path = Path(path)
    if path.suffix == ".parquet":
        rows = manifest.read(path)
        if other := sorted(set(rows.label) - set(manifest.LABELS)):
            raise UserError(f"{path}: has the label {other[0]!r}; only genuine and fake utterances have keys")
        wanted_names = set(scored)
        splits = {split for name, split in zip(rows.utterance_id, rows.split, strict=True) if name in wanted_names}
        columns = zip(rows.utterance_id, rows.label, rows.split, strict=True)
        return {name: label for name, label, split in columns if not splits or split in splits}
    problems, labels, wanted = _Problems(path), {}, None
    lines = _lines(path)
    is_list = lines[0][1].strip() == ",".join(_LIST_HEADER)
    for number, line in lines[1:] if is_list else lines:
        fields = _cells(line) if is_list else line.split()
        wanted = wanted or (2 if is_list else len(fields))
        if fields == _KEY_HEADER:
            continue
        if len(fields) != wanted or wanted not in _KEYS:
            problems.add(number, f"has not the {', '.join(map(str, sorted(_KEYS)))} columns of keys", line.strip()[:60])
            continue
        utterance, word = (fields[column] for column in _KEYS[wanted])
        if wanted == 5 and utterance == "-":  # columns two and three swapped
            utterance = fields[2]
        if word not in WORDS:
            problems.add(number, "key is not bonafide or spoof", repr(word))
        if utterance in labels:
            problems.add(number, "the utterance was there before", utterance)
        if wanted not in (8, 13) or fields[_SUBSET] == "eval":
            labels[utterance] = WORDS.get(word, "")
    problems.done()
    return labels
