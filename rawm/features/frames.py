"""Frame matrices of many utterances; a minibatch is read in one gather."""

from collections.abc import Iterable, Iterator, Sequence

import torch
from torch import Tensor

from rawm.features import guard


class Frames:
    """Frames of N utterances in one or several tables (n, d); an utterance's frames are consecutive rows of a table.

    Tables may be memory-mapped and of half precision; only frames that are read are copied, as float32.

    Attributes:
        tables: (n, d) frames of each store.
        table: (N,) int64 on the CPU, index of each utterance's table.
        starts: (N,) int64 on the CPU, its first row in that table.
        lengths: (N,) int64 on the CPU, its number of frames.
    """

    def __init__(self, tables: Sequence[Tensor], table: Tensor, starts: Tensor, lengths: Tensor):
        self.tables, self.table, self.starts, self.lengths = list(tables), table, starts, lengths

    @classmethod
    def pack(cls, matrices: Iterable[Tensor]) -> "Frames":
        """Copy matrices (T_i, d) into one table."""
        matrices = list(matrices)
        return cls.of_table(torch.cat(matrices), torch.tensor([len(frames) for frames in matrices]))

    @classmethod
    def of_table(cls, table: Tensor, lengths: Tensor) -> "Frames":
        """Divide a table (n, d) into utterances of these lengths (N,), one after another."""
        return cls([table], torch.zeros_like(lengths), lengths.cumsum(0) - lengths, lengths)

    @classmethod
    def chain(cls, parts: Sequence["Frames"]) -> "Frames":
        """Concatenate the utterances of several `Frames`, without copying."""
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
        """Read the frames (T, d) float32 of one utterance."""
        start, length = int(self.starts[row]), int(self.lengths[row])
        guard.require_frames(self.tables, self.table[row], self.starts[row])
        return self.tables[int(self.table[row])][start : start + length].float()

    def __iter__(self) -> Iterator[Tensor]:
        return (self[row] for row in range(len(self)))

    def take(self, rows: Tensor) -> "Frames":
        """Select the utterances at `rows` (B,), without copying."""
        return Frames(self.tables, self.table[rows], self.starts[rows], self.lengths[rows])

    @property
    def dim(self) -> int:
        return self.tables[0].shape[1]

    @property
    def n_bytes(self) -> int:
        """Bytes of the utterances' frames, as they are stored."""
        return int(self.lengths.sum()) * self.dim * self.tables[0].element_size()

    def padded(self, rows: Tensor, first: Tensor | None = None, lengths: Tensor | None = None) -> Tensor:
        """Read the frames of the utterances at `rows` (B,), padded with zeros to (B, T, d) float32.

        Args:
            first: (B,) the first frame taken of each; by default frame 0.
            lengths: (B,) how many frames are taken of each; by default all.
        """
        lengths = self.lengths[rows] if lengths is None else lengths
        starts = self.starts[rows] if first is None else self.starts[rows] + first
        steps = torch.arange(int(lengths.max()))
        index, inside = starts[:, None] + steps, steps < lengths[:, None]
        table = self.table[rows]
        guard.require_frames(self.tables, table, self.starts[rows])
        tables = table.unique().tolist()
        if len(tables) == 1:
            return _gather(self.tables[tables[0]], index, inside)
        frames = torch.empty(*index.shape, self.dim, device=self.tables[0].device)
        for number in tables:
            members = table == number
            frames[members.to(frames.device)] = _gather(self.tables[number], index[members], inside[members])
        return frames

    def blocks(self, utterances: int, frames: int) -> Iterator[Tensor]:
        """Yield the frames (n, d) float32 of all utterances in their order, in blocks; long utterances are divided.

        Args:
            utterances: most utterances, or parts of them, of a block.
            frames: most frames of a block.
        """
        block: list[Tensor] = []
        for part in self._parts(frames):
            if len(block) == utterances or sum(map(len, block)) + len(part) > frames:
                yield torch.cat(block)
                block = []
            block.append(part)
        if block:
            yield torch.cat(block)

    def _parts(self, frames: int) -> Iterator[Tensor]:
        """Yield each utterance in parts (n, d) float32 of at most so many frames."""
        for table, start, length in zip(self.table.tolist(), self.starts.tolist(), self.lengths.tolist(), strict=True):
            guard.require_frames(self.tables, table, start)
            for first in range(start, start + length, frames):
                yield self.tables[table][first : min(first + frames, start + length)].float()

    def to(self, device: torch.device) -> "Frames":
        """Copy the utterances' frames into one table on a device, without a change of precision."""
        guard.require_frames(self.tables, self.table, self.starts)
        places = zip(self.table.tolist(), self.starts.tolist(), self.lengths.tolist(), strict=True)
        frames = torch.cat([self.tables[table][start : start + length] for table, start, length in places])
        return Frames.of_table(frames.to(device), self.lengths)


def _gather(table: Tensor, index: Tensor, inside: Tensor) -> Tensor:
    """Read the rows `index` (B, T) of a table as float32, with zeros where not `inside`."""
    frames = table[index.clamp_max(len(table) - 1).to(table.device)].float()
    return frames.masked_fill_(~inside.to(table.device)[..., None], 0)
