"""Audit of a corpus on disk: one report with all problems."""

import os
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rawm import audio, files, manifest, paths
from rawm.corpora import table
from rawm.progress import track


@dataclass(frozen=True)
class Report:
    """What an audit found.

    Attributes:
        corpus: label of the corpus.
        counts: (split, label) -> utterances.
        errors: what makes results wrong or stops a job, one sentence each.
        warnings: what deserves a look, one sentence each.
    """

    corpus: str
    counts: dict[tuple[str, str], int]
    errors: list[str]
    warnings: list[str]

    def lines(self) -> list[str]:
        """The report as text: counts by split, errors, warnings, and a summary."""
        lines = []
        for split in paths.SPLITS:
            counts = [f"{self.counts.get((split, label), 0)} {label}" for label in manifest.LABELS]
            lines.append(f"{self.corpus} {split:5} {', '.join(counts)}")
        lines += [f"error: {sentence}" for sentence in self.errors]
        lines += [f"warning: {sentence}" for sentence in self.warnings]
        return [*lines, f"{self.corpus}: {len(self.errors)} error(s), {len(self.warnings)} warning(s)"]


def check(corpus: Any, deep: bool = False) -> Report:
    """Audit a corpus: its table where the user wrote one, else its manifest, against the files under its root.

    Errors: what a manifest may not hold (ids that are not unique, unknown words, a group in two splits), missing
    files, the same audio bytes in two splits or in both classes, and with `deep` audio that cannot be decoded.
    Warnings: counts that differ from the corpus file's `expected`, audio files that are not listed, the same bytes
    twice in one split and class.

    Args:
        corpus: settings of the corpus, `root` resolved.
        deep: decode every file.

    Raises:
        UserError: there is no table or manifest to audit.
    """
    errors: list[str] = []
    if corpus.loader == "table":
        rows, errors = table.read(corpus)
    else:
        rows = manifest.read(paths.manifest(corpus.name)).rows()
    root = Path(corpus.root)
    errors += manifest.problems(rows)
    present = [row for row in rows if (root / row["path"]).is_file()]
    absent = [row["path"] for row in rows if not (root / row["path"]).is_file()]
    if absent and corpus.loader != "table":  # a table's reader has counted them already
        errors.append(f"{len(absent)} of {len(rows)} files are not under {root}, first {absent[0]}")
    copies, repeats = _same_bytes(root, present)
    errors += copies
    if deep:
        errors += _unreadable(corpus.name, root, present)
    counts = Counter((row["split"], row["label"]) for row in rows)
    warnings = _unexpected(corpus, counts) + _unlisted(root, rows) + repeats
    return Report(corpus.name, dict(counts), list(dict.fromkeys(errors)), warnings)


def _unexpected(corpus: Any, counts: Mapping[tuple[str, str], int]) -> list[str]:
    found = []
    for split, expected in corpus.expected.items():
        for label in manifest.LABELS:
            wanted, have = getattr(expected, label), counts.get((split, label), 0)
            if wanted is not None and wanted != have:
                found.append(f"{split} has {have} {label} utterances; the corpus file expects {wanted}")
    return found


def _unlisted(root: Path, rows: Iterable[Mapping[str, Any]]) -> list[str]:
    """Audio files under the root that no row names, as at most one sentence."""
    listed = {os.path.normpath(row["path"]) for row in rows}
    unlisted = sorted(
        relative
        for folder, _, names in os.walk(root)
        for name in names
        if os.path.splitext(name)[1].lower() in audio.SUFFIXES
        and (relative := os.path.normpath(os.path.relpath(os.path.join(folder, name), root))) not in listed
    )
    return [f"{len(unlisted)} audio file(s) under {root} are not listed, first {unlisted[0]}"] if unlisted else []


def _same_bytes(root: Path, rows: Iterable[Mapping[str, Any]]) -> tuple[list[str], list[str]]:
    """(errors, warnings) about files with equal content; only files of equal size are read."""
    by_size = defaultdict(list)
    for row in rows:
        by_size[(root / row["path"]).stat().st_size].append(row)
    by_content = defaultdict(list)
    for same in by_size.values():
        for row in same if len(same) > 1 else []:
            by_content[files.sha256(root / row["path"])].append(row)
    kinds: dict[str, list] = {"in several splits": [], "both as genuine and as fake": [], "in one split": []}
    for same in by_content.values():
        if len({row["split"] for row in same}) > 1:
            kinds["in several splits"].append(same)
        elif len({row["label"] for row in same}) > 1:
            kinds["both as genuine and as fake"].append(same)
        elif len(same) > 1:
            kinds["in one split"].append(same)
    found = {
        kind: f"{len(groups)} recording(s) occur {kind} with equal bytes, first "
        + " = ".join(row["path"] for row in groups[0][:2])
        for kind, groups in kinds.items()
        if groups
    }
    warnings = [found.pop("in one split")] if "in one split" in found else []
    return list(found.values()), warnings


def _unreadable(name: str, root: Path, rows: list[Mapping[str, Any]]) -> list[str]:
    found = []
    for path in track(sorted({row["path"] for row in rows}), f"{name}: decoding"):
        try:
            audio.load(root / path, 16000)
        except audio.BadAudio as error:
            found.append(str(error))
    return found
