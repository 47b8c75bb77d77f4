"""Protocol files: the utterance lists of corpora, whose mistakes are collected and reported together.

Blank lines, CRLF, a byte order mark and a missing last newline are fine.
"""

import csv
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Literal

from rawm import files
from rawm.errors import UserError


class _LabelledLines:
    """Lines of a file that name a class.

    Args:
        path: the file.
        words: the file's words for the classes -> label; other words are refused.

    Raises:
        UserError: the file is missing, or is not text.
    """

    def __init__(self, path: Path, words: Mapping[str, str]):
        self._path, self._words = path, words
        self._columns_needed = ""
        self._malformed: list[int] = []  # line numbers
        self._unknown: Counter[str] = Counter()
        if problem := files.irregular(path):
            raise UserError(f"{path}: {problem}; restore the official file")
        try:
            self._lines = path.read_text(encoding="utf-8-sig").split("\n")  # splitlines() breaks transcripts
        except FileNotFoundError:
            raise UserError(f"{path}: no such protocol file; check the corpus' root, or fetch its protocols") from None
        except UnicodeDecodeError as error:
            raise UserError(f"{path}: cannot be read as text in UTF-8 ({error})") from None

    def label(self, word: str) -> str | None:
        """Return the label of a class word; count an unknown word and return None."""
        label = self._words.get(word)
        if label is None:
            self._unknown[word] += 1
        return label

    @property
    def problems(self) -> list[str]:
        """Mistakes in the lines read so far, one sentence for each kind."""
        problems = []
        if self._malformed:
            problems.append(
                f"{self._path}: {len(self._malformed)} line(s), first line {self._malformed[0]}, do not have "
                f"{self._columns_needed} columns; restore the official file"
            )
        for word, times in self._unknown.items():
            words = ", ".join(self._words)
            problems.append(f"{self._path}: label {word!r} in {times} line(s) is not one of {words}")
        return problems


class ProtocolFile(_LabelledLines):
    """A protocol without header, one utterance per line, read field by field.

    Args:
        path: the file.
        columns: numbers of fields that a line may have.
        words: the file's words for the classes -> label; other words are refused.
        separator: None = any white space.
        rest: whether the last field is all the rest of its line.

    Raises:
        UserError: the file is missing, or is not text.
    """

    def __init__(
        self,
        path: Path,
        columns: tuple[int, ...],
        words: Mapping[str, str],
        separator: str | None = None,
        rest: bool = False,
    ):
        super().__init__(path, words)
        self._columns, self._separator = columns, separator
        self._splits = max(columns) - 1 if rest else -1
        self._columns_needed = " or ".join(map(str, columns))

    def __iter__(self) -> Iterator[list[str]]:
        """Yield the fields of each line that has one of the numbers of columns."""
        columns = set(self._columns)
        for number, line in enumerate(self._lines, 1):
            fields = line.split(self._separator, self._splits)
            if len(fields) in columns:
                yield fields
            elif line.strip():
                self._malformed.append(number)


class HeadedProtocol(_LabelledLines):
    """A protocol whose first line names the columns.

    Args:
        path: the file.
        needed: columns that the reader uses; a line that ends before one of them is refused.
        words: the file's words for the classes -> label; other words are refused.
        separator: one character.
        quoting: csv.QUOTE_MINIMAL (0) where fields are quoted, csv.QUOTE_NONE (3) where a quotation mark is only text.

    Attributes:
        header: names of the columns.

    Raises:
        UserError: the file is missing, is not text, or lacks a needed column.
    """

    def __init__(
        self, path: Path, needed: tuple[str, ...], words: Mapping[str, str], separator: str, quoting: Literal[0, 3]
    ):
        super().__init__(path, words)
        try:
            lines = list(csv.reader(self._lines, delimiter=separator, quoting=quoting))
        except csv.Error as error:
            raise UserError(f"{path}: cannot be read as a table ({error}); restore the official file") from None
        self.header = [cell.strip() for cell in lines[0]] if lines else []
        self._columns_needed = str(len(self.header))
        self._cells = lines[1:]
        self._last_needed = 0
        self.require(*needed)

    def require(self, *needed: str) -> None:
        """Refuse lines that end before one of these columns; raise UserError where the header lacks one."""
        if missing := [column for column in needed if column not in self.header]:
            columns = ", ".join(self.header) or "nothing"
            raise UserError(
                f"{self._path}: no column {', '.join(missing)}; found: {columns}; restore the official file"
            )
        self._last_needed = max(self._last_needed, *map(self.header.index, needed))

    def __iter__(self) -> Iterator[dict[str, str]]:
        """Yield column -> text of each line that has the needed columns."""
        for number, cells in enumerate(self._cells, 2):
            if len(cells) > self._last_needed:
                yield {column: cell.strip() for column, cell in zip(self.header, cells, strict=False)}
            elif any(cell.strip() for cell in cells):
                self._malformed.append(number)
