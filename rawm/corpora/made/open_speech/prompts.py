"""The recordings of a recipe: which there are, which sentence each says, which split it belongs to."""

import hashlib
import re
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from rawm.errors import UserError

_SHARES = {"train": 0.60, "dev": 0.15, "eval": 0.25}


@dataclass(frozen=True)
class Prompt:
    """A recording: its file, its source's index in the recipe, and its path in the source without suffix."""

    path: Path
    source: int
    name: str

    @property
    def group(self) -> str:
        return group_of(self.name)

    @property
    def split(self) -> str:
        return split_of(self.group)


def list_prompts(recipe: Any, packages_dir: Path) -> list[Prompt]:
    """All recordings of the recipe's sources, sorted by source and name; with a limit, a fixed few of each source.

    Raises:
        UserError: a source has no recordings below `packages_dir`.
    """
    found: list[Prompt] = []
    for index, source in enumerate(recipe.sources):
        folder = packages_dir / source.package / source.files
        paths = sorted(path for path in folder.rglob(f"*{source.suffix}") if path.is_file())
        names = {path.relative_to(folder).as_posix().removesuffix(source.suffix): path for path in paths}
        kept = [name for name in names if not any(fnmatch(name, pattern) for pattern in source.exclude)]
        if not kept:
            raise UserError(f"{folder}: has no recordings *{source.suffix}; fetch the packages of the corpus first")
        if recipe.limit:
            kept = sorted(sorted(kept, key=lambda name: number(f"limit {name}"))[: recipe.limit])
        found += [Prompt(names[name], index, name) for name in kept]
    return found


def group_of(name: str) -> str:
    """What utterances of one sentence have in common, in all languages: `vm-Cust3` and `vm-cust1` give `vmcust`.

    The folder counts, punctuation and case do not, nor do numbers that tell variants of a sentence apart (numbers
    that are the sentence, as in `digits/7`, do).
    """
    folder, _, base = name.lower().rpartition("/")
    plain = re.sub(r"[^a-z0-9]", "", base)
    plain = plain if folder == "digits" else re.sub(r"(?<=[a-z])\d+$", "", plain).removesuffix("full")
    return f"{folder}/{plain}" if folder else plain


def split_of(group: str) -> str:
    """The split of a group, by a hash of its name: about 60 % train, 15 % dev, 25 % eval, the same in every corpus."""
    place, bound = number(group) / 2**64, 0.0
    for split, share in _SHARES.items():
        bound += share
        if place < bound:
            return split
    return "eval"


def number(text: str) -> int:
    """A number of 64 bits that follows from a text, evenly spread."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")
