"""Divide a corpus into train, dev and eval."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence

from rawm import paths
from rawm.config.corpora import SPEECH_CLASSES, Division
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


def division_problems(corpus: str, rows: Sequence[Row], division: Division) -> list[str]:
    """Report splits that got no utterance, or none of a class of speech, in at most one sentence.

    Args:
        rows: as `divide` returns them.
    """
    labels = {row["label"] for row in rows}
    counts = Counter((row["split"], row["label"]) for row in rows)
    lacking = []
    for split in paths.SPLITS:
        absent = sorted(label for label in labels if not counts[split, label])
        is_empty = len(absent) == len(labels) or (absent and labels <= set(SPEECH_CLASSES))
        if rows and getattr(division, split) and is_empty:
            lacking.append(f"no {' and no '.join(absent)} utterance is in {split}")
    if not lacking:
        return []
    groups = Counter(row["group"] for row in rows)
    largest, size = groups.most_common(1)[0]
    unknown = division.by == "speaker" and any(row["speaker"] == "-" for row in rows)
    by = "speaker, or by group where none is known" if unknown else division.by
    return [
        f"corpus {corpus}: {', '.join(lacking)}: its {len(rows)} utterance(s) form {len(groups)} group(s) by "
        f"{by}, the largest {largest!r} with {size}; add recordings, or change `by`, `seed` or the shares in "
        "`splits`"
    ]


def _split_at(position: float, division: Division) -> str:
    """Return the split whose interval holds a position in [0, 1)."""
    if position < division.train:
        return "train"
    return "dev" if position < division.train + division.dev else "eval"
