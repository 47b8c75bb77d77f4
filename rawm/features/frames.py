"""Frame matrices of many utterances, read in one gather a minibatch."""

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor


class Frames(Sequence):
    """Frames of N utterances, somewhere in tables (n, d) of frames, each utterance's own one after another.

    Tables may be memory-mapped files and of half precision: what is read becomes float32, and nothing else is copied.

    Attributes:
        tables: frames of one or several stores.
        table, starts, lengths: (N,) int64 on the CPU: in which table an utterance is, where it starts, its frames.
    """

    def __init__(self, tables: Sequence[Tensor], table: Tensor, starts: Tensor, lengths: Tensor):
        self.tables, self.table, self.starts, self.lengths = list(tables), table, starts, lengths

    @classmethod
    def pack(cls, matrices: Iterable[Tensor]) -> "Frames":
        """Matrices (T_i, d) copied into one table."""
        matrices = list(matrices)
        return cls.of_table(torch.cat(matrices), torch.tensor([len(frames) for frames in matrices]))

    @classmethod
    def of_table(cls, table: Tensor, lengths: Tensor) -> "Frames":
        """All of a table (n, d) whose utterances have these lengths (N,)."""
        return cls([table], torch.zeros_like(lengths), lengths.cumsum(0) - lengths, lengths)

    @classmethod
    def chain(cls, parts: Sequence["Frames"]) -> "Frames":
        """Utterances of several, one after another, without copying."""
        offsets = [sum(len(part.tables) for part in parts[:i]) for i in range(len(parts))]
        return cls(
            [table for part in parts for table in part.tables],
            torch.cat([part.table + offset for part, offset in zip(parts, offsets, strict=True)]),
            torch.cat([part.starts for part in parts]),
            torch.cat([part.lengths for part in parts]),
        )

    def __len__(self) -> int:
        return len(self.lengths)

    def __getitem__(self, row: int) -> Tensor:
        """(T, d) float32 of one utterance."""
        start, length = int(self.starts[row]), int(self.lengths[row])
        return self.tables[int(self.table[row])][start : start + length].float()

    def take(self, rows: Tensor) -> "Frames":
        """The utterances at `rows`, without copying."""
        return Frames(self.tables, self.table[rows], self.starts[rows], self.lengths[rows])

    @property
    def dim(self) -> int:
        return self.tables[0].shape[1]

    @property
    def n_bytes(self) -> int:
        """Size of the utterances' frames."""
        return int(self.lengths.sum()) * self.dim * self.tables[0].element_size()

    def padded(self, rows: Tensor, first: Tensor | None = None, lengths: Tensor | None = None) -> Tensor:
        """(B, T, d) float32 of the utterances at `rows` (B,), padded with zeros.

        Args:
            first, lengths: (B,) the first frame taken of each, and how many; all frames by default.
        """
        lengths = self.lengths[rows] if lengths is None else lengths
        starts = self.starts[rows] if first is None else self.starts[rows] + first
        steps = torch.arange(int(lengths.max()))
        index, inside = starts[:, None] + steps, steps < lengths[:, None]
        table = self.table[rows]
        here = table.unique().tolist()
        if len(here) == 1:
            return _gather(self.tables[here[0]], index, inside)
        frames = torch.empty(*index.shape, self.dim, device=self.tables[0].device)
        for number in here:
            mine = table == number
            frames[mine.to(frames.device)] = _gather(self.tables[number], index[mine], inside[mine])
        return frames

    def to(self, device: torch.device) -> "Frames":
        """A copy of the utterances' frames alone, in one table on a device, in the precision that they have."""
        places = zip(self.table.tolist(), self.starts.tolist(), self.lengths.tolist(), strict=True)
        frames = torch.cat([self.tables[table][start : start + length] for table, start, length in places])
        return Frames.of_table(frames.to(device), self.lengths)


def _gather(table: Tensor, index: Tensor, inside: Tensor) -> Tensor:
    """Rows of a table at `index` (B, T) as float32, with zeros where not `inside`."""
    frames = table[index.clamp_max(len(table) - 1).to(table.device)].float()
    return frames.masked_fill_(~inside.to(table.device)[..., None], 0)
