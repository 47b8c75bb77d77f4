"""Divide a corpus into train, dev and eval."""

import hashlib
from collections.abc import Iterable

from rawm.config.corpora import Division
from rawm.manifest import Row


def divide(rows: Iterable[Row], division: Division) -> list[Row]:
    """Give rows new splits; rows whose official split is not in `division.of` are left out.

    The hash of a group's name and the seed is a number in [0, 1); the shares are intervals of it. So a group has the
    same split in every corpus, in every order. The more groups, the closer the splits are to their shares.
    """
    column = {"group": "group", "speaker": "speaker", "utterance": "utterance_id"}[division.by]
    splits: dict[str, str] = {}
    divided = []
    for row in rows:
        if division.of is not None and row["split"] not in division.of:
            continue
        name = row[column] if row[column] != "-" else row["group"]
        if name not in splits:
            digest = hashlib.sha256(f"{division.seed}:{name}".encode()).digest()
            position = int.from_bytes(digest[:8], "big") / 2**64
            splits[name] = _split_at(position, division)
        divided.append(row | {"split": splits[name], "group": name})
    return divided


def _split_at(position: float, division: Division) -> str:
    """Return the split whose interval holds a position in [0, 1)."""
    if position < division.train:
        return "train"
    return "dev" if position < division.train + division.dev else "eval"
