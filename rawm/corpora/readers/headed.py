"""Protocols whose first line names the columns."""

import csv
from collections.abc import Iterator, Mapping
from pathlib import Path

from rawm.corpora.listing import Protocol
from rawm.errors import UserError


class HeadedProtocol(Protocol):
    """A protocol that is read by the names in its first line; otherwise as `listing.Protocol`.

    Args:
        path: the file.
        needed: columns that the reader uses; a line that ends before one of them is refused.
        words: the file's words for the classes -> label.
        separator: one character.
        quoting: csv.QUOTE_MINIMAL where fields are quoted, csv.QUOTE_NONE where a quotation mark is only text.

    Raises:
        UserError: there is no such file, it is not text, or it lacks a needed column.
    """

    def __init__(self, path: Path, needed: tuple[str, ...], words: Mapping[str, str], separator: str, quoting: int):
        super().__init__(path, (), words, separator)
        try:
            lines = [cells for cells in csv.reader(self._lines, delimiter=separator, quoting=quoting)]
        except csv.Error as error:
            raise UserError(f"{path}: cannot be read as a table ({error}); restore the official file") from None
        self.header = [cell.strip() for cell in lines[0]] if lines else []
        if missing := [column for column in needed if column not in self.header]:
            found = ", ".join(self.header) or "nothing"
            raise UserError(f"{path}: no column {', '.join(missing)}; found: {found}; restore the official file")
        self._columns, self._cells = (len(self.header),), lines[1:]
        self._reach = max(map(self.header.index, needed))

    def __iter__(self) -> Iterator[dict[str, str]]:
        """Column -> text of each line that is as it should be."""
        for number, cells in enumerate(self._cells, 2):
            if len(cells) > self._reach:
                yield {column: cell.strip() for column, cell in zip(self.header, cells, strict=False)}
            elif any(cell.strip() for cell in cells):
                self._short.append(number)
