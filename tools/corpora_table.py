"""Fill the list of docs/corpora.md from config/corpora/*.yaml: `python tools/corpora_table.py`."""

import itertools
from pathlib import Path
from typing import Any

from marks import replaced

from rawm import paths
from rawm.config.reading import read_yaml
from rawm.paths import SPLITS
from rawm.study import labels, load_corpus

PAGE = Path(__file__).parents[1] / "docs" / "corpora.md"


def counts(corpus: Any) -> str:
    """The published counts, split by split; uncertain ones are marked."""
    shown = []
    for split in SPLITS:
        expected = corpus.expected.get(split)
        if expected is None:
            continue
        numbers = [
            f"{number:,} {what}"
            for what, number in (("genuine", expected.genuine), ("fake", expected.fake), ("in all", expected.total))
            if number is not None
        ]
        if numbers:
            where = "whole corpus" if getattr(corpus, "splits", None) else split
            shown.append(f"{where} {' + '.join(numbers)}{'' if expected.certain else ' (uncertain)'}")
    return "; ".join(shown) or "not published"


def instructions(text: str) -> list[str]:
    """The comment at the head of a corpus file, without the line for editors."""
    lines = itertools.takewhile(lambda line: line.startswith("#"), text.splitlines()[1:])
    return [line.removeprefix("#").strip() for line in lines]


def section(label: str) -> str:
    """What a user must know of one corpus."""
    corpus = load_corpus(label)
    path = paths.CONFIG / "corpora" / f"{label}.yaml"
    written = read_yaml(path)
    root = written.get("root") or written.get("parquet", "")
    lines = [f"### `{label}`: {corpus.title}\n", *instructions(path.read_text(encoding="utf-8")), ""]
    for what, text in (
        ("Home", corpus.homepage),
        ("Licence", corpus.licence),
        ("Fetch", corpus.download),
        ("Folder", f"`{root}`" if root else ""),
        ("Published counts", counts(corpus)),
        ("Checked", corpus.verified),
    ):
        if text:
            lines.append(f"- {what}: {text}")
    return "\n".join(lines) + "\n"


def listed() -> list[str]:
    """Labels of the corpora that users fetch themselves, those divided for one benchmark aside."""
    return [label for label in labels("corpora") if load_corpus(label).download]


def filled(page: str) -> str:
    """The page with its list made anew."""
    return replaced(page, "list", "\n" + "\n".join(map(section, listed())) + "\n")


if __name__ == "__main__":
    PAGE.write_text(filled(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
