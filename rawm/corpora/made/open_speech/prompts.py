"""The recordings of a recipe: list them; tell the sentence and the split of each."""

import hashlib
import re
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path

from rawm.config.corpora import OpenSpeechCorpus
from rawm.config.open_speech import OpenSpeechRecipe
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


@dataclass(frozen=True)
class Job:
    """One recording and the utterances to make of it; a process' share of the work.

    Attributes:
        corpus: settings of the corpus, `root` resolved.
        packages_dir: where packages are unpacked.
        prompt: the recording.
        texts: texts that a synthesiser may read, the prompt's own first; empty where no attack reads.
    """

    corpus: OpenSpeechCorpus
    packages_dir: Path
    prompt: Prompt
    texts: list[str] = field(default_factory=list)


def list_prompts(recipe: OpenSpeechRecipe, packages_dir: Path) -> list[Prompt]:
    """List the recordings of the recipe's sources, sorted by source and name; with a limit, a fixed few per source.

    Raises:
        UserError: a source has no recordings below `packages_dir`.
    """
    prompts: list[Prompt] = []
    for index, source in enumerate(recipe.sources):
        folder = packages_dir / source.package / source.files
        paths = sorted(path for path in folder.rglob(f"*{source.suffix}") if path.is_file())
        names = {path.relative_to(folder).as_posix().removesuffix(source.suffix): path for path in paths}
        included = [name for name in names if not any(fnmatch(name, pattern) for pattern in source.exclude)]
        if not included:
            raise UserError(f"{folder}: has no recordings *{source.suffix}; fetch the packages of the corpus first")
        included = [name for name in included if source.share[0] <= _position(name) < source.share[1]]
        if recipe.limit is not None:
            included = sorted(sorted(included, key=lambda name: number(f"limit {name}"))[: recipe.limit])
        prompts += [Prompt(names[name], index, name) for name in included]
    return prompts


def group_of(name: str) -> str:
    """Name the group of a sentence, the same in all languages: `vm-Cust3` and `vm-cust1` give `vmcust`.

    The folder is part of it. Punctuation, case and trailing numbers, which tell variants of a sentence apart, are
    removed; numbers in `digits/`, which are the sentence, are not.
    """
    folder, _, base = name.lower().rpartition("/")
    plain = re.sub(r"[^a-z0-9]", "", base)
    plain = plain if folder == "digits" else re.sub(r"(?<=[a-z])\d+$", "", plain).removesuffix("full")
    return f"{folder}/{plain}" if folder else plain


def split_of(group: str) -> str:
    """Choose the split of a group by a hash of its name: about 60 % train, 15 % dev, 25 % eval, in every corpus."""
    position, bound = number(group) / 2**64, 0.0
    for split, share in _SHARES.items():
        bound += share
        if position < bound:
            return split
    return "eval"


def _position(name: str) -> float:
    """Position of a recording within 0..1, the same for all of its group."""
    return number(f"share of {group_of(name)}") / 2**64


def number(text: str) -> int:
    """Hash a text to an integer of 64 bits, uniformly."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")
